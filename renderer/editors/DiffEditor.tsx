import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../../app/base/result.ts';
import { studio } from '../host/client.ts';
import { useDocument } from '../state/documents.ts';
import { useSettings } from '../state/settings.ts';
import { onDidChangeFiles } from '../state/workspace.ts';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { handleFocus } from '../workbench/dock.ts';
import { acquire, modelOf, release } from './documents.ts';
import { monaco } from './monaco.ts';
import { editorOptions } from './options.ts';
import './editors.css';

type Original = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'none'; readonly why: string };

async function readOriginal(path: string, against: string): Promise<Original> {
  if (against === 'head') {
    const head = await studio.workspace.gitHead({ path });
    if (!head.ok) return { kind: 'none', why: head.error.what };
    if (head.value.kind === 'binary') return { kind: 'none', why: 'This is not text' };
    return { kind: 'text', text: head.value.kind === 'text' ? head.value.text : '' };
  }
  const disk = await studio.workspace.read({ path });
  if (!disk.ok) return { kind: 'none', why: disk.error.what };
  return disk.value.kind === 'text'
    ? { kind: 'text', text: disk.value.text }
    : { kind: 'none', why: 'This is not text' };
}

/** What has changed since HEAD, or what differs from the file on disk; the right side can be edited. */
export default function DiffEditor({
  path,
  against,
  panelId,
}: {
  readonly path: string;
  readonly against: string;
  readonly panelId: string;
}) {
  const container = useRef<HTMLDivElement>(null);
  const document = useDocument(path);
  const [original, setOriginal] = useState<Original | null>(null);
  const isText = document?.content.kind === 'text' && original?.kind === 'text';

  useEffect(() => {
    const taken = acquire(path);
    return () => {
      void taken.then(() => release(path));
    };
  }, [path]);

  useEffect(() => {
    let current = true;
    const read = () =>
      readOriginal(path, against)
        .catch((thrown: unknown): Original => ({ kind: 'none', why: messageOf(thrown) }))
        .then((value) => {
          if (current) setOriginal((before) => (JSON.stringify(before) === JSON.stringify(value) ? before : value));
        });
    void read();
    const subscription = onDidChangeFiles(() => void read());
    return () => {
      current = false;
      subscription.dispose();
    };
  }, [path, against]);

  useEffect(() => {
    const modified = modelOf(path);
    if (!isText || container.current === null || modified === undefined || original.kind !== 'text') return;
    const left = monaco.editor.createModel(original.text, modified.getLanguageId());
    const editor = monaco.editor.createDiffEditor(container.current, {
      ...editorOptions(useSettings.getState().settings),
      originalEditable: false,
      renderSideBySide: true,
      useInlineViewWhenSpaceIsLimited: true,
      hideUnchangedRegions: { enabled: true },
      renderOverviewRuler: false,
      originalAriaLabel: against === 'head' ? `${path} in HEAD` : `${path} on disk`,
      modifiedAriaLabel: `${path} as it is now`,
    });
    editor.setModel({ original: left, modified });
    const endFocus = handleFocus(panelId, () => editor.getModifiedEditor().focus());
    return () => {
      endFocus(editor.getModifiedEditor().hasTextFocus());
      editor.dispose();
      left.dispose();
    };
  }, [path, against, panelId, original, isText]);

  if (original?.kind === 'none') return <EmptyState icon="diff" title={original.why} />;
  if (document?.content.kind === 'failed') return <EmptyState icon="error" title={document.content.what} />;
  return <div className="code-editor" ref={container} />;
}

import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../../app/base/result.ts';
import { studio } from '../host/client.ts';
import { useDocument } from '../state/documents.ts';
import { useSettings } from '../state/settings.ts';
import { onDidChangeFiles } from '../state/workspace.ts';
import { Button, IconButton } from '../widgets/buttons.tsx';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { Icon } from '../widgets/Icon.tsx';
import { handleFocus } from '../workbench/dock.ts';
import { modelOf } from './documents/entries.ts';
import { acquire, release } from './documents/lifecycle.ts';
import { settleDocument } from './documents/resolving.ts';
import { saveDocument } from './documents/saving.ts';
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

type DiffView = ReturnType<typeof monaco.editor.createDiffEditor>;

/** What the change under the cursor becomes: the left side's lines. */
function takeChange(editor: DiffView): void {
  const right = editor.getModifiedEditor();
  const line = right.getPosition()?.lineNumber ?? 1;
  const changes = editor.getLineChanges() ?? [];
  const change =
    changes.find(({ modifiedStartLineNumber, modifiedEndLineNumber }) => {
      // A pure removal stands after its line and has no lines of its own.
      const end = Math.max(modifiedStartLineNumber, modifiedEndLineNumber);
      return line >= modifiedStartLineNumber && line <= end;
    }) ?? changes[0];
  const models = editor.getModel();
  if (change === undefined || models === null) return;
  const { originalStartLineNumber, originalEndLineNumber, modifiedStartLineNumber, modifiedEndLineNumber } = change;
  const lines =
    originalEndLineNumber === 0
      ? []
      : models.original.getLinesContent().slice(originalStartLineNumber - 1, originalEndLineNumber);
  const last = models.modified.getLineCount();
  const text = lines.map((each) => `${each}${models.modified.getEOL()}`).join('');
  const isInsertion = modifiedEndLineNumber === 0;
  const from = isInsertion ? modifiedStartLineNumber + 1 : modifiedStartLineNumber;
  const to = isInsertion ? from : modifiedEndLineNumber + 1;
  // Behind the last line there is no next one to begin at: the end of line moves to the front.
  const atEnd = to > last;
  const range = atEnd
    ? new monaco.Range(
        from > 1 ? from - 1 : 1,
        from > 1 ? models.modified.getLineMaxColumn(from - 1) : 1,
        last,
        models.modified.getLineMaxColumn(last),
      )
    : new monaco.Range(from, 1, to, 1);
  const joined = lines.join(models.modified.getEOL());
  const atEndText = from > 1 && lines.length > 0 ? `${models.modified.getEOL()}${joined}` : joined;
  right.pushUndoStop();
  right.executeEdits('take', [{ range, text: atEnd ? atEndText : text }]);
  right.pushUndoStop();
}

function takeAll(editor: DiffView): void {
  const models = editor.getModel();
  if (models === null) return;
  const right = editor.getModifiedEditor();
  right.pushUndoStop();
  right.executeEdits('take', [{ range: models.modified.getFullModelRange(), text: models.original.getValue() }]);
  right.pushUndoStop();
}

/** Goes through the differences and decides them. */
function DiffBar({
  editor,
  path,
  against,
}: {
  readonly editor: DiffView;
  readonly path: string;
  readonly against: string;
}) {
  const [count, setCount] = useState<number | null>(null);
  const isConflict = useDocument(path)?.conflict === true;
  useEffect(() => {
    const show = () => setCount(editor.getLineChanges()?.length ?? null);
    show();
    const subscription = editor.onDidUpdateDiff(show);
    return () => subscription.dispose();
  }, [editor]);
  const left = against === 'head' ? 'HEAD' : 'Disk';
  const none = count === null || count === 0;
  return (
    <div className="diff-bar">
      <span className="diff-sides">
        {left} <Icon name="arrow-right" /> {against === 'head' ? 'now' : 'yours'}
      </span>
      <span role="status">
        {count === null ? '' : count === 0 ? 'No difference' : `${count} difference${count === 1 ? '' : 's'}`}
      </span>
      <IconButton
        icon="arrow-up"
        label="Previous Difference"
        hint="Shift+F7"
        disabled={none}
        onClick={() => editor.goToDiff('previous')}
      />
      <IconButton
        icon="arrow-down"
        label="Next Difference"
        hint="F7"
        disabled={none}
        onClick={() => editor.goToDiff('next')}
      />
      <span className="diff-gap" />
      <Button kind="quiet" disabled={none} onClick={() => takeChange(editor)}>
        Take {left}’s at the Cursor
      </Button>
      <Button kind="quiet" disabled={none} onClick={() => takeAll(editor)}>
        Take All of {left}
      </Button>
      {against === 'disk' ? (
        <Button
          kind={isConflict ? 'primary' : 'secondary'}
          icon="save"
          onClick={() => void settleDocument(path).then(() => saveDocument(path))}
        >
          Save This
        </Button>
      ) : null}
    </div>
  );
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
  const [editor, setEditor] = useState<DiffView | null>(null);
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
      // The arrow beside a change takes the left side's lines.
      renderMarginRevertIcon: true,
      renderGutterMenu: false,
      originalAriaLabel: against === 'head' ? `${path} in HEAD` : `${path} on disk`,
      modifiedAriaLabel: `${path} as it is now`,
    });
    editor.setModel({ original: left, modified });
    setEditor(editor);
    const endFocus = handleFocus(panelId, () => editor.getModifiedEditor().focus());
    return () => {
      endFocus(editor.getModifiedEditor().hasTextFocus());
      setEditor(null);
      editor.dispose();
      left.dispose();
    };
  }, [path, against, panelId, original, isText]);

  if (original?.kind === 'none') return <EmptyState icon="diff" title={original.why} />;
  if (document?.content.kind === 'failed') return <EmptyState icon="error" title={document.content.what} />;
  return (
    <div className="file-editor">
      {editor === null ? null : <DiffBar editor={editor} path={path} against={against} />}
      <div className="code-editor" ref={container} />
    </div>
  );
}

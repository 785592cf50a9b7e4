import { useEffect, useRef } from 'react';
import { takeReveal, useDocument, useDocuments, useReveal } from '../state/documents.ts';
import { useSettings } from '../state/settings.ts';
import { Button } from '../widgets/buttons.tsx';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { formatBytes } from '../widgets/format.ts';
import { handleFocus } from '../workbench/dock.ts';
import { Breadcrumbs } from './Breadcrumbs.tsx';
import { leaveDocument } from './documents/auto-save.ts';
import { modelOf } from './documents/entries.ts';
import { acquire, release } from './documents/lifecycle.ts';
import './language/providers.ts';
import './markers.ts';
import { monaco } from './monaco.ts';
import { editorOptions } from './options.ts';
import { keepViewState, viewStateOf } from './view-states.ts';
import './editors.css';

type CodeEditor = ReturnType<typeof monaco.editor.create>;

/** Every editor of text that is there, by panel id. */
export const codeEditors = new Map<string, CodeEditor>();

function Text({ path, panelId }: { readonly path: string; readonly panelId: string }) {
  const container = useRef<HTMLDivElement>(null);
  const writable = useDocument(path)?.writable ?? true;
  const settings = useSettings((state) => state.settings);
  const editorRef = useRef<CodeEditor | null>(null);

  useEffect(() => {
    const model = modelOf(path);
    if (container.current === null || model === undefined) return;
    const editor = monaco.editor.create(container.current, {
      ...editorOptions(useSettings.getState().settings),
      model,
      ariaLabel: path,
    });
    editorRef.current = editor;
    codeEditors.set(panelId, editor);
    editor.restoreViewState(viewStateOf(path));

    const showCursor = () => {
      const position = editor.getPosition();
      const selection = editor.getSelection();
      if (position === null || selection === null) return;
      useDocuments.setState({
        cursor: {
          path,
          line: position.lineNumber,
          column: position.column,
          selected: model.getValueLengthInRange(selection),
          language: model.getLanguageId(),
        },
      });
    };
    const reveal = () => {
      const wanted = takeReveal(path);
      if (wanted === null) return;
      const position = { lineNumber: wanted.line, column: wanted.column };
      editor.setPosition(position);
      editor.revealPositionInCenterIfOutsideViewport(position);
      editor.focus();
    };
    const subscriptions = [
      editor.onDidChangeCursorSelection(showCursor),
      editor.onDidFocusEditorText(showCursor),
      editor.onDidBlurEditorText(() => {
        keepViewState(path, editor.saveViewState());
        leaveDocument(path);
      }),
      editor.onDidScrollChange(() => keepViewState(path, editor.saveViewState())),
    ];
    const unsubscribe = useReveal.subscribe(reveal);
    reveal();
    const endFocus = handleFocus(panelId, () => editor.focus());
    return () => {
      keepViewState(path, editor.saveViewState());
      unsubscribe();
      endFocus(editor.hasTextFocus());
      for (const subscription of subscriptions) subscription.dispose();
      codeEditors.delete(panelId);
      editor.dispose();
    };
  }, [path, panelId]);

  useEffect(() => {
    editorRef.current?.updateOptions({ ...editorOptions(settings), readOnly: !writable });
  }, [settings, writable]);

  return (
    <div className="file-editor">
      <Breadcrumbs path={path} />
      <div className="code-editor" ref={container} data-testid="code-editor" />
    </div>
  );
}

/** An editor of one file, or the reason why there is none. */
export default function FileEditor({ path, panelId }: { readonly path: string; readonly panelId: string }) {
  const document = useDocument(path);
  useEffect(() => {
    const taken = acquire(path);
    return () => {
      void taken.then(() => release(path));
    };
  }, [path]);

  switch (document?.content.kind) {
    case undefined:
    case 'loading':
      return null;
    case 'text':
      return <Text path={path} panelId={panelId} />;
    case 'binary':
      return <EmptyState icon="file-binary" title={`This is not text (${formatBytes(document.content.sizeBytes)})`} />;
    case 'too-large':
      return (
        <EmptyState
          icon="file"
          title={`${formatBytes(document.content.sizeBytes)} is too large for an editor; the limit is ${formatBytes(document.content.limitBytes)}`}
        />
      );
    case 'failed':
      return (
        <EmptyState icon="error" title={document.content.what}>
          <p>{document.content.why}</p>
          <Button onClick={() => void acquire(path)}>Try Again</Button>
        </EmptyState>
      );
  }
}

import { useDock } from '../workbench/dock.ts';
import { codeEditors } from './FileEditor.tsx';

/** Runs one of Monaco's own actions in the editor that was last worked in. */
export async function runEditorAction(id: string): Promise<void> {
  const { activeEditor } = useDock.getState();
  const editor = activeEditor === null ? undefined : codeEditors.get(activeEditor);
  editor?.focus();
  const action = editor?.getAction(id);
  if (action !== undefined && action !== null) await action.run();
  // Some of Monaco's actions are only commands, which act on the editor with the keyboard.
  else editor?.trigger('ring0', id, null);
}

/** What is selected in that editor; empty if nothing is. */
export function selectedText(): string {
  const { activeEditor } = useDock.getState();
  const editor = activeEditor === null ? undefined : codeEditors.get(activeEditor);
  const selection = editor?.getSelection();
  return selection === null || selection === undefined ? '' : (editor?.getModel()?.getValueInRange(selection) ?? '');
}

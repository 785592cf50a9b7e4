import type { editor } from 'monaco-editor/editor';
import { PersistedValue } from '../state/persisted.ts';

/** Cursor, selection, scrolling and folds of each file, as its last editor left them. */
const kept = new PersistedValue('editors.views');
const LIMIT = 100;
const states = new Map<string, editor.ICodeEditorViewState>();

export async function loadViewStates(): Promise<void> {
  const saved = await kept.read();
  if (!Array.isArray(saved)) return;
  for (const pair of saved as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || typeof pair[1] !== 'object' || pair[1] === null)
      continue;
    // Monaco checks what it takes: a state of another version is passed over.
    if (!states.has(pair[0])) states.set(pair[0], pair[1] as editor.ICodeEditorViewState);
  }
}

export function viewStateOf(path: string): editor.ICodeEditorViewState | null {
  return states.get(path) ?? null;
}

export function keepViewState(path: string, state: editor.ICodeEditorViewState | null): void {
  if (state === null) return;
  states.delete(path);
  states.set(path, state);
  for (const oldest of states.keys()) {
    if (states.size <= LIMIT) break;
    states.delete(oldest);
  }
  kept.write([...states]);
}

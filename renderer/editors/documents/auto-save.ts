import { useDocuments } from '../../state/documents.ts';
import { useSettings } from '../../state/settings.ts';
import { type Entry, entries, isDirty, onDidChangeEntry } from './entries.ts';
import { saveDocument } from './saving.ts';

/** How long after the last key text is saved by itself, where that is wanted. */
const AUTO_SAVE_MS = 1000;

const timers = new WeakMap<Entry, ReturnType<typeof setTimeout>>();

onDidChangeEntry((entry) => {
  clearTimeout(timers.get(entry));
  if (isDirty(entry) && useSettings.getState().settings.autoSave === 'afterDelay')
    timers.set(
      entry,
      setTimeout(() => void autoSave(entry), AUTO_SAVE_MS),
    );
});

/** Not while two versions wait for a person's decision. */
async function autoSave(entry: Entry): Promise<void> {
  if (isDirty(entry) && useDocuments.getState().documents.get(entry.path)?.conflict !== true)
    await saveDocument(entry.path);
}

/** An editor has lost the focus. */
export function leaveDocument(path: string): void {
  const entry = entries.get(path);
  if (entry !== undefined && useSettings.getState().settings.autoSave === 'onFocusChange') void autoSave(entry);
}

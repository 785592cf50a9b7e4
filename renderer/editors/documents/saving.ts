import { messageOf } from '../../../app/base/result.ts';
import { ANY_CONTENT, type FileContent } from '../../../app/contract/workspace.ts';
import { studio } from '../../host/client.ts';
import { fireSaved } from '../../state/documents.ts';
import { notify, notifyError } from '../../state/notifications.ts';
import { changed, type Entry, entries, isDirty, patch } from './entries.ts';
import { compareWithDisk, discardDocument, mergeDocument } from './resolving.ts';

/** Writes a file. False if it was not written; the person has been told why. */
export function saveDocument(path: string, overwrite = false): Promise<boolean> {
  const entry = entries.get(path);
  if (entry === undefined) return Promise.resolve(true);
  const earlier = entry.saving ?? Promise.resolve(true);
  const saving = earlier
    .then(() => write(entry, overwrite))
    .finally(() => {
      if (entry.saving === saving) entry.saving = null;
    });
  entry.saving = saving;
  return saving;
}

async function write(entry: Entry, overwrite: boolean): Promise<boolean> {
  const { path, model } = entry;
  const version = model.getAlternativeVersionId();
  const text = model.getValue();
  const expected = overwrite ? ANY_CONTENT : entry.etag;
  try {
    const answer = await studio.workspace.write({ path, text, expected });
    if (!answer.ok) {
      notifyError(answer.error);
      return false;
    }
    if (answer.value.kind === 'conflict') {
      showConflict(entry, answer.value.current);
      return false;
    }
    entry.etag = answer.value.etag;
    entry.base = text;
    entry.savedVersion = version;
    patch(path, { gone: false, conflict: false });
    changed(entry);
    fireSaved(path);
    return true;
  } catch (thrown) {
    notify({
      severity: 'error',
      key: `save:${path}`,
      message: `${path} was not saved`,
      detail: `${messageOf(thrown)}\nYour text is kept in the editor.`,
      actions: [{ title: 'Try Again', run: () => saveDocument(path) }],
    });
    return false;
  }
}

export async function saveAll(): Promise<void> {
  for (const entry of [...entries.values()]) if (isDirty(entry)) await saveDocument(entry.path);
}

/** The file and the unsaved text have gone different ways: the person decides. */
export function showConflict(entry: Entry, current: FileContent | null): void {
  const { path } = entry;
  patch(path, { conflict: true, gone: current === null });
  const name = path.slice(path.lastIndexOf('/') + 1);
  const keepMine = { title: 'Overwrite', run: () => saveDocument(path, true) };
  if (current === null) {
    notify({
      severity: 'warning',
      key: `conflict:${path}`,
      message: `${name} was deleted on disk`,
      detail: 'Your text is kept in the editor.',
      actions: [{ title: 'Save It Again', run: keepMine.run }],
    });
    return;
  }
  notify({
    severity: 'warning',
    key: `conflict:${path}`,
    message: `${name} has changed on disk, and you have unsaved text`,
    detail:
      entry.base === null
        ? 'Overwrite keeps yours; Reload takes the file’s and can be undone.'
        : 'Merge brings both together; Overwrite keeps yours; Reload takes the file’s. Merging and reloading can be undone.',
    actions: [
      ...(entry.base === null ? [] : [{ title: 'Merge', run: () => mergeDocument(path) }]),
      { title: 'Compare', run: () => compareWithDisk(path) },
      keepMine,
      { title: 'Reload', run: () => discardDocument(path) },
    ],
  });
}

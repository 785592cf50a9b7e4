import type { FileContent } from '../../../app/contract/workspace.ts';
import { mergeTexts } from '../../../app/text/merge.ts';
import { studio } from '../../host/client.ts';
import { dismissKey, notify, notifyError } from '../../state/notifications.ts';
import { changed, type Entry, entries, patch, setText } from './entries.ts';

/** Ways out of two versions of one file. */

/** Gives up unsaved text: the text becomes the file's again. */
export async function discardDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined) return;
  const read = await studio.workspace.read({ path });
  if (read.ok && read.value.kind === 'text') takeOver(entry, read.value);
  else {
    entry.savedVersion = entry.model.getAlternativeVersionId();
    changed(entry);
  }
}

export function takeOver(entry: Entry, content: Extract<FileContent, { kind: 'text' }>): void {
  setText(entry, content.text);
  entry.etag = content.etag;
  entry.base = content.text;
  entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(entry.path, { conflict: false, gone: false, writable: content.writable });
  changed(entry);
}

/** Brings what the file has become and the unsaved text together. What both have changed stays as it is here, to be decided by hand. */
export async function mergeDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined || entry.base === null) return;
  const read = await studio.workspace.read({ path });
  if (!read.ok || read.value.kind !== 'text') {
    if (!read.ok) notifyError(read.error);
    return;
  }
  const theirs = read.value;
  const merged = mergeTexts(entry.base, entry.model.getValue(), theirs.text);
  if (merged === null) {
    notify({
      severity: 'warning',
      message: 'These texts are too different to be merged',
      detail: 'Compare them instead.',
    });
    await compareWithDisk(path);
    return;
  }
  setText(entry, merged.text);
  // From here on it is an edit of the file as it is now.
  entry.etag = theirs.etag;
  entry.base = theirs.text;
  if (merged.text === theirs.text) entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(path, { conflict: false, gone: false, writable: theirs.writable });
  changed(entry);
  dismissKey(`conflict:${path}`);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (merged.conflicts === 0) {
    notify({ severity: 'success', message: `${name} was merged; it is not saved yet` });
    return;
  }
  const places = `${merged.conflicts} place${merged.conflicts === 1 ? '' : 's'}`;
  notify({
    severity: 'warning',
    key: `conflict:${path}`,
    message: `${name} was merged, but for ${places} that both have changed`,
    detail: 'There your text stays. Take the file’s where you want it, then save.',
  });
  await compareWithDisk(path);
}

/** The file as it is now becomes what the unsaved text is an edit of: the next save replaces it. */
export async function settleDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined) return;
  const read = await studio.workspace.read({ path });
  if (!read.ok || read.value.kind !== 'text') return;
  entry.etag = read.value.etag;
  entry.base = read.value.text;
  if (entry.model.getValue() === read.value.text) entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(path, { conflict: false, gone: false });
  changed(entry);
  dismissKey(`conflict:${path}`);
}

export async function compareWithDisk(path: string): Promise<void> {
  const { openDiff } = await import('../../workbench/open.ts');
  openDiff(path, 'disk');
}

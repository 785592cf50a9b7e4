import { messageOf } from '../../../app/base/result.ts';
import { isExternal } from '../../../app/contract/external.ts';
import { studio, useConnection } from '../../host/client.ts';
import { useDocuments } from '../../state/documents.ts';
import { onDidChangeFiles } from '../../state/workspace.ts';
import { changed, type Entry, entries, isDirty, patch } from './entries.ts';
import { takeOver } from './resolving.ts';
import { showConflict } from './saving.ts';

/** What happens to the files and to the host while texts are open. */

/** Looks at a file again after something happened to it. */
async function refresh(entry: Entry): Promise<void> {
  await entry.saving;
  const read = await studio.workspace.read({ path: entry.path });
  if (entries.get(entry.path) !== entry) return;
  if (!read.ok) {
    patch(entry.path, { gone: true });
    if (entry.etag !== null && isDirty(entry)) showConflict(entry, null);
    entry.etag = null;
    return;
  }
  const content = read.value;
  if (content.kind !== 'text') return;
  patch(entry.path, { gone: false, writable: content.writable });
  if (content.etag === entry.etag) return;
  if (!isDirty(entry) || content.text === entry.model.getValue()) takeOver(entry, content);
  else if (useDocuments.getState().documents.get(entry.path)?.conflict !== true) showConflict(entry, content);
}

onDidChangeFiles((change) => {
  for (const entry of entries.values()) {
    if (isExternal(entry.path)) continue;
    const isTouched =
      change === 'everything' ||
      change.some((path) => path === '' || entry.path === path || entry.path.startsWith(`${path}/`));
    if (isTouched) void refresh(entry).catch((thrown: unknown) => console.warn(`${entry.path}: ${messageOf(thrown)}`));
  }
});

// A host that has just started may have died before it wrote the last backup.
useConnection.subscribe(({ connection }, before) => {
  if (connection.phase !== 'connected' || before.connection.phase === 'connected') return;
  for (const entry of entries.values()) if (isDirty(entry)) changed(entry);
});

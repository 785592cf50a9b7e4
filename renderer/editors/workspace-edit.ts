import { messageOf } from '../../app/base/result.ts';
import type { FileEdit } from '../../app/contract/language.ts';
import { useDocuments } from '../state/documents.ts';
import { notify } from '../state/notifications.ts';
import { modelOf } from './documents/entries.ts';
import { acquire, release } from './documents/lifecycle.ts';
import { saveDocument } from './documents/saving.ts';

/** How long a file that is about to be changed is kept for the change to come. */
const PATIENCE_MS = 30_000;

/**
 * Gets files ready for changes that Monaco is about to make: those that no editor shows are opened, and saved when the change has been
 * made, since nobody would see that they are not. Files with unsaved text stay unsaved.
 */
export async function prepareEdits(files: readonly FileEdit[]): Promise<readonly FileEdit[]> {
  const failed: string[] = [];
  await Promise.all(
    files.map(async ({ path }) => {
      const wasShown = useDocuments.getState().documents.has(path);
      await acquire(path);
      const model = modelOf(path);
      if (model === undefined) {
        failed.push(path);
        release(path);
        return;
      }
      const over = () => {
        clearTimeout(timer);
        subscription.dispose();
      };
      // The change may never come: the person cancels it.
      const timer = setTimeout(() => {
        over();
        release(path);
      }, PATIENCE_MS);
      const subscription = model.onDidChangeContent(() => {
        over();
        // All edits of the change come in this turn.
        queueMicrotask(() => void finish(path, wasShown));
      });
    }),
  );
  if (failed.length > 0) throw new Error(`cannot be opened as text: ${failed.join(', ')}`);
  return files;
}

async function finish(path: string, wasShown: boolean): Promise<void> {
  try {
    if (!wasShown) await saveDocument(path);
  } catch (thrown) {
    notify({ severity: 'error', message: `${path} was not saved`, detail: messageOf(thrown) });
  } finally {
    release(path);
  }
}

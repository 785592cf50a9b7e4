import { useDocuments } from '../state/documents.ts';
import { pathOf } from './close.ts';
import { useDock } from './dock.ts';
import { openFile } from './open.ts';

/**
 * Carries out a rename and takes the editors of what was renamed along, with their unsaved text. `rename` does the renaming;
 * nothing is touched if it fails.
 */
export async function renamed<T extends { readonly ok: boolean }>(
  from: string,
  to: string,
  rename: () => Promise<T>,
): Promise<T> {
  const outcome = await rename();
  const api = useDock.getState().api;
  if (!outcome.ok || api === null) return outcome;
  const active = api.activePanel?.id;
  for (const panel of api.panels) {
    const path = pathOf(panel);
    if (path === null || (path !== from && !path.startsWith(`${from}/`))) continue;
    const target = to + path.slice(from.length);
    if (useDocuments.getState().documents.get(path)?.dirty === true) {
      await (await import('../editors/documents/lifecycle.ts')).moveUnsaved(path, target);
    }
    panel.api.close();
    openFile(target, { focus: panel.id === active });
  }
  return outcome;
}

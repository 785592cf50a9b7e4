import type { IDockviewPanel } from 'dockview-react';
import { useDocuments } from '../state/documents.ts';
import { ask } from './dialog.ts';
import { FILE_VIEW, isEditorPanel, useDock } from './dock.ts';

const saving = () => import('../editors/documents/saving.ts');
const resolving = () => import('../editors/documents/resolving.ts');

/** The file that a panel edits; null for everything else. */
export function pathOf(panel: IDockviewPanel): string | null {
  const path: unknown = panel.params?.path;
  return panel.api.component === FILE_VIEW && typeof path === 'string' ? path : null;
}

/** Closes an editor. Unsaved text is asked about when its last editor goes. False if the person would rather not. */
export async function closeEditor(id: string): Promise<boolean> {
  const api = useDock.getState().api;
  const panel = api?.getPanel(id);
  if (api === null || panel === undefined) return true;
  const path = pathOf(panel);
  if (path !== null) {
    const isLast = api.panels.filter((other) => pathOf(other) === path).length === 1;
    if (isLast && useDocuments.getState().documents.get(path)?.dirty === true) {
      panel.api.setActive();
      const name = path.slice(path.lastIndexOf('/') + 1);
      const choice = await ask(`Save the changes to ${name}?`, 'They are lost if you do not save them.', [
        'Save',
        'Don’t Save',
        'Cancel',
      ]);
      if (choice === null || choice === 'Cancel') return false;
      if (choice === 'Save' && !(await (await saving()).saveDocument(path))) return false;
      if (choice === 'Don’t Save') await (await resolving()).discardDocument(path);
    }
  }
  api.getPanel(id)?.api.close();
  return true;
}

export function closePanel(id: string): void {
  void closeEditor(id);
}

/** Closes editors one after the other; stops where a person cancels. */
export async function closeEditors(which: (panel: IDockviewPanel) => boolean): Promise<void> {
  const panels = useDock.getState().api?.panels.filter((panel) => isEditorPanel(panel) && which(panel)) ?? [];
  for (const panel of panels) if (!(await closeEditor(panel.id))) return;
}

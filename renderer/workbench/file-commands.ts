import { dirtyPaths, useDocuments } from '../state/documents.ts';
import { useSettings } from '../state/settings.ts';
import { activePath, hasFile } from './active-file.ts';
import { registerCommand } from './commands.ts';
import { openDiff } from './open.ts';

const saving = () => import('../editors/documents/saving.ts');
const resolving = () => import('../editors/documents/resolving.ts');
const actions = () => import('../editors/actions.ts');

/** What is done with the file of the editor that was last worked in. */
export function registerFileCommands(): void {
  registerCommand({
    id: 'file.save',
    title: 'Save',
    category: 'File',
    keybinding: 'Mod+S',
    when: hasFile,
    run: async () => {
      const path = activePath();
      if (path === null) return;
      if (useSettings.getState().settings.formatOnSave)
        await (await actions()).runEditorAction('editor.action.formatDocument');
      await (await saving()).saveDocument(path);
    },
  });
  registerCommand({
    id: 'file.saveAll',
    title: 'Save All',
    category: 'File',
    keybinding: 'Mod+K S',
    when: () => dirtyPaths().length > 0,
    run: async () => (await saving()).saveAll(),
  });
  registerCommand({
    id: 'file.revert',
    title: 'Revert to Saved',
    category: 'File',
    when: () => {
      const path = activePath();
      return path !== null && useDocuments.getState().documents.get(path)?.dirty === true;
    },
    run: async () => {
      const path = activePath();
      if (path !== null) await (await resolving()).discardDocument(path);
    },
  });
  registerCommand({
    id: 'file.compareWithHead',
    title: 'Compare with HEAD',
    category: 'Git',
    when: hasFile,
    run: () => {
      const path = activePath();
      if (path !== null) openDiff(path, 'head');
    },
  });
}

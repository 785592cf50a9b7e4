import { changeSettings, useSettings } from '../state/settings.ts';
import { activePath, hasFile } from './active-file.ts';
import { closeEditor, closeEditors } from './close.ts';
import { registerCommand } from './commands.ts';
import { isEditorPanel, useDock } from './dock.ts';
import { openFile } from './open.ts';

const hasEditor = () => useDock.getState().activeEditor !== null;

/** Editors in the order of their tabs, group after group. */
function stepEditor(step: number): void {
  const { api, activeEditor } = useDock.getState();
  const group = activeEditor === null ? undefined : api?.getPanel(activeEditor)?.group;
  const at = group?.panels.findIndex((panel) => panel.id === activeEditor) ?? -1;
  if (group === undefined || at < 0) return;
  group.panels[(at + step + group.panels.length) % group.panels.length]?.api.setActive();
}

/** Editors as tabs: closed, split, stepped through, floated. */
export function registerEditorCommands(): void {
  registerCommand({
    id: 'editor.close',
    title: 'Close Editor',
    // Browsers keep Ctrl+W for themselves; Alt+W is for them.
    keybinding: ['Mod+W', 'Alt+W'],
    when: hasEditor,
    run: async () => {
      const { activeEditor } = useDock.getState();
      if (activeEditor !== null) await closeEditor(activeEditor);
    },
  });
  registerCommand({
    id: 'editor.closeAll',
    title: 'Close All Editors',
    keybinding: 'Mod+K W',
    when: hasEditor,
    run: () => closeEditors(() => true),
  });
  registerCommand({
    id: 'editor.closeOthers',
    title: 'Close Other Editors',
    when: hasEditor,
    run: () => {
      const { activeEditor } = useDock.getState();
      return closeEditors((panel) => panel.id !== activeEditor);
    },
  });
  registerCommand({
    id: 'editor.split',
    title: 'Split Editor',
    keybinding: 'Mod+\\',
    when: hasFile,
    run: () => {
      const path = activePath();
      if (path !== null) openFile(path, { beside: true });
    },
  });
  registerCommand({
    id: 'editor.next',
    title: 'Next Editor',
    keybinding: ['Mod+PageDown', 'Alt+PageDown'],
    when: hasEditor,
    run: () => stepEditor(1),
  });
  registerCommand({
    id: 'editor.previous',
    title: 'Previous Editor',
    keybinding: ['Mod+PageUp', 'Alt+PageUp'],
    when: hasEditor,
    run: () => stepEditor(-1),
  });
  registerCommand({
    id: 'editor.float',
    title: 'Float Editor Group',
    when: hasEditor,
    run: () => {
      const { api, activeEditor } = useDock.getState();
      const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
      if (panel !== undefined && isEditorPanel(panel)) api?.addFloatingGroup(panel, { width: 640, height: 440 });
    },
  });
  registerCommand({
    id: 'editor.toggleWrap',
    title: 'Toggle Word Wrap',
    category: 'View',
    keybinding: 'Alt+Z',
    run: () => changeSettings({ editorWordWrap: !useSettings.getState().settings.editorWordWrap }),
  });
}

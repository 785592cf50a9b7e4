import { dirtyPaths, useDocuments } from '../state/documents.ts';
import { changeSettings, useSettings } from '../state/settings.ts';
import { closeEditor, closeEditors, pathOf } from './close.ts';
import { getCommand, registerCommand } from './commands.ts';
import { isEditorPanel, showPane, toggleSide, useDock } from './dock.ts';
import { showGoTo } from './go-to.ts';
import { canGo, noteVisit, takeStep } from './history.ts';
import { availableLayouts, LAYOUTS, type LayoutName, resetLayout, switchLayout } from './layouts.ts';
import { openDiff, openFile } from './open.ts';
import { allPanes, type PaneLocation } from './panes.ts';
import { quickPick } from './quick-input.ts';
import { focusRegion } from './regions.ts';

const documents = () => import('../editors/documents.ts');
const actions = () => import('../editors/actions.ts');

/** The file of the editor that was last worked in. */
export function activePath(): string | null {
  const { api, activeEditor } = useDock.getState();
  const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
  return panel === undefined ? null : pathOf(panel);
}

const hasFile = () => activePath() !== null;
/** F2 renames a file in the explorer and a symbol in an editor. */
const inEditor = () => document.activeElement?.closest('.monaco-editor') !== null;
const hasEditor = () => useDock.getState().activeEditor !== null;

/** Editors in the order of their tabs, group after group. */
function stepEditor(step: number): void {
  const { api, activeEditor } = useDock.getState();
  const group = activeEditor === null ? undefined : api?.getPanel(activeEditor)?.group;
  const at = group?.panels.findIndex((panel) => panel.id === activeEditor) ?? -1;
  if (group === undefined || at < 0) return;
  group.panels[(at + step + group.panels.length) % group.panels.length]?.api.setActive();
}

const THEMES = [
  { label: 'Dark', value: 'dark' },
  { label: 'Light', value: 'light' },
  { label: 'High Contrast', value: 'high-contrast' },
  { label: 'As the System', value: 'system' },
] as const;

const PLACES: Readonly<Record<PaneLocation, string>> = {
  left: 'primary side bar',
  right: 'secondary side bar',
  bottom: 'panel',
  editor: 'editor',
};

/** Every pane there is, by name: those that no button leads to as well. */
async function openView(): Promise<void> {
  const choices = allPanes().map(({ id, title, icon, defaultLocation }) => ({
    label: title,
    detail: PLACES[defaultLocation],
    icon,
    value: id,
  }));
  const id = await quickPick('Open view', choices);
  if (id !== undefined) showPane(id);
}

const ZOOM_STEP = 0.1;

function zoomBy(step: number): Promise<void> {
  const zoom = Math.min(3, Math.max(0.5, Math.round((useSettings.getState().settings.zoom + step) * 10) / 10));
  return changeSettings({ zoom });
}

/** Monaco's own actions that are commands of the workbench: in the palette, and with keys that can be changed. */
const MONACO: readonly { id: string; title: string; action: string; keybinding?: string | readonly string[] }[] = [
  { id: 'editor.find', title: 'Find', action: 'actions.find' },
  { id: 'editor.replace', title: 'Replace', action: 'editor.action.startFindReplaceAction' },
  {
    id: 'editor.format',
    title: 'Format Document',
    action: 'editor.action.formatDocument',
    keybinding: ['Shift+Alt+F', 'Mod+Shift+I'],
  },
  { id: 'editor.definition', title: 'Go to Definition', action: 'editor.action.revealDefinition', keybinding: 'F12' },
  { id: 'editor.peek', title: 'Peek Definition', action: 'editor.action.peekDefinition', keybinding: 'Alt+F12' },
  { id: 'editor.typeDefinition', title: 'Go to Type Definition', action: 'editor.action.goToTypeDefinition' },
  {
    id: 'editor.implementation',
    title: 'Go to Implementations',
    action: 'editor.action.goToImplementation',
    keybinding: 'Mod+F12',
  },
  {
    id: 'editor.references',
    title: 'Go to References',
    action: 'editor.action.goToReferences',
    keybinding: 'Shift+F12',
  },
  { id: 'editor.rename', title: 'Rename Symbol', action: 'editor.action.rename', keybinding: 'F2' },
  {
    id: 'editor.hover',
    title: 'Show Hover',
    action: 'editor.action.showHover',
    keybinding: 'Mod+K Mod+I',
  },
  // Monaco has these too, but the workbench takes the first key of every chord that it knows.
  {
    id: 'editor.addComment',
    title: 'Comment Lines',
    action: 'editor.action.addCommentLine',
    keybinding: 'Mod+K Mod+C',
  },
  {
    id: 'editor.removeComment',
    title: 'Uncomment Lines',
    action: 'editor.action.removeCommentLine',
    keybinding: 'Mod+K Mod+U',
  },
  { id: 'editor.foldAll', title: 'Fold All', action: 'editor.foldAll', keybinding: 'Mod+K Mod+0' },
  { id: 'editor.unfoldAll', title: 'Unfold All', action: 'editor.unfoldAll', keybinding: 'Mod+K Mod+J' },
  {
    id: 'editor.formatSelection',
    title: 'Format Selection',
    action: 'editor.action.formatSelection',
    keybinding: 'Mod+K Mod+F',
  },
  {
    id: 'editor.trimWhitespace',
    title: 'Trim Trailing Whitespace',
    action: 'editor.action.trimTrailingWhitespace',
    keybinding: 'Mod+K Mod+X',
  },
  { id: 'editor.quickFix', title: 'Quick Fix', action: 'editor.action.quickFix', keybinding: 'Mod+.' },
  {
    id: 'editor.nextProblem',
    title: 'Go to Next Problem',
    action: 'editor.action.marker.nextInFiles',
    keybinding: 'F8',
  },
  {
    id: 'editor.previousProblem',
    title: 'Go to Previous Problem',
    action: 'editor.action.marker.prevInFiles',
    keybinding: 'Shift+F8',
  },
];

/** One step of the history. */
function step(by: 1 | -1): void {
  const visit = takeStep(by);
  if (visit !== null) openFile(visit.path, visit);
}

/** The commands of the workbench itself; panes bring their own. */
export function registerBuiltinCommands(): void {
  useDocuments.subscribe(({ cursor }, before) => {
    if (cursor !== null && cursor !== before.cursor) noteVisit(cursor);
  });

  registerCommand({ id: 'workbench.quickOpen', title: 'Go to File', keybinding: 'Mod+P', run: () => showGoTo('') });
  registerCommand({
    id: 'workbench.palette',
    title: 'Show All Commands',
    keybinding: ['Mod+Shift+P', 'F1'],
    run: () => showGoTo('>'),
  });
  registerCommand({
    id: 'editor.goToLine',
    title: 'Go to Line',
    keybinding: 'Ctrl+G',
    when: hasFile,
    run: () => showGoTo(':'),
  });

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
      await (await documents()).saveDocument(path);
    },
  });
  registerCommand({
    id: 'file.saveAll',
    title: 'Save All',
    category: 'File',
    keybinding: 'Mod+K S',
    when: () => dirtyPaths().length > 0,
    run: async () => (await documents()).saveAll(),
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
      if (path !== null) await (await documents()).discardDocument(path);
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
    id: 'editor.outline',
    title: 'Go to Symbol in Editor',
    category: 'Editor',
    keybinding: 'Mod+Shift+O',
    when: hasFile,
    run: () => showGoTo('@'),
  });
  registerCommand({
    id: 'workbench.symbols',
    title: 'Go to Symbol in Workspace',
    // Browsers keep Ctrl+T for themselves; Alt+T is for them.
    keybinding: ['Mod+T', 'Alt+T'],
    run: () => showGoTo('#'),
  });
  registerCommand({
    id: 'editor.back',
    title: 'Go Back',
    keybinding: 'Alt+ArrowLeft',
    when: () => canGo(-1),
    run: () => step(-1),
  });
  registerCommand({
    id: 'editor.forward',
    title: 'Go Forward',
    keybinding: 'Alt+ArrowRight',
    when: () => canGo(1),
    run: () => step(1),
  });
  for (const { id, title, action, keybinding } of MONACO)
    registerCommand({
      id,
      title,
      category: 'Editor',
      keybinding,
      when: hasFile,
      keyWhen: inEditor,
      run: async () => (await actions()).runEditorAction(action),
    });
  registerCommand({
    id: 'editor.toggleWrap',
    title: 'Toggle Word Wrap',
    category: 'View',
    keybinding: 'Alt+Z',
    run: () => changeSettings({ editorWordWrap: !useSettings.getState().settings.editorWordWrap }),
  });

  registerCommand({
    id: 'workbench.toggle.left',
    title: 'Toggle Primary Side Bar',
    category: 'View',
    keybinding: 'Mod+B',
    run: () => toggleSide('left'),
  });
  registerCommand({
    id: 'workbench.toggle.bottom',
    title: 'Toggle Panel',
    category: 'View',
    keybinding: 'Mod+J',
    run: () => toggleSide('bottom'),
  });
  registerCommand({
    id: 'workbench.toggle.right',
    title: 'Toggle Secondary Side Bar',
    category: 'View',
    keybinding: 'Mod+Alt+B',
    run: () => toggleSide('right'),
  });
  registerCommand({
    id: 'workbench.nextRegion',
    title: 'Focus Next Part',
    category: 'View',
    keybinding: 'F6',
    run: () => focusRegion(1),
  });
  registerCommand({
    id: 'workbench.previousRegion',
    title: 'Focus Previous Part',
    category: 'View',
    keybinding: 'Shift+F6',
    run: () => focusRegion(-1),
  });

  registerCommand({
    id: 'settings.show',
    title: 'Settings',
    category: 'Preferences',
    keybinding: 'Mod+,',
    run: () => showPane('settings'),
  });
  registerCommand({ id: 'workbench.openView', title: 'Open View', category: 'View', run: openView });
  for (const { id, title } of allPanes()) {
    // Those that bring a command of their own know better what it is called.
    if (getCommand(`${id}.show`) !== undefined || getCommand(`${id}.focus`) !== undefined) continue;
    registerCommand({ id: `${id}.show`, title: `Show ${title}`, category: 'View', run: () => showPane(id) });
  }

  for (const name of Object.keys(LAYOUTS) as LayoutName[]) {
    registerCommand({
      id: `layout.${name}`,
      title: `${LAYOUTS[name].title} Layout`,
      category: 'View',
      when: () => availableLayouts().includes(name),
      run: () => switchLayout(name),
    });
  }
  registerCommand({ id: 'layout.reset', title: 'Reset Layout', category: 'View', run: resetLayout });

  registerCommand({
    id: 'workbench.theme',
    title: 'Colour Theme',
    category: 'Preferences',
    keybinding: 'Mod+K Mod+T',
    run: async () => {
      const theme = await quickPick('Colour theme', THEMES);
      if (theme !== undefined) await changeSettings({ theme });
    },
  });
  registerCommand({
    id: 'workbench.zoomIn',
    title: 'Zoom In',
    category: 'View',
    keybinding: 'Mod+=',
    run: () => zoomBy(ZOOM_STEP),
  });
  registerCommand({
    id: 'workbench.zoomOut',
    title: 'Zoom Out',
    category: 'View',
    keybinding: 'Mod+-',
    run: () => zoomBy(-ZOOM_STEP),
  });
  registerCommand({
    id: 'workbench.zoomReset',
    title: 'Reset Zoom',
    category: 'View',
    keybinding: 'Mod+0',
    run: () => changeSettings({ zoom: 1 }),
  });
}

import { changeSettings, useSettings } from '../state/settings.ts';
import { getCommand, registerCommand } from './commands.ts';
import { showPane, toggleSide } from './dock.ts';
import { availableLayouts, LAYOUTS, type LayoutName, resetLayout, switchLayout } from './layouts.ts';
import { allPanes, type PaneLocation } from './panes.ts';
import { quickPick } from './quick-input.ts';
import { focusRegion } from './regions.ts';

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

/** What the window shows, and how: sides, panes, layouts, colours and size. */
export function registerViewCommands(): void {
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

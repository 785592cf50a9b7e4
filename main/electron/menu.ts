import type { MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  /** Runs a command of the page by its id. */
  command(id: string): void;
  openFolder(): void;
}

/** The native menu. What the page can do, it does by the page's own commands, so that palette, keys and menu are one. */
export function menuTemplate(actions: MenuActions, platform: NodeJS.Platform): MenuItemConstructorOptions[] {
  const command = (label: string, id: string): MenuItemConstructorOptions => ({
    label,
    id,
    click: () => actions.command(id),
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  return [
    ...(platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&File',
      submenu: [
        command('New File…', 'explorer.newFile'),
        { label: 'Open Folder…', id: 'openFolder', click: () => actions.openFolder() },
        command('Go to File…', 'workbench.quickOpen'),
        separator,
        command('Save', 'file.save'),
        command('Save All', 'file.saveAll'),
        separator,
        command('Settings', 'settings.show'),
        separator,
        { role: platform === 'darwin' ? 'close' : 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        command('Command Palette…', 'workbench.palette'),
        separator,
        command('Explorer', 'explorer.show'),
        command('Search', 'search.show'),
        command('Problems', 'problems.focus'),
        command('Serial Console', 'serial.focus'),
        command('Terminal', 'terminal.show'),
        command('Chat', 'chat.focus'),
        separator,
        command('Zoom In', 'workbench.zoomIn'),
        command('Zoom Out', 'workbench.zoomOut'),
        command('Normal Size', 'workbench.zoomReset'),
        { role: 'togglefullscreen' },
      ],
    },
    {
      label: '&Terminal',
      submenu: [command('New Terminal', 'terminal.new'), command('Kill Terminal', 'terminal.kill')],
    },
    {
      label: '&Machine',
      submenu: [
        command('Build Kernel', 'build.start'),
        command('Run', 'machine.run'),
        separator,
        command('Pause', 'machine.pause'),
        command('Resume', 'machine.resume'),
        command('Reset', 'machine.reset'),
        command('Stop', 'machine.stop'),
      ],
    },
    // Elsewhere that menu's Close would have Ctrl+W, which closes editors here, and machines end with the window.
    platform === 'darwin' ? { role: 'windowMenu' } : { label: '&Window', submenu: [{ role: 'minimize' }] },
  ];
}

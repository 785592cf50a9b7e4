import { notify } from '../../state/notifications.ts';
import { useWorkspace } from '../../state/workspace.ts';
import { runCommand } from '../../workbench/commands.ts';
import { type MenuItem, openMenu } from '../../workbench/menu.ts';
import { openDiff, openFile } from '../../workbench/open.ts';
import { parentOf } from './rows.ts';
import {
  cutEntry,
  deleteEntry,
  entryAt,
  pasteInto,
  selectRow,
  startCreate,
  startRename,
  useExplorer,
} from './store.ts';

/** The menu of an entry; the empty path is the folder that is open. */
export function openEntryMenu(path: string, x: number, y: number): void {
  if (path !== '') selectRow(path);
  else useExplorer.setState({ focused: null });
  const entry = path === '' ? undefined : entryAt(path);
  const isFolder = path === '' || entry?.kind === 'directory';
  const hasChanges = useWorkspace.getState().marks.has(path);
  const { cut } = useExplorer.getState();
  const items: MenuItem[] = [];
  if (!isFolder) {
    items.push({ label: 'Open', hint: 'Enter', run: () => openFile(path) });
    items.push({ label: 'Open to the Side', hint: 'Ctrl+Enter', run: () => openFile(path, { beside: true }) });
    if (hasChanges) items.push({ label: 'Compare with HEAD', run: () => openDiff(path, 'head') });
    items.push('separator');
  }
  items.push({ label: 'New File…', run: () => startCreate('file') });
  items.push({ label: 'New Folder…', run: () => startCreate('directory') });
  if (isFolder && path !== '') items.push({ label: 'Find in Folder…', run: () => runCommand('search.inFolder', path) });
  items.push('separator');
  if (path !== '') items.push({ label: 'Cut', hint: 'Ctrl+X', run: () => cutEntry(path) });
  if (cut !== null)
    items.push({ label: 'Paste', hint: 'Ctrl+V', run: () => pasteInto(isFolder ? path : parentOf(path)) });
  if (path !== '') {
    items.push({ label: 'Copy Path', run: () => copy(path) });
    items.push('separator');
    items.push({ label: 'Rename…', hint: 'F2', run: () => startRename(path) });
    items.push({ label: 'Delete', hint: 'Delete', run: () => deleteEntry(path) });
  }
  if (items.at(-1) === 'separator') items.pop();
  openMenu(x, y, path === '' ? 'Workspace' : path, items);
}

async function copy(path: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(path);
  } catch {
    notify({ severity: 'warning', message: 'The browser did not allow the clipboard', detail: path });
  }
}

import { create } from 'zustand';
import { messageOf } from '../../../app/base/result.ts';
import type { WorkspaceEntry } from '../../../app/contract/workspace.ts';
import { studio } from '../../host/client.ts';
import { notify, notifyError } from '../../state/notifications.ts';
import { PersistedValue } from '../../state/persisted.ts';
import { onDidChangeFiles, refreshGit } from '../../state/workspace.ts';
import { renamed } from '../../workbench/renamed.ts';
import { type Editing, foldersAbove, join, nameOf, parentOf, type TreeState } from './rows.ts';

interface ExplorerState extends TreeState {
  /** The line that has, or last had, the focus. */
  readonly focused: string | null;
  /** Rises when the focus is to move to `focused`. */
  readonly focusRequest: number;
  /** Why the root could not be listed. */
  readonly failure: string | null;
  /** To be moved by the next paste. */
  readonly cut: string | null;
}

export const useExplorer = create<ExplorerState>(() => ({
  children: new Map(),
  expanded: new Set(),
  editing: null,
  focused: null,
  focusRequest: 0,
  failure: null,
  cut: null,
}));

const kept = new PersistedValue('explorer.expanded');
const get = useExplorer.getState;
const set = useExplorer.setState;

let started = false;

/** Lists the root and what was open at the last visit; called when the pane is first drawn. */
export async function startExplorer(): Promise<void> {
  if (started) return;
  started = true;
  const saved = await kept.read();
  const expanded = Array.isArray(saved) ? saved.filter((path): path is string => typeof path === 'string') : ['kernel'];
  await list('');
  await Promise.all(expanded.map(list));
  set((state) => ({ expanded: new Set([...state.expanded, ...expanded].filter((path) => state.children.has(path))) }));
}

async function list(path: string): Promise<boolean> {
  try {
    const answer = await studio.workspace.tree({ path });
    if (answer.ok) {
      set((state) => ({
        children: new Map(state.children).set(path, answer.value),
        ...(path === '' ? { failure: null } : {}),
      }));
      return true;
    }
    if (path === '') set({ failure: answer.error.what });
    else forget(path);
  } catch (thrown) {
    if (path === '') set({ failure: messageOf(thrown) });
  }
  return false;
}

function forget(path: string): void {
  const isBelow = (each: string) => each === path || each.startsWith(`${path}/`);
  set((state) => ({
    children: new Map([...state.children].filter(([each]) => !isBelow(each))),
    expanded: new Set([...state.expanded].filter((each) => !isBelow(each))),
  }));
}

onDidChangeFiles((change) => {
  if (!started) return;
  const { children } = get();
  const touched =
    change === 'everything'
      ? [...children.keys()]
      : [...children.keys()].filter((folder) => change.some((path) => path === folder || parentOf(path) === folder));
  for (const folder of touched) void list(folder);
});

export async function expand(path: string): Promise<void> {
  if (!get().children.has(path) && !(await list(path))) return;
  set((state) => ({ expanded: new Set(state.expanded).add(path) }));
  kept.write([...get().expanded]);
}

export function collapse(path: string): void {
  set((state) => ({ expanded: new Set([...state.expanded].filter((each) => each !== path)) }));
  kept.write([...get().expanded]);
}

export function collapseAll(): void {
  set({ expanded: new Set() });
  kept.write([]);
}

export function focusRow(path: string): void {
  set((state) => ({ focused: path, focusRequest: state.focusRequest + 1 }));
}

/** Marks a line without taking the keyboard. */
export function selectRow(path: string): void {
  set({ focused: path });
}

/** Opens the folders above a file and marks it. */
export async function revealInTree(path: string): Promise<void> {
  for (const folder of foldersAbove(path)) if (!get().expanded.has(folder)) await expand(folder);
  selectRow(path);
}

/** The folder that a new entry goes to: the marked directory, or the one that the marked file lies in. */
export function targetFolder(): string {
  const { focused } = get();
  if (focused === null) return '';
  return entryAt(focused)?.kind === 'directory' ? focused : parentOf(focused);
}

export function entryAt(path: string): WorkspaceEntry | undefined {
  return get()
    .children.get(parentOf(path))
    ?.find((entry) => entry.path === path);
}

export async function startCreate(entry: 'file' | 'directory'): Promise<void> {
  const parent = targetFolder();
  if (parent !== '') await expand(parent);
  set({ editing: { kind: 'create', parent, entry } });
}

export function startRename(path: string): void {
  set({ editing: { kind: 'rename', path } });
}

export function stopEditing(): void {
  const { editing, focused } = get();
  set({ editing: null });
  if (focused !== null) focusRow(focused);
  else if (editing?.kind === 'rename') focusRow(editing.path);
}

/** Does what the typed name was for. Returns the path of a new file, which is then to be opened. */
export async function commitEditing(editing: Editing, name: string): Promise<string | null> {
  set({ editing: null });
  if (editing.kind === 'rename') {
    await move(editing.path, join(parentOf(editing.path), name.trim()));
    return null;
  }
  const path = join(editing.parent, name.trim());
  const made = await studio.workspace.create({ path, kind: editing.entry });
  if (!made.ok) {
    notifyError(made.error);
    return null;
  }
  await list(editing.parent);
  await revealInTree(path);
  focusRow(path);
  return editing.entry === 'file' ? path : null;
}

/** Renames or moves, and takes open editors along. */
export async function move(from: string, to: string): Promise<void> {
  if (from === to || to.startsWith(`${from}/`)) return;
  const moved = await renamed(from, to, () => studio.workspace.rename({ from, to }));
  if (!moved.ok) {
    notifyError(moved.error);
    return;
  }
  set((state) => ({ cut: state.cut === from ? null : state.cut }));
  await Promise.all([list(parentOf(from)), list(parentOf(to))]);
  await revealInTree(to);
  focusRow(to);
  refreshGit();
}

export function cutEntry(path: string): void {
  set({ cut: path });
}

export async function pasteInto(folder: string): Promise<void> {
  const { cut } = get();
  if (cut !== null) await move(cut, join(folder, nameOf(cut)));
}

/** Puts an entry into the trash; the message that says so has the way back. */
export async function deleteEntry(path: string): Promise<void> {
  const neighbours = get().children.get(parentOf(path)) ?? [];
  const at = neighbours.findIndex((entry) => entry.path === path);
  const next = neighbours[at + 1]?.path ?? neighbours[at - 1]?.path ?? (parentOf(path) || null);
  const deleted = await studio.workspace.delete({ path });
  if (!deleted.ok) {
    notifyError(deleted.error);
    return;
  }
  forget(path);
  await list(parentOf(path));
  if (next !== null) focusRow(next);
  refreshGit();
  notify({
    severity: 'info',
    key: `deleted:${path}`,
    message: `${nameOf(path)} was moved to the trash`,
    sticky: false,
    actions: [{ title: 'Undo', run: () => undoDelete(deleted.value.id) }],
  });
}

async function undoDelete(id: string): Promise<void> {
  const restored = await studio.workspace.undoDelete({ id });
  if (!restored.ok) {
    notifyError(restored.error);
    return;
  }
  await list(parentOf(restored.value.path));
  await revealInTree(restored.value.path);
  focusRow(restored.value.path);
  refreshGit();
}

import type { WorkspaceEntry } from '../../../app/contract/workspace.ts';

/** What the tree knows: the listings that have been asked for, and the directories that are open. */
export interface TreeState {
  readonly children: ReadonlyMap<string, readonly WorkspaceEntry[]>;
  readonly expanded: ReadonlySet<string>;
  /** A name that is being typed: a new entry in `parent`, or another name for `path`. */
  readonly editing: Editing | null;
}

export type Editing =
  | { readonly kind: 'create'; readonly parent: string; readonly entry: 'file' | 'directory' }
  | { readonly kind: 'rename'; readonly path: string };

export type Row =
  | {
      readonly kind: 'entry';
      readonly entry: WorkspaceEntry;
      readonly depth: number;
      readonly position: number;
      readonly siblings: number;
    }
  | { readonly kind: 'create'; readonly parent: string; readonly entry: 'file' | 'directory'; readonly depth: number };

/** The lines of the tree from top to bottom. */
export function rowsOf({ children, expanded, editing }: TreeState): Row[] {
  const rows: Row[] = [];
  const visit = (path: string, depth: number) => {
    if (editing?.kind === 'create' && editing.parent === path) {
      rows.push({ kind: 'create', parent: path, entry: editing.entry, depth });
    }
    const entries = children.get(path) ?? [];
    entries.forEach((entry, index) => {
      rows.push({ kind: 'entry', entry, depth, position: index + 1, siblings: entries.length });
      if (entry.kind === 'directory' && expanded.has(entry.path)) visit(entry.path, depth + 1);
    });
  };
  visit('', 0);
  return rows;
}

export const parentOf = (path: string) => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
export const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
export const join = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`);

/** Every directory above a path, outermost first. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Why a typed name cannot be one; null if it can. A slash makes folders on the way. */
export function nameProblem(name: string, siblings: readonly string[]): string | null {
  const trimmed = name.trim();
  if (trimmed === '') return 'A name is needed';
  if (/[\\\0]/.test(trimmed)) return 'A name has no backslash';
  if (trimmed.split('/').some((part) => part === '' || part === '.' || part === '..')) return 'This is not a name';
  if (siblings.includes(trimmed)) return `${trimmed} is already there`;
  return null;
}

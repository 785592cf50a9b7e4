import type { ArrayWindow, TypedValue } from '../../app/contract/inspect/symbol.ts';

/** Place of a value in its tree: numbers of children from the root on, `2/0`; empty for the root. */
export type ValuePath = string;

export type TypedRow =
  /** `open` is null where there is nothing in it. */
  | {
      readonly kind: 'value';
      readonly path: ValuePath;
      readonly depth: number;
      readonly value: TypedValue;
      readonly open: boolean | null;
    }
  /** Values that were left out, of the value that they are in. */
  | {
      readonly kind: 'omitted';
      readonly path: ValuePath;
      readonly depth: number;
      readonly count: number;
      readonly of: TypedValue;
    };

/** What is in a value as rows of a tree, with what is in the values that are open; a value with nothing in it is its own row. */
export function typedRows(root: TypedValue, open: ReadonlySet<ValuePath>): TypedRow[] {
  if (root.children.length === 0) return [{ kind: 'value', path: '', depth: 0, value: root, open: null }];
  const rows: TypedRow[] = [];
  const inside = (parent: TypedValue, at: ValuePath, depth: number) => {
    parent.children.forEach((value, n) => {
      const path = inPath(at, n);
      const isOpen = open.has(path);
      rows.push({ kind: 'value', path, depth, value, open: value.children.length === 0 ? null : isOpen });
      if (isOpen) inside(value, path, depth + 1);
    });
    if (parent.omitted > 0)
      rows.push({ kind: 'omitted', path: inPath(at, -1), depth, count: parent.omitted, of: parent });
  };
  inside(root, '', 0);
  return rows;
}

/** The elements of an array that are shown: the first, the one after the last, and how many there are. */
export interface Elements {
  readonly first: number;
  readonly end: number;
  readonly count: number;
}

/** Null of what is no array, or has no elements that could be shown. */
export function elementsOf({ kind, children, omitted }: TypedValue): Elements | null {
  const [least] = children;
  if (kind !== 'array' || least === undefined) return null;
  const first = Number(least.name);
  return { first, end: first + children.length, count: children.length + omitted };
}

/** The windows after an array is to begin with another element, within what it has. */
export function moveWindow(windows: readonly ArrayWindow[], array: TypedValue, first: number): ArrayWindow[] {
  const { offset, bytes } = array;
  const count = elementsOf(array)?.count ?? 0;
  const others = windows.filter((it) => it.offset !== offset || it.bytes !== bytes);
  const begin = Math.max(0, Math.min(first, count - 1));
  return begin === 0 ? others : [...others, { offset, bytes, first: begin }].slice(-MOST_WINDOWS);
}

/** As many as the contract takes. */
const MOST_WINDOWS = 64;

export function parentOf(path: ValuePath): ValuePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function inPath(parent: ValuePath, child: number): ValuePath {
  return parent === '' ? String(child) : `${parent}/${child}`;
}

/** Whether a value's bytes hold an address. */
function holds({ address, bytes }: TypedValue, at: bigint): boolean {
  const start = BigInt(address);
  return at >= start && at < start + BigInt(bytes);
}

/** The innermost row that an address lies in; null outside of all. What overlaps (a union) is its first. */
export function rowAt(rows: readonly TypedRow[], address: bigint): ValuePath | null {
  let found: { readonly path: ValuePath; readonly depth: number } | null = null;
  for (const row of rows)
    if (row.kind === 'value' && row.depth > (found?.depth ?? -1) && holds(row.value, address)) found = row;
  return found === null ? null : found.path;
}

/** The names on the way to the innermost value at an address: `.phases[2].tsc`; empty outside. */
export function nameAt(root: TypedValue, address: bigint): string {
  let [value, name] = [root, ''];
  for (let depth = 0; depth < 64; depth++) {
    const inner = value.children.find((it) => holds(it, address));
    if (inner === undefined) break;
    name += value.kind === 'array' ? `[${inner.name}]` : `.${inner.name}`;
    value = inner;
  }
  return name;
}

/** Values that read otherwise than at the look before, with all that they are in. Of another type there is nothing to compare. */
export function changedPaths(now: TypedValue, before: TypedValue | null): ReadonlySet<ValuePath> {
  const changed = new Set<ValuePath>();
  const compare = (a: TypedValue, b: TypedValue | undefined, path: ValuePath): boolean => {
    if (b === undefined || a.type !== b.type || a.address !== b.address) return false;
    let differs = a.text !== b.text;
    a.children.forEach((child, n) => {
      if (compare(child, b.children[n], inPath(path, n))) differs = true;
    });
    if (differs) changed.add(path);
    return differs;
  };
  if (before !== null) compare(now, before, '');
  return changed;
}

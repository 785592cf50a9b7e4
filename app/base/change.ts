/** What of a JSON value is another at a later moment: told to somebody who has the earlier one, in place of the whole. */

/** Names and indexes, from the outside in. */
export type ChangePath = (string | number)[];

export interface Change {
  readonly path: ChangePath;
  readonly value: unknown;
}

/** With more changes than this the whole is less. */
const MOST = 256;

/** The changes that lead from one value to another; none if they are equal, null if they have little in common. */
export function changesBetween(before: unknown, after: unknown): Change[] | null {
  const changes: Change[] = [];
  collect(before, after, [], changes);
  return changes.length > MOST || changes.some(({ path }) => path.length === 0) ? null : changes;
}

function collect(before: unknown, after: unknown, path: ChangePath, changes: Change[]): void {
  if (Object.is(before, after) || changes.length > MOST) return;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (let n = 0; n < after.length; n++) collect(before[n], after[n], [...path, n], changes);
    return;
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = Object.keys(after);
    if (keys.length === Object.keys(before).length && keys.every((key) => Object.hasOwn(before, key))) {
      for (const key of keys) collect(before[key], after[key], [...path, key], changes);
      return;
    }
  }
  changes.push({ path, value: after });
}

/** The value after the changes. What they do not touch is the same object as before. Null if one does not fit the value. */
export function applyChanges(value: unknown, changes: readonly Change[]): { readonly value: unknown } | null {
  /** Objects that are copies already. */
  const own = new Set<unknown>();
  const root = { value };
  for (const { path, value: next } of changes) {
    let at: unknown = root;
    let step: string | number = 'value';
    for (const key of path) {
      const child: unknown = Reflect.get(at as object, step);
      if (typeof child !== 'object' || child === null || !Object.hasOwn(child, key)) return null;
      const copy = own.has(child) ? child : Array.isArray(child) ? [...child] : { ...child };
      own.add(copy);
      Reflect.set(at as object, step, copy);
      at = copy;
      step = key;
    }
    Reflect.set(at as object, step, next);
  }
  return root;
}

/** The later value, with every part of the earlier one that it has in common with it; the earlier one itself where they are equal. */
export function sharing<T>(before: T | null, after: T): T {
  const changes = before === null ? null : changesBetween(before, after);
  return changes === null ? after : ((applyChanges(before, changes)?.value as T | undefined) ?? after);
}

/** What stands at a path; undefined if there is nothing. */
export function valueAt(value: unknown, path: ChangePath): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[key];
  }
  return at;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

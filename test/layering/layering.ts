/** Reads the import graph with dependency-cruiser and holds it against the allowlist. */
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { ALLOWED, ALLOWED_IN_TESTS, DEBT } from './allowlist.ts';

export interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: string;
}

/** The import graph of the given folders, type-only imports included. */
export async function readGraph(baseDir: string, folders: readonly string[]): Promise<ICruiseResult> {
  const result = await cruise([...folders], {
    baseDir,
    tsPreCompilationDeps: true,
    // Packages that are found through their `exports` alone are found as Node finds them.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^node_modules/.*/' },
  });
  if (typeof result.output === 'string') throw new Error(`dependency-cruiser answered with text: ${result.output}`);
  return result.output;
}

/** The row that a file belongs to: its own, or the longest that fits, where `x/*` fits any one folder in x. */
function rowOf(path: string): { row: string; folder: string } | undefined {
  if (path in ALLOWED) return { row: path, folder: path };
  const parts = path.split('/').slice(0, -1);
  for (let length = parts.length; length > 0; length -= 1) {
    const folder = parts.slice(0, length).join('/');
    if (folder in ALLOWED) return { row: folder, folder };
    const wildcard = [...parts.slice(0, length - 1), '*'].join('/');
    if (wildcard in ALLOWED) return { row: wildcard, folder };
  }
  return undefined;
}

/** Whether `permission`, an entry of a row, covers a file in `folder`, whose own row is `row`. */
function covers(permission: string, folder: string, row: string): boolean {
  if (permission === row || permission === folder) return true;
  // One of `x/*` stays one when it has a row of its own.
  if (permission.endsWith('/*') && permission.slice(0, -2) === parentOf(folder)) return true;
  // A whole tree, such as `app`, is named by a prefix that is no row of its own.
  return !(permission in ALLOWED) && `${folder}/`.startsWith(`${permission}/`);
}

function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

/** Whether `permission` grants a package; `npm:@scope/prefix-*` grants a family. */
function grants(permission: string, name: string): boolean {
  if (!permission.startsWith('npm:')) return false;
  const granted = permission.slice('npm:'.length);
  return granted.endsWith('*') ? name.startsWith(granted.slice(0, -1)) : name === granted;
}

/** Every import that the allowlist does not allow. */
export function violations(graph: ICruiseResult): Violation[] {
  const found: Violation[] = [];
  for (const module of graph.modules) {
    const from = module.source;
    if (module.coreModule === true || from.includes('node_modules/')) continue;
    // What tests share may reach for anything.
    if (from.startsWith('test/')) continue;
    const own = rowOf(from);
    if (own === undefined) {
      found.push({ from, to: '', rule: 'its folder has no row in the allowlist' });
      continue;
    }
    const isTest = /\.test\.tsx?$/.test(from);
    const allowed = [...(ALLOWED[own.row] ?? []), ...(isTest ? ALLOWED_IN_TESTS : [])];
    for (const dependency of module.dependencies) {
      const to = dependency.resolved;
      if (DEBT.includes(`${from} -> ${to}`)) continue;
      const rule = judge(own, allowed, to, dependency.coreModule === true, dependency.couldNotResolve === true);
      if (rule !== undefined) found.push({ from, to, rule });
    }
  }
  return found;
}

function judge(
  own: { row: string; folder: string },
  allowed: readonly string[],
  to: string,
  core: boolean,
  lost: boolean,
): string | undefined {
  if (core) return allowed.includes('node') ? undefined : `${own.row} may not use Node`;
  if (lost) return 'cannot be resolved';
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(to)?.[1];
  if (name !== undefined)
    return allowed.some((it) => grants(it, name)) ? undefined : `${own.row} may not use the package ${name}`;
  const target = rowOf(to) ?? { row: to.split('/').slice(0, 2).join('/'), folder: parentOf(to) };
  if (target.folder === own.folder) return undefined;
  const permitted = allowed.some((permission) => covers(permission, target.folder, target.row));
  return permitted ? undefined : `${own.folder} may not import ${target.folder}`;
}

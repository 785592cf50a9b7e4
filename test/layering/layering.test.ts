import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { ALLOWED } from './allowlist.ts';
import { readGraph, violations } from './layering.ts';

const root = resolve(import.meta.dirname, '..', '..');
const FOLDERS = ['app', 'main', 'renderer'];

/** The sources in a folder, or the one file of that name. */
function sourcesIn(folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [folder];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(tsx?|mjs|css)$/.test(name),
  );
  return names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
}

it('reports every planted violation, and only those', async () => {
  const graph = await readGraph(join(import.meta.dirname, 'canary'), FOLDERS);
  const found = violations(graph).map(({ from, rule }) => `${from}: ${rule}`);
  expect(found.sort()).toEqual([
    'app/base/leak.ts: app/base may not use Node',
    'app/unheard/orphan.ts: its folder has no row in the allowlist',
    'main/cli/deep.ts: main/cli may not import main/services/two',
    'main/cli/deep.ts: main/cli may not use the package vitest',
    'main/services/two/two.ts: main/services/two may not import main/services/one',
    'renderer/panes/one/one.ts: renderer/panes/* may not use Node',
    'renderer/panes/one/one.ts: renderer/panes/one may not import main/services/one',
    'renderer/panes/two/two.ts: renderer/panes/* may not use the package monaco-editor',
    'renderer/panes/two/two.ts: renderer/panes/two may not import renderer/panes/one',
    'renderer/state/knows.ts: renderer/state may not import renderer/workbench',
    'renderer/widgets/Stateful.tsx: renderer/widgets may not import renderer/workbench',
    'renderer/widgets/Stateful.tsx: renderer/widgets may not use the package zustand',
  ]);
});

it('holds in all parts of the studio, having read every source in them', async () => {
  const graph = await readGraph(root, FOLDERS);
  const read = new Set(graph.modules.map((module) => module.source));
  const sources = FOLDERS.flatMap((folder) => {
    const found = sourcesIn(folder).filter((path) => !path.endsWith('.css') && !path.endsWith('.d.ts'));
    expect([folder, found.length > 40]).toEqual([folder, true]);
    return found;
  });
  expect(sources.filter((path) => !read.has(path))).toEqual([]);
  expect(violations(graph)).toEqual([]);
}, 60_000);

it('has no row for a folder that is not there', () => {
  const folders = Object.keys(ALLOWED).filter((row) => !row.endsWith('/*'));
  expect(folders.filter((row) => sourcesIn(row).length === 0)).toEqual([]);
});

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { ALLOWED } from './allowlist.ts';
import { readGraph, violations } from './layering.ts';

const root = resolve(import.meta.dirname, '..', '..');

function sourcesIn(folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|mjs)$/.test(name));
  return names.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
}

it('reports every planted violation, and only those', async () => {
  const graph = await readGraph(join(import.meta.dirname, 'canary'), ['app', 'main']);
  const found = violations(graph).map(({ from, rule }) => `${from}: ${rule}`);
  expect(found.sort()).toEqual([
    'app/base/leak.ts: app/base may not use Node',
    'app/unheard/orphan.ts: its folder has no row in the allowlist',
    'main/cli/deep.ts: main/cli may not import main/services/two',
    'main/cli/deep.ts: main/cli may not use the package vitest',
    'main/services/two/two.ts: main/services/two may not import main/services/one',
  ]);
});

it('holds in app and main, having read every source in them', async () => {
  const graph = await readGraph(root, ['app', 'main']);
  const read = new Set(graph.modules.map((module) => module.source));
  const sources = [...sourcesIn('app'), ...sourcesIn('main')];
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((path) => !read.has(path))).toEqual([]);
  expect(violations(graph)).toEqual([]);
});

it('has no row for a folder that is not there', () => {
  const folders = Object.keys(ALLOWED).filter((row) => !row.endsWith('/*'));
  expect(folders.filter((row) => sourcesIn(row).length === 0)).toEqual([]);
});

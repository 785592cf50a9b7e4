import { expect, test } from 'vitest';
import type { CodeSymbol } from '../../../app/contract/language.ts';
import { keyOf, outlineRows } from './rows.ts';

/** Symbols drawn as a tree by two blanks a level. */
function symbols(drawing: string): CodeSymbol[] {
  return drawing
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => ({
      name: line.trim(),
      detail: '',
      kind: 'function',
      depth: (line.length - line.trimStart().length) / 2,
      line: index + 1,
      column: 1,
      endLine: index + 1,
      endColumn: 1,
      nameLine: index + 1,
      nameColumn: 1,
    }));
}

const TREE = symbols(`
Engine
  run
  stop
    inner
Sampler
  pick
`);
const names = (folded: string[], filter: string) =>
  outlineRows(TREE, new Set(TREE.filter(({ name }) => folded.includes(name)).map(keyOf)), filter).rows.map(
    ({ symbol }) => symbol.name,
  );

test('all, or what is not in something folded', () => {
  expect(names([], '')).toEqual(['Engine', 'run', 'stop', 'inner', 'Sampler', 'pick']);
  expect(names(['Engine'], '')).toEqual(['Engine', 'Sampler', 'pick']);
  expect(names(['stop', 'Sampler'], '')).toEqual(['Engine', 'run', 'stop', 'Sampler']);
});

test('a filter shows what matches in what it lies in, folded or not', () => {
  expect(names(['Engine'], 'inner')).toEqual(['Engine', 'stop', 'inner']);
  expect(names([], 'pick')).toEqual(['Sampler', 'pick']);
  expect(names([], 'Engine')).toEqual(['Engine']);
  expect(names([], 'zzz')).toEqual([]);
});

test('rows know whether they hold others', () => {
  expect(outlineRows(TREE, new Set(), '').rows.map(({ hasChildren }) => hasChildren)).toEqual([
    true,
    false,
    true,
    false,
    true,
    false,
  ]);
});

import { expect, test } from 'vitest';
import type { SizeSymbol } from '../../../app/contract/build.ts';
import { crateShares, nextSorting, sectionShares, sortedSymbols } from './size-view.ts';

const symbol = (name: string, bytes: number, crate: string): SizeSymbol => ({
  name,
  bytes,
  crate,
  section: '.text',
  kind: 'function',
});
const LIST = [symbol('b::run', 50, 'b'), symbol('a::step', 30, 'a'), symbol('a::run', 15, 'a'), symbol('entry', 5, '')];
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

test('sorting: by a column, round with the second click, the larger first of equals', () => {
  expect(names(sortedSymbols(LIST, '', { key: 'bytes', ascending: false }))).toEqual([
    'b::run',
    'a::step',
    'a::run',
    'entry',
  ]);
  expect(names(sortedSymbols(LIST, '', { key: 'crate', ascending: true }))).toEqual([
    'entry',
    'a::step',
    'a::run',
    'b::run',
  ]);
  expect(nextSorting({ key: 'bytes', ascending: false }, 'bytes')).toEqual({ key: 'bytes', ascending: true });
  expect(nextSorting({ key: 'bytes', ascending: true }, 'name')).toEqual({ key: 'name', ascending: true });
});

test('every word of the filter counts', () => {
  expect(names(sortedSymbols(LIST, 'RUN a', { key: 'bytes', ascending: false }))).toEqual(['a::run']);
});

test('shares of crates and of sections', () => {
  expect(crateShares({ symbols: LIST }, 1)).toEqual([
    { name: 'b', bytes: 50, part: 0.5 },
    { name: 'others', bytes: 50, part: 0.5 },
  ]);
  expect(
    sectionShares({
      memoryBytes: 100,
      sections: [
        { name: '.text', bytes: 75, kind: 'code' },
        { name: '.bss', bytes: 25, kind: 'zeroed' },
        { name: '.debug', bytes: 9, kind: 'debug' },
      ],
    }).map(({ name, part }) => [name, part]),
  ).toEqual([
    ['.text', 0.75],
    ['.bss', 0.25],
  ]);
});

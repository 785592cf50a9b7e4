import { expect, test } from 'vitest';
import type { MemoryView } from '../../app/contract/inspect/memory.ts';
import {
  asciiOf,
  goBack,
  goForward,
  goTo,
  hexByte,
  hexBytes,
  hexRow,
  patternOf,
  pointerAt,
  readings,
} from './memory-view.ts';

const view = (bytes: readonly number[], present = [{ offset: 0, bytes: bytes.length }]): MemoryView => ({
  space: 'virtual',
  address: '0x1000',
  size: bytes.length,
  data: btoa(String.fromCharCode(...bytes)),
  present,
  physical: null,
  symbol: null,
});

test('rows: bytes, holes, and what has changed', () => {
  const before = hexBytes(view([1, 2, 3, 0x41]));
  const now = hexBytes(view([1, 9, 3, 0x41], [{ offset: 0, bytes: 3 }]));
  const row = hexRow(now, before, 0x1000n);
  expect(row.slice(0, 5).map(({ value }) => hexByte(value))).toEqual(['01', '09', '03', '··', '··']);
  expect(row.map(({ changed }) => changed).indexOf(true)).toBe(1);
  expect([asciiOf(0x41), asciiOf(0x1b), asciiOf(null)]).toEqual(['A', '.', ' ']);
});

test('what bytes say as numbers, and where they would lead', () => {
  const memory = hexBytes(view([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0x80, 0xff, 0xff]));
  expect(readings(memory, 0x1000n).list).toContainEqual({ name: 'i32', text: '-1' });
  expect(pointerAt(memory, 0x100bn)).toBe(0xffff_8000_0000_1234n);
  expect(readings(memory, 0x100fn)).toEqual({
    list: [
      { name: 'u8', text: '255' },
      { name: 'i8', text: '-1' },
    ],
    pointer: null,
  });
});

test('patterns, and the trail', () => {
  expect([patternOf('0x90 90', true), patternOf('909', true), patternOf('é', false), patternOf('', false)]).toEqual([
    '9090',
    null,
    'c3a9',
    null,
  ]);
  const trail = goTo(goTo({ back: [], here: 1n, forward: [] }, 2n), 3n);
  expect(goBack(trail)).toEqual({ back: [1n], here: 2n, forward: [3n] });
  expect(goForward(goBack(trail))).toEqual(trail);
  expect(goTo(goBack(trail), 9n).forward).toEqual([]);
});

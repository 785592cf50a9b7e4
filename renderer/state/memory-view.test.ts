import { expect, test } from 'vitest';
import type { MemoryView } from '../../app/contract/inspect/memory.ts';
import {
  asciiOf,
  goBack,
  goForward,
  goTo,
  hexByte,
  hexBytes,
  isInSpan,
  NO_BYTE,
  patternOf,
  pointerAt,
  readings,
  rowText,
  spanOf,
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
  const codes = [...rowText(now, 0x1000n)].slice(0, 5).map((it) => it.charCodeAt(0));
  expect(codes).toEqual([1, 9, 3, NO_BYTE, NO_BYTE]);
  expect(rowText(before, 0x1000n).charCodeAt(1)).toBe(2);
  // A row that is all there is the same text as one that was put together byte by byte.
  const long = hexBytes(view(Array.from({ length: 32 }, (_, n) => 240 + (n % 16))));
  expect(rowText(long, 0x1010n)).toBe(rowText(long, 0x1000n));
  expect(rowText(long, 0x1018n).charCodeAt(8)).toBe(NO_BYTE);
  expect([hexByte(9), hexByte(null)]).toEqual(['09', '··']);
  expect([asciiOf(0x41), asciiOf(0x1b), asciiOf(null)]).toEqual(['A', '.', ' ']);
});

test('a range covers of a row what lies in both', () => {
  const covered = (start: bigint, bytes: number) => {
    const span = spanOf({ start, bytes }, 0x1000n);
    return Array.from({ length: 16 }, (_, n) => n).filter((n) => isInSpan(n, span));
  };
  expect(covered(0x1004n, 3)).toEqual([4, 5, 6]);
  expect(covered(0xff0n, 18)).toEqual([0, 1]);
  expect(covered(0x100fn, 100)).toEqual([15]);
  expect(covered(0x2000n, 4)).toEqual([]);
  expect(isInSpan(0, spanOf(null, 0x1000n))).toBe(false);
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

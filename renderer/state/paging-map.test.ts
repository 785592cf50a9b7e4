import { expect, test } from 'vitest';
import type { AddressSpace, MappedRange } from '../../app/contract/inspect/paging.ts';
import { addressOf, around, axisTicks, clustersOf, mapCells, pan, positionOf, wholeSpace, zoom } from './paging-map.ts';

const range = (start: string, bytes: string, more: Partial<MappedRange> = {}): MappedRange => ({
  start,
  bytes,
  target: '0x0',
  repeat: false,
  pageBytes: 4096,
  writable: false,
  user: false,
  executable: false,
  uncached: false,
  global: false,
  ram: true,
  label: '',
  ...more,
});
const space = {
  addressBits: 48,
  ranges: [
    range('0x1000', '0x1000'),
    range('0x2000', '0x1000', { writable: true, executable: true }),
    range('0xffffffff80000000', '0x200000', { executable: true }),
  ],
} as unknown as AddressSpace;
const whole = wholeSpace(48);

test('addresses and positions are each other', () => {
  for (const address of [0n, 0x7fff_ffff_f000n, 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n])
    expect(addressOf(positionOf(address, 48), 48)).toBe(address);
});

test('what is too small to be seen is drawn together, as the worst of it', () => {
  const cells = mapCells(space, whole, 1000);
  expect(cells).toMatchObject([
    { first: 0, last: 1, width: 2, kind: 'wx' },
    { first: 2, last: 2, kind: 'code' },
  ]);
  expect(mapCells(space, { from: 0n, to: 0x4000n }, 400)).toMatchObject([
    { first: 0, last: 0, x: 100, width: 100, kind: 'constant' },
    { first: 1, last: 1, x: 200, width: 100, kind: 'wx' },
  ]);
  expect(clustersOf(space).map(({ ranges }) => ranges.length)).toEqual([2, 1]);
});

test('zoom keeps what is under the pointer, and neither it nor a move leaves the space', () => {
  const near = zoom(whole, 0.5, 1n << 46n, whole);
  expect(near).toEqual({ from: 1n << 45n, to: (1n << 45n) + (1n << 47n) });
  expect(zoom(near, 100, 0n, whole)).toEqual(whole);
  expect(pan({ from: 0n, to: 0x10000n }, -0.5, whole)).toEqual({ from: 0n, to: 0x10000n });
  const page = zoom({ from: 0n, to: 0x20000n }, 0.001, 0x1000n, whole);
  expect(page.to - page.from).toBe(0x10000n);
  expect(around({ from: 0x1000n, to: 0x2000n }, whole).from).toBe(0n);
  expect(axisTicks({ from: 0n, to: 0x10000n }, 600)).toEqual([0n, 0x4000n, 0x8000n, 0xc000n, 0x10000n]);
});

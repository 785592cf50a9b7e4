import { expect, test } from 'vitest';
import { MAX_LINEAR_BYTES, type PagingRegisters, pagingMode, readLinear, translate } from './paging.ts';

/** Long mode with no-execute, tables from 0x1000 on. */
const LONG: PagingRegisters = { cr0: 0x8001_0033n, cr3: 0x1000n, cr4: 0x6a0n, efer: 0xd00n };
const FIVE = { ...LONG, cr4: LONG.cr4 | 0x1000n };
const RAM_BYTES = 0x10_0000;

/** 1 MiB of RAM with these 64-bit words and texts at guest-physical addresses. */
function memory(
  words: readonly (readonly [at: number, word: bigint])[],
  text: readonly (readonly [number, string])[] = [],
) {
  const ram = new Uint8Array(RAM_BYTES);
  const view = new DataView(ram.buffer);
  for (const [at, word] of words) view.setBigUint64(at, word, true);
  for (const [at, it] of text) ram.set(Buffer.from(it), at);
  return (address: bigint, size: number) =>
    address + BigInt(size) <= BigInt(RAM_BYTES) ? ram.subarray(Number(address), Number(address) + size) : undefined;
}

/** Linear address of these indices, PML4 first, and an offset. */
function linear(indices: readonly [number, number, number, number], offset = 0): bigint {
  const address = indices.reduce((sum, index) => (sum << 9n) | BigInt(index), 0n) << 12n;
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) + BigInt(offset);
}

test('modes by their bits', () => {
  const modes = [{ cr0: 0x11n }, { cr4: 0n, efer: 0n }, { efer: 0n }, {}, { cr4: FIVE.cr4 }];
  expect(modes.map((it) => pagingMode({ ...LONG, ...it }))).toEqual(['none', '32-bit', 'pae', '4-level', '5-level']);
  expect(translate({ ...LONG, cr0: 0x11n }, memory([]), 0x1234n)).toMatchObject({ kind: 'mapped', physical: 0x1234n });
  expect(translate({ ...LONG, cr0: 0x11n }, memory([]), 1n << 32n)).toEqual({ kind: 'not-an-address' });
});

test('a page of 4 KiB, rights of all levels together', () => {
  const read = memory([
    [0x1000 + 8 * 511, 0x2007n],
    [0x2000 + 8 * 510, 0x3003n],
    [0x3000 + 8 * 1, 0x4007n],
    [0x4000 + 8 * 7, 0x8000_0000_0000_9005n],
  ]);
  const at = linear([511, 510, 1, 7], 0xabc);
  expect(at).toBe(0xffff_ffff_8020_7abcn);
  expect(translate(LONG, read, at)).toEqual({
    kind: 'mapped',
    physical: 0x9abcn,
    pageBytes: 4096n,
    writable: false,
    user: false,
    executable: false,
    steps: [
      { level: 4, address: 0x1ff8n, entry: 0x2007n },
      { level: 3, address: 0x2ff0n, entry: 0x3003n },
      { level: 2, address: 0x3008n, entry: 0x4007n },
      { level: 1, address: 0x4038n, entry: 0x8000_0000_0000_9005n },
    ],
  });
});

test('huge pages, and their reserved bits', () => {
  const read = memory([
    [0x1000, 0x2003n],
    [0x2000, 0x1_4000_0083n],
    [0x2008, 0x3003n],
    [0x2010, 0x1_6000_0083n],
    // Bit 12 is the memory type of a large page, not an address.
    [0x3000, 0x60_1083n],
    [0x3008, 0x60_2083n],
  ]);
  const seen = [linear([0, 0, 5, 6], 7), linear([0, 1, 0, 9], 1), linear([0, 1, 1, 0]), linear([0, 2, 0, 0])];
  expect(seen.map((it) => translate(LONG, read, it))).toMatchObject([
    { kind: 'mapped', physical: 0x1_4000_0000n + 5n * 0x20_0000n + 0x6007n, pageBytes: 1n << 30n },
    { kind: 'mapped', physical: 0x60_9001n, pageBytes: 1n << 21n },
    { kind: 'reserved', level: 2 },
    { kind: 'reserved', level: 3 },
  ]);
});

test('what is absent, reserved or outside of RAM ends the walk there', () => {
  const read = memory([
    [0x1000, 0x2003n],
    [0x1008, 0x2083n],
    [0x1010, 0xf_ffff_ffff_f003n],
    [0x1018, 0x8000_0000_0000_2003n],
    [0x2008, 0x3002n],
  ]);
  expect(translate(LONG, read, linear([4, 0, 0, 0]))).toMatchObject({ kind: 'absent', level: 4 });
  expect(translate(LONG, read, linear([0, 1, 0, 0]))).toMatchObject({ kind: 'absent', level: 3 });
  expect(translate(LONG, read, linear([1, 0, 0, 0]))).toMatchObject({ kind: 'reserved', level: 4 });
  expect(translate(LONG, read, linear([2, 0, 0, 1]))).toMatchObject({
    kind: 'unreadable',
    address: 0xf_ffff_ffff_f000n,
  });
  expect(translate({ ...LONG, efer: 0x500n }, read, linear([3, 0, 0, 0]))).toMatchObject({
    kind: 'reserved',
    level: 4,
  });
  expect(translate({ ...LONG, cr3: 0x10_0000n }, read, 0n)).toEqual({
    kind: 'unreadable',
    address: 0x10_0000n,
    steps: [],
  });
  const strange = [0x8000_0000_0000n, 0xffff_7fff_ffff_ffffn, -1n, 1n << 64n];
  expect(strange.map((it) => translate(LONG, read, it).kind)).toEqual(Array(4).fill('not-an-address'));
});

test('tables that point at themselves end after as many steps as there are levels', () => {
  const read = memory([[0x1000 + 8 * 256, 0x1003n]]);
  expect(translate(LONG, read, linear([256, 256, 256, 256], 0x18))).toMatchObject({
    kind: 'mapped',
    physical: 0x1018n,
  });
  const five = translate(FIVE, memory([[0x1000, 0x1003n]]), 0x18n);
  expect(five).toMatchObject({ kind: 'mapped', physical: 0x1018n });
  expect(five.kind === 'mapped' && five.steps.map((step) => step.level)).toEqual([5, 4, 3, 2, 1]);
});

test('a read goes from page to page, and only as far as there are pages', () => {
  // Two pages that are neighbours in the linear space only; the third is missing.
  const tables = [
    [0x1000, 0x2003n],
    [0x2000, 0x3003n],
    [0x3000, 0x4003n],
    [0x4008, 0x9003n],
    [0x4010, 0x7003n],
  ] as const;
  const read = memory(tables, [
    [0x9ffd, 'abc'],
    [0x7000, 'def'],
  ]);
  const text = (at: bigint, size: number) => {
    const bytes = readLinear(LONG, read, at, size);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  };
  expect([text(0x1ffdn, 6), text(0x1ffdn, 0), text(0x2fffn, 2), text(0xffdn, 6)]).toEqual([
    'abcdef',
    '',
    undefined,
    undefined,
  ]);
  expect(readLinear(LONG, memory([[0x1000, 0x1003n]]), 0n, MAX_LINEAR_BYTES + 1)).toBeUndefined();
});

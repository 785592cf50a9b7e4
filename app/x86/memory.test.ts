import { expect, test } from 'vitest';
import { isInRegion, linearMemory, PagedMemory } from './memory.ts';

const REGIONS = [
  { start: 0n, bytes: 0x1_0000n },
  { start: 0x1_0000_0000n, bytes: 0x1_0000n },
];

test('a range must lie in one region', () => {
  expect([
    isInRegion(REGIONS, 0n, 0x1_0000),
    isInRegion(REGIONS, 0xffffn, 2),
    isInRegion(REGIONS, 0x1_0000_fff8n, 8),
  ]).toEqual([true, false, true]);
});

test('paged memory: a miss is noted in runs, and found when it was fetched', () => {
  const memory = new PagedMemory(REGIONS);
  expect([memory.read(0xff8n, 16), memory.read(0x5000n, 4), memory.read(0x2_0000n, 1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(memory.takeMissing()).toEqual([
    { start: 0n, bytes: 0x2000 },
    { start: 0x5000n, bytes: 0x1000 },
  ]);
  expect(memory.takeMissing()).toEqual([]);
  memory.put(0n, new Uint8Array(0x2000).fill(7));
  expect(memory.read(0xff8n, 16)).toEqual(new Uint8Array(16).fill(7));
});

test('what is mapped is read up to the first hole', () => {
  const bytes = new Uint8Array(0x1_0000);
  const view = new DataView(bytes.buffer);
  // 32 KiB at linear 0: PML4 at 0x1000, and so on down; the ninth page is absent.
  for (const [table, next] of [
    [0x1000, 0x2003n],
    [0x2000, 0x3003n],
    [0x3000, 0x4003n],
  ] as const)
    view.setBigUint64(table, next, true);
  for (let page = 0; page < 8; page++) view.setBigUint64(0x4000 + page * 8, BigInt(0x8000 + page * 0x1000) | 3n, true);
  bytes.fill(9, 0x8000);
  const memory = {
    regions: [{ start: 0n, bytes: 0x1_0000n }],
    read: (at: bigint, size: number) =>
      at + BigInt(size) <= 0x1_0000n ? bytes.subarray(Number(at), Number(at) + size) : undefined,
  };
  const linear = linearMemory(memory, { cr0: 0x8000_0001n, cr3: 0x1000n, cr4: 0x20n, efer: 0x500n });
  expect([linear.readSome(0x7ffcn, 64).length, linear.read(0x7ffcn, 64), linear.readSome(0x8000n, 8).length]).toEqual([
    4,
    undefined,
    0,
  ]);
});

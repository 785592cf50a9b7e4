import { expect, test } from 'vitest';
import { ramFileAddress, ramFileOffset, ramLayout } from './ram-layout.ts';

/** Each as QEMU 7.2 prints it in `info mtree -f`: machine, MiB, bytes below the hole. */
test.each([
  ['q35', 2815, 0xaff0_0000n],
  ['q35', 2816, 0x8000_0000n],
  ['q35', 4096, 0x8000_0000n],
  ['pc', 3072, 0xc000_0000n],
  ['pc', 3584, 0xc000_0000n],
  ['pc', 5120, 0xc000_0000n],
  ['microvm', 3072, 0xc000_0000n],
  ['microvm', 3073, 0xc000_0000n],
] as const)('%s with %i MiB', (machine, memory, low) => {
  expect(ramLayout(machine, memory).lowBytes).toBe(low);
});

test('addresses below the hole, in it, above it and at the borders', () => {
  const layout = ramLayout('q35', 4096);
  const at = (address: bigint, size = 16) => ramFileOffset(layout, address, size);
  expect([
    at(0n),
    at(0x7fff_fff0n),
    at(0x7fff_fff1n),
    at(0xfee0_0000n),
    at(0x1_0000_0000n),
    at(0x1_7fff_fff0n),
    at(0x1_7fff_fff1n),
    at(-1n),
  ]).toEqual([0n, 0x7fff_fff0n, undefined, undefined, 0x8000_0000n, 0xffff_fff0n, undefined, undefined]);
  expect([ramFileAddress(layout, 0x7fff_ffffn), ramFileAddress(layout, 0x8000_0000n)]).toEqual([
    0x7fff_ffffn,
    0x1_0000_0000n,
  ]);
});

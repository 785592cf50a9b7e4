import { expect, test } from 'vitest';
import { Elf, type ElfSection } from './elf.ts';
import { crateOf, imageSize } from './image-size.ts';

const section = (name: string, address: bigint, size: number, flags: bigint, type = 1): ElfSection => ({
  name,
  type,
  flags,
  address,
  offset: 0,
  size,
  link: 0,
});
const symbol = (name: string, address: bigint, size: bigint, kind: 'function' | 'object' = 'function') => ({
  name,
  address,
  size,
  kind,
});

test('sections by what they are at run time, symbols by their size, each place once', () => {
  const elf = new Elf(
    0n,
    [],
    [
      section('', 0n, 0, 0n),
      section('.text', 0x1000n, 0x100, 6n),
      section('.rodata', 0x2000n, 0x40, 2n),
      section('.data', 0x3000n, 0x20, 3n),
      section('.bss', 0x4000n, 0x200, 3n, 8),
      section('.debug_info', 0n, 0x999, 0n),
    ],
    [
      symbol('_ZN12ring0_engine4step17h0123456789abcdefE', 0x1000n, 0x80n),
      symbol('the_same_again', 0x1000n, 0x80n),
      symbol('TABLE', 0x4000n, 0x100n, 'object'),
      symbol('label', 0x1080n, 0n),
    ],
  );
  expect(imageSize(elf, 5000)).toEqual({
    fileBytes: 5000,
    memoryBytes: 0x100 + 0x40 + 0x20 + 0x200,
    debugBytes: 0x999,
    sections: [
      { name: '.text', bytes: 0x100, kind: 'code' },
      { name: '.rodata', bytes: 0x40, kind: 'constant' },
      { name: '.data', bytes: 0x20, kind: 'data' },
      { name: '.bss', bytes: 0x200, kind: 'zeroed' },
      { name: '.debug_info', bytes: 0x999, kind: 'debug' },
    ],
    symbols: [
      { name: 'TABLE', bytes: 0x100, kind: 'object', section: '.bss', crate: '' },
      { name: 'ring0_engine::step', bytes: 0x80, kind: 'function', section: '.text', crate: 'ring0_engine' },
    ],
    symbolCount: 2,
  });
});

test.each([
  ['_ZN5ring03log4RING17h2ed5f9cd16cf2f9dE', 'ring0'],
  [
    '_ZN83_$LT$ring0_engine..scheduler..Scheduler$u20$as$u20$ring0_engine..api..Generator$GT$4step17h5fa6b82fa75307f5E',
    'ring0_engine',
  ],
  ['_RNvNtCs7UCXzAlI0Un_4core9panicking5panic', 'core'],
  ['entry32', ''],
])('the crate of %s', (name, crate) => {
  expect(crateOf(name)).toBe(crate);
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readLineTable } from '../../../app/wire/dwarf/line.ts';
import { readElf } from '../../../app/wire/elf.ts';
import { codePlaces, pathInside } from './code-places.ts';

const bytes = new Uint8Array(readFileSync(new URL('../../../test/fixtures/dwarf/v5.elf', import.meta.url)));
const elf = readElf(bytes);
if (!elf.ok) throw new Error(elf.error.why);
const table = readLineTable(bytes, elf.value);
if (!table.ok) throw new Error(table.error.why);
const start = elf.value.symbol('_start')?.address ?? 0n;

test('source inside the workspace has its path there', () => {
  const [place] = codePlaces(elf.value, table.value, [start], '/src', false);
  expect(place).toMatchObject({
    symbol: '_start+0x0',
    source: { file: '/src/places.c', path: 'places.c' },
    caller: null,
  });
});

test('source outside keeps the name that the compiler gave it', () => {
  const [place] = codePlaces(elf.value, table.value, [start], '/elsewhere', false);
  expect(place).toMatchObject({ source: { file: '/src/places.c', path: null }, caller: null });
});

test('without tables there are names, and without a name there is nothing', () => {
  expect(codePlaces(elf.value, undefined, [0xffff_ffff_ffff_fff0n], '/src', true)[0]).toMatchObject({
    symbol: null,
    source: null,
    caller: null,
  });
  expect(codePlaces(elf.value, undefined, [start], '/src', false)[0]?.symbol).toBe('_start+0x0');
});

test('a path is inside only below the folder itself', () => {
  expect(pathInside('/a/b', '/a/b/c.rs')).toBe('c.rs');
  expect(pathInside('/a/b/', '/a/bc.rs')).toBeNull();
  expect(pathInside('/a/b', '/a/b/')).toBeNull();
  expect(pathInside('C:\\k', 'C:\\k\\src\\x.rs')).toBe('src/x.rs');
});

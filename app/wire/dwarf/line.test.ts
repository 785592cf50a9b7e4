import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Elf, readElf } from '../elf.ts';
import { type LineTable, readLineTable, type SourcePlace } from './line.ts';
import { joinPath } from './line-header.ts';

const TEXT = 0xffff_ffff_8020_0000n;
const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../../test/fixtures/dwarf/${name}`, import.meta.url)));
/** What llvm-symbolizer says of each byte of `.text` (`make.sh` beside it). */
const EXPECTED = new TextDecoder().decode(fixture('places.txt')).trim().split('\n');

function image(name: string): { bytes: Uint8Array; elf: Elf; table: LineTable } {
  const bytes = fixture(name);
  const elf = readElf(bytes);
  if (!elf.ok) throw new Error(elf.error.why);
  const table = readLineTable(bytes, elf.value);
  if (!table.ok) throw new Error(table.error.why);
  return { bytes, elf: elf.value, table: table.value };
}

const written = (place: SourcePlace | undefined) =>
  place === undefined ? '??:0:0' : `${place.file}:${place.line}:${place.column}`;

test.each(['v4.elf', 'v5.elf', 'v5-64.elf'])('every address of %s is where llvm-symbolizer says', (name) => {
  const { table } = image(name);
  expect(table.problems).toEqual([]);
  expect(EXPECTED.map((_, n) => written(table.lookup(TEXT + BigInt(n))))).toEqual(EXPECTED);
  expect(new Set(EXPECTED.map((line) => line.split(':')[0]))).toEqual(new Set(['/src/places.c', '/src/places.h']));
});

test('addresses outside have no place, what the linker threw away has none, and a return address means its call', () => {
  const { table } = image('v5.elf');
  expect(table.lookup(0n)).toBeUndefined();
  expect(table.lookup(0x10n)).toBeUndefined();
  expect(table.lookup(TEXT - 1n)).toBeUndefined();
  const behind = TEXT + BigInt(EXPECTED.length);
  expect(table.lookup(behind)).toBeUndefined();
  expect(written(table.lookup(behind, true))).toBe(EXPECTED.at(-1));
});

test('code of a foreign file has a line of a wanted one before it in the same function', () => {
  const { table } = image('v5.elf');
  const inlined = TEXT + BigInt(EXPECTED.indexOf('/src/places.c:5:14'));
  expect(table.lookupNear(inlined, (file) => file.endsWith('places.c'))?.line).toBe(5);
  expect(table.lookupNear(inlined, (file) => file.endsWith('places.h'))).toBeUndefined();
});

test('a line leads back to its addresses', () => {
  const { table } = image('v5.elf');
  const [first = 0n] = table.addressesOf((file) => file.endsWith('/places.h'), 2);
  expect(table.lookup(first)?.line).toBe(2);
  expect(table.addressesOf((file) => file.endsWith('/places.h'), 99)).toEqual([]);
  expect(table.addressesOf(() => false, 2)).toEqual([]);
});

test('no flipped byte and no truncation of the tables makes it throw or hang', () => {
  for (const name of ['v4.elf', 'v5.elf', 'v5-64.elf']) {
    const { bytes, elf } = image(name);
    for (const section of elf.sections.filter((it) => it.name.startsWith('.debug_')))
      for (let at = section.offset; at < section.offset + section.size; at++)
        for (const value of section.name === '.debug_line' ? [0, 0x7f, 0xff] : [0xff]) {
          const broken = Uint8Array.from(bytes);
          broken[at] = value;
          const table = readLineTable(broken, elf);
          if (table.ok) table.value.lookup(TEXT + 8n);
        }
    for (let size = 0; size < bytes.length; size += 7)
      expect(() => readLineTable(bytes.subarray(0, size), elf)).not.toThrow();
  }
}, 60_000);

test('an image without tables says what it lacks', () => {
  const { bytes, elf } = image('v5.elf');
  const bare = readLineTable(bytes, { ...elf, sections: [] } as unknown as Elf);
  expect(bare).toMatchObject({
    ok: false,
    error: { code: 'no-line-table', why: 'the image has no section .debug_line' },
  });
  const packed = elf.sections.map((it) => (it.name === '.debug_line' ? { ...it, flags: 0x800n } : it));
  const refused = readLineTable(bytes, { ...elf, sections: packed } as unknown as Elf);
  expect(refused).toMatchObject({ ok: false, error: { why: 'its debug sections are compressed' } });
});

test('paths are joined without detours', () => {
  expect(joinPath('/src/kernel', 'arch/src/../src/./gdt.rs')).toBe('/src/kernel/arch/src/gdt.rs');
  expect(joinPath('/src', '/abs/a.rs')).toBe('/abs/a.rs');
  expect(joinPath('', '../a.rs')).toBe('../a.rs');
  expect(joinPath('/', '../../a.rs')).toBe('/a.rs');
});

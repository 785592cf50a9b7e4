import { expect, test } from 'vitest';
import { DieReader } from './die.ts';
import { type DwarfType, TypeTable } from './types.ts';
import { typedValue } from './value.ts';

/** Writes the numbers of DWARF: what is longer than a byte says so. */
const u4 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255];
const text = (it: string) => [...Buffer.from(it), 0];

/** `.debug_abbrev`: code, tag, children, pairs of attribute and form. */
const ABBREVIATIONS = [
  [1, 0x11, 1, 0x03, 0x08],
  [2, 0x39, 1, 0x03, 0x08],
  [3, 0x24, 0, 0x03, 0x08, 0x0b, 0x0b, 0x3e, 0x0b],
  [4, 0x13, 1, 0x03, 0x08, 0x0b, 0x0b],
  [5, 0x0d, 0, 0x03, 0x08, 0x49, 0x13, 0x38, 0x0b],
  [6, 0x01, 1, 0x49, 0x13],
  [7, 0x21, 0, 0x37, 0x0b],
  [8, 0x33, 1, 0x15, 0x13],
  [9, 0x19, 1, 0x16, 0x0b],
  [10, 0x34, 0, 0x03, 0x08, 0x49, 0x13, 0x02, 0x18],
  [11, 0x0f, 0, 0x49, 0x13, 0x03, 0x08],
].flatMap((it) => [...it, 0, 0]);

/** One unit with what a Rust static is made of; offsets of types are filled in as they are known. */
function image() {
  const info: number[] = [...u4(0), 4, 0, ...u4(0), 8];
  const at: Record<string, number> = {};
  const put = (name: string, ...bytes: number[]) => {
    at[name] = info.length;
    info.push(...bytes);
  };
  put('unit', 1, ...text('main.rs'));
  put('u8', 3, ...text('u8'), 1, 7);
  put('u32', 3, ...text('u32'), 4, 7);
  put('bool', 3, ...text('bool'), 1, 2);
  put('magic', 6, ...u4(at.u8 ?? 0), 7, 4, 0);
  put('words', 6, ...u4(at.u32 ?? 0), 7, 2, 0);
  put('pointer', 11, ...u4(at.u32 ?? 0), ...text('*const u32'));
  put('space', 2, ...text('ring0'));
  put('one', 4, ...text('One'), 8, 5, ...text('__0'), ...u4(at.u32 ?? 0), 4, 0);
  // enum Choice { None, One(u32) }, its discriminant in the first byte.
  const discriminant = info.length + 1 + text('Choice').length + 1 + 5;
  put('choice', 4, ...text('Choice'), 8, 8, ...u4(discriminant), 5, ...text(''), ...u4(at.u8 ?? 0), 0);
  info.push(9, 1, 5, ...text('One'), ...u4(at.one ?? 0), 0, 0, 0, 0);
  put('report', 4, ...text('Report'), 32);
  for (const [name, type, offset] of [
    ['magic', 'magic', 0],
    ['flag', 'bool', 4],
    ['words', 'words', 8],
    ['choice', 'choice', 16],
    ['next', 'pointer', 24],
  ] as const)
    info.push(5, ...text(name), ...u4(at[type] ?? 0), offset);
  info.push(0);
  put('static', 10, ...text('REPORT'), ...u4(at.report ?? 0), 9, 3, 0, 0x10, 0, 0, 0, 0, 0, 0);
  info.push(0, 0);
  const length = u4(info.length - 4);
  return {
    info: Uint8Array.from([...length, ...info.slice(4)]),
    abbreviations: Uint8Array.from([...ABBREVIATIONS, 0]),
  };
}

const NONE = new Uint8Array(0);
function tableOf({ info, abbreviations }: { info: Uint8Array; abbreviations: Uint8Array }) {
  return new TypeTable(new DieReader({ info, abbreviations, strings: NONE, lineStrings: NONE, line: NONE }));
}

/** A value as lines, indented. */
function lines(value: ReturnType<typeof typedValue>, depth = 0): string[] {
  return [
    `${' '.repeat(depth)}${value.name}:${value.type}=${value.text}`,
    ...value.children.flatMap((it) => lines(it, depth + 1)),
  ];
}

test('a static of a struct, with text, array, enum and pointer', () => {
  const table = tableOf(image());
  expect(table.statics).toMatchObject([{ path: 'ring0::REPORT', address: 0x1000n }]);
  expect([...table.named.keys()]).toContain('ring0::Report');
  const bytes = Uint8Array.from([
    ...Buffer.from('AB\0\0'),
    1,
    0,
    0,
    0,
    7,
    0,
    0,
    0,
    255,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    9,
    0,
    0,
    0,
    0x34,
    0x12,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
  const type = table.statics[0]?.type ?? 0;
  const value = typedValue(table, type, bytes, 0x1000n, () => undefined);
  expect(lines(value).slice(1)).toEqual([
    ' magic:[u8; 4]="AB"',
    ' flag:bool=true',
    ' words:[u32; 2]=[7, 255 (0xff)]',
    '  0:u32=7',
    '  1:u32=255 (0xff)',
    ' choice:Choice=One(9)',
    '  0:u32=9',
    ' next:*const u32=0x1234',
  ]);
  // What the type does not have is said, and what was not read too.
  bytes[4] = 3;
  bytes[16] = 77;
  const odd = lines(typedValue(table, type, bytes.subarray(0, 24), 0x1000n, () => undefined)).join('\n');
  expect(odd).toContain('=not in the bytes that were read');
  const whole = lines(typedValue(table, type, bytes, 0x1000n, () => undefined)).join('\n');
  expect(whole).toContain('flag:bool=3, which is no bool');
});

test('a long array is shown in pieces, from whatever element on', () => {
  const outer: DwarfType = { kind: 'array', name: '[[u32; 1000]; 1]', bytes: 4000, element: 1, count: 1 };
  const inner: DwarfType = { kind: 'array', name: '[u32; 1000]', bytes: 4000, element: 2, count: 1000 };
  const word: DwarfType = { kind: 'base', name: 'u32', bytes: 4, encoding: 7 };
  const table = { type: (n: number) => [outer, inner, word][n], pathOf: () => null } as unknown as TypeTable;
  const bytes = new Uint8Array(Uint32Array.from({ length: 1000 }, (_, n) => n).buffer);
  const shown = (first: number) => {
    const windows = [{ offset: 0, bytes: 4000, first }];
    const { children, omitted, text: line } = typedValue(table, 1, bytes, 0x1000n, () => undefined, windows);
    return [children[0]?.name, children[0]?.address, children.length, omitted, line.slice(0, 8)];
  };
  expect(shown(0)).toEqual(['0', '0x1000', 128, 872, '[0, 1, 2']);
  expect(shown(500)).toEqual(['500', '0x17d0', 128, 872, '[…, 500 ']);
  expect(shown(990)).toEqual(['990', '0x1f78', 10, 990, '[…, 990 ']);
  // Beyond its end it is its last element.
  expect(shown(1e9)).toEqual(['999', '0x1f9c', 1, 999, '[…, 999 ']);
  // A window is of the array of its place and size, and of no other.
  const other = typedValue(table, 1, bytes, 0x1000n, () => undefined, [{ offset: 4, bytes: 4000, first: 7 }]);
  expect(other.children[0]?.name).toBe('0');
});

test('damaged debug information is refused or read, in bounded time, and its values never throw', () => {
  let state = 5;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 8;
  };
  let read = 0;
  for (let round = 0; round < 4000; round++) {
    const damaged = image();
    for (let n = 0; n < 3; n++) damaged.info[11 + (next() % (damaged.info.length - 11))] = next() & 255;
    if (round % 4 === 0) damaged.abbreviations[next() % damaged.abbreviations.length] = next() & 255;
    try {
      const table = tableOf(damaged);
      for (const { type } of table.statics) {
        typedValue(table, type, new Uint8Array(64).fill(round & 255), 0x1000n, () => undefined);
        read += 1;
      }
    } catch (error) {
      expect(['OutOfBounds', 'Unsupported']).toContain((error as Error).name);
    }
  }
  expect(read).toBeGreaterThan(500);
});

import { describe, expect, test } from 'vitest';
import { describeError } from '../../base/result.ts';
import type { DwarfType, TypeTable } from './types.ts';
import { typedElements } from './value.ts';
import { followSteps, parseSteps, type Spot, splitPath } from './value-path.ts';

/** Types by their numbers: a ring of spans with what Rust puts around values. */
const field = (name: string, type: number, offset: number) => ({ name, type, offset });
const struct = (name: string, bytes: number, ...fields: ReturnType<typeof field>[]): DwarfType => ({
  ...{ kind: 'struct', name, bytes, fields, variants: null },
});
const word: DwarfType = { kind: 'base', name: 'u32', bytes: 4, encoding: 7 };
const TYPES: readonly DwarfType[] = [
  word,
  struct('AtomicU32', 4, field('v', 0, 0)),
  struct('Span', 8, field('sequence', 1, 0), field('token', 1, 4)),
  { kind: 'array', name: '[Span; 5000]', bytes: 40_000, element: 2, count: 5000 },
  struct('UnsafeCell<[Span; 5000]>', 40_000, field('value', 3, 0), field('__marker', 11, 0)),
  struct('Ring', 40_032, field('head', 0, 0), field('next', 6, 8), field('part', 8, 16), field('spans', 4, 32)),
  { kind: 'pointer', name: '*const Ring', bytes: 8, target: 5 },
  { kind: 'pointer', name: '*const Span', bytes: 8, target: 2 },
  struct('&[Span]', 16, field('data_ptr', 7, 0), field('length', 9, 8)),
  { kind: 'base', name: 'usize', bytes: 8, encoding: 7 },
  {
    ...{ kind: 'struct', name: 'Option<Ring>', bytes: 16, fields: [] },
    variants: {
      discriminant: field('', 0, 0),
      variants: [
        { value: 0n, field: field('None', 11, 0) },
        { value: 1n, field: field('Some', 12, 0) },
      ],
    },
  },
  struct('()', 0),
  struct('Some', 16, field('__0', 0, 4)),
];
const table = { type: (n: number) => TYPES[n], pathOf: () => null } as unknown as TypeTable;

/** Memory from 0x1000 on: two rings' beginnings, the first leading to the second, whose slice has three spans. */
const bytes = new Uint8Array(0x1000);
const view = new DataView(bytes.buffer);
view.setBigUint64(0x8, 0x1800n, true);
view.setBigUint64(0x810, 0x1c00n, true);
view.setBigUint64(0x818, 3n, true);
view.setUint32(0xf00, 1, true);
view.setUint32(0xf40, 77, true);
const read = (address: bigint, size: number) => {
  const at = Number(address - 0x1000n);
  return at < 0 || at + size > bytes.length ? undefined : bytes.subarray(at, at + size);
};

function follow(steps: string, start: Partial<Spot> = {}) {
  const parsed = parseSteps(steps);
  if (!parsed.ok) return describeError(parsed.error);
  const spot = { path: 'RING', address: 0x1000n, type: 5, range: null, ...start };
  const found = followSteps(table, spot, parsed.value, read);
  if (!found.ok) return describeError(found.error);
  const { path, address, type, range } = found.value;
  return [path, `0x${address.toString(16)}`, TYPES[type]?.name, ...(range === null ? [] : [range])];
}

test('a name ends where its parts begin, and has brackets of its own', () => {
  expect(splitPath('ring0::RING.spans[3]')).toEqual({ base: 'ring0::RING', steps: '.spans[3]' });
  expect(splitPath('<[u8] as X>::{impl#0}::NAMES[3]')).toEqual({ base: '<[u8] as X>::{impl#0}::NAMES', steps: '[3]' });
  expect(splitPath('0x1000+0x10.x')).toEqual({ base: '0x1000+0x10', steps: '.x' });
  expect(splitPath('RING')).toEqual({ base: 'RING', steps: '' });
});

describe('steps', () => {
  test('lead through cells, arrays, pointers and slices', () => {
    expect(follow('.head')).toEqual(['RING.head', '0x1000', 'u32']);
    expect(follow('.spans[4999].token')).toEqual(['RING.spans[4999].token', '0xac5c', 'AtomicU32']);
    expect(follow('.spans[0x10]')).toEqual(['RING.spans[16]', '0x10a0', 'Span']);
    // What a wrapper holds has its own name as well.
    expect(follow('.spans.value[1].token.v')).toEqual(['RING.spans.value[1].token.v', '0x102c', 'u32']);
    expect(follow('.next.head')).toEqual(['RING.next.head', '0x1800', 'u32']);
    expect(follow('.next.part[2].token')).toEqual(['RING.next.part[2].token', '0x1c14', 'AtomicU32']);
  });

  test('end with a range of elements', () => {
    expect(follow('.spans[1000..1020]')).toEqual([
      'RING.spans[1000..1020]',
      '0x1020',
      'Span',
      { first: 1000, count: 20 },
    ]);
    expect(follow('.spans[1000..=1020]')[3]).toEqual({ first: 1000, count: 21 });
    expect(follow('.spans[..2]')[3]).toEqual({ first: 0, count: 2 });
    expect(follow('.spans[ 4990 .. ]')[3]).toEqual({ first: 4990, count: 10 });
    expect(follow('.spans[..]')[3]).toEqual({ first: 0, count: 5000 });
    expect(follow('.spans[5000..5000]')[3]).toEqual({ first: 5000, count: 0 });
    expect(follow('.next.part[1..]')[3]).toEqual({ first: 1, count: 2 });
  });

  test('go into the variant that is there', () => {
    const option = (address: bigint) => ({ type: 10, address });
    expect(follow('.0', option(0x1f00n))).toEqual(['RING.0', '0x1f04', 'u32']);
    expect(follow('.0', option(0x1000n))).toMatch(/RING has no field 0\..*Option<Ring> has no fields/s);
    expect(follow('.0', option(0x1f40n))).toMatch(/no variant of Option<Ring>.*discriminant is 77/s);
  });

  test('that lead nowhere say why', () => {
    expect(follow('.spans[5000]')).toMatch(/RING\.spans has no element 5000\..*length is 5000: 0 to 4999/s);
    expect(follow('.spans[4990..5001]')).toMatch(/no elements 4990\.\.5001.*length is 5000/s);
    expect(follow(`.spans[${'9'.repeat(300)}]`)).toMatch(/length is 5000/);
    expect(follow('.spans[7..3]')).toMatch(/7\.\.3 ends before it begins/);
    expect(follow('.next.part[3]')).toMatch(/length is 3: 0 to 2/);
    expect(follow('.tail')).toMatch(/RING has no field tail\..*Ring has head, next, part, spans/s);
    expect(follow('.spans[3].time')).toMatch(/RING\.spans\[3\] has no field time\..*Span has sequence, token/s);
    expect(follow('.head[0]')).toMatch(/RING\.head is no array.*u32/s);
    expect(follow('.next.next.head')).toMatch(/RING\.next\.next is null/);
    expect(follow('.head', { address: 0x9000n })).toEqual(['RING.head', '0x9000', 'u32']);
    expect(follow('.next.head', { address: 0x9000n })).toMatch(/RING\.next is not in memory/);
  });

  test('that are none are refused with what is wrong', () => {
    for (const [text, wrong] of [
      ['[abc]', '[abc]'],
      ['.spans[3', '[3'],
      ['.spans[-1]', '[-1]'],
      ['.spans[..=]', '[..=]'],
      ['.a..b', '..b'],
      ['.spans[1..2].token', '.token'],
      ['.a b', ' b'],
    ])
      expect(follow(text ?? '')).toContain(`"${wrong}"`);
    expect(follow('.a'.repeat(65))).toContain('more than 64');
  });

  test('that go round and round end', () => {
    view.setBigUint64(0x408, 0x1400n, true);
    expect(follow('.next'.repeat(60), { address: 0x1400n })[1]).toBe('0x1408');
    const loop = { type: (n: number) => (n === 0 ? { kind: 'pointer', name: '*', bytes: 8, target: 0 } : undefined) };
    view.setBigUint64(0x500, 0x1500n, true);
    const spot = { path: 'P', address: 0x1500n, type: 0, range: null };
    const found = followSteps(loop as unknown as TypeTable, spot, [{ kind: 'field', name: 'x' }], read);
    expect(found).toMatchObject({ ok: false, error: { code: 'no-field' } });
  });
});

test('elements keep their numbers, and are as many as one answer holds', () => {
  const words = new Uint8Array(Uint32Array.from({ length: 5000 }, (_, n) => n + 1000).buffer);
  const value = typedElements(table, 0, { first: 1000, count: 5000 }, words, 0x2000n, read);
  expect([value.type, value.bytes, value.children.length + value.omitted]).toEqual(['[u32; 5000]', 20_000, 5000]);
  expect(value.omitted).toBeGreaterThan(0);
  expect(value.children[20]).toMatchObject({ name: '1020', address: '0x2050', offset: 80, text: '1020 (0x3fc)' });
});

import { expect, test } from 'vitest';
import type { TypedValue } from '../../app/contract/inspect/symbol.ts';
import { changedPaths, elementsOf, moveWindow, nameAt, rowAt, typedRows } from './typed-view.ts';

const BASE = 0xffff_8000_0000_1000n;

function value(name: string, offset: number, bytes: number, rest: Partial<TypedValue> = {}): TypedValue {
  const address = `0x${(BASE + BigInt(offset)).toString(16)}`;
  const plain = { kind: 'number', text: '0', target: null, pointee: null, children: [], omitted: 0 } as const;
  return { name, type: 'u64', offset, bytes, address, ...plain, ...rest };
}

const report = (tsc = '7') =>
  value('', 0, 64, {
    type: 'Report',
    kind: 'struct',
    text: '',
    children: [
      value('magic', 0, 8),
      value('phases', 8, 48, {
        type: '[Phase; 3]',
        kind: 'array',
        text: '',
        children: [0, 1].map((n) =>
          value(String(n), 8 + n * 16, 16, {
            type: 'Phase',
            kind: 'struct',
            text: '',
            children: [value('id', 8 + n * 16, 8), value('tsc', 16 + n * 16, 8, { text: n === 1 ? tsc : '1' })],
          }),
        ),
        omitted: 1,
      }),
    ],
  });

const drawn = (open: string[]) =>
  typedRows(report(), new Set(open)).map((row) =>
    row.kind === 'omitted' ? `${' '.repeat(row.depth)}${row.count} more` : `${' '.repeat(row.depth)}${row.value.name}`,
  );

test('rows are what is open, with what was left out', () => {
  expect(drawn([])).toEqual(['magic', 'phases']);
  expect(drawn(['1', '1/1'])).toEqual(['magic', 'phases', ' 0', ' 1', '  id', '  tsc', ' 1 more']);
  expect(typedRows(value('', 0, 8), new Set())).toMatchObject([{ path: '', open: null }]);
});

test('an address is found in the innermost row that is shown, and by its whole name', () => {
  const at = BASE + 32n;
  expect(rowAt(typedRows(report(), new Set()), at)).toBe('1');
  expect(rowAt(typedRows(report(), new Set(['1'])), at)).toBe('1/1');
  expect(rowAt(typedRows(report(), new Set(['1', '1/1'])), at)).toBe('1/1/1');
  expect(rowAt(typedRows(report(), new Set()), BASE - 1n)).toBe(null);
  expect(nameAt(report(), at)).toBe('.phases[1].tsc');
  expect(nameAt(report(), BASE + 200n)).toBe('');
});

test('what changed is marked with what it is in, and another type is not compared', () => {
  expect([...changedPaths(report('8'), report('7'))]).toEqual(['1/1/1', '1/1', '1', '']);
  expect([...changedPaths(report(), report())]).toEqual([]);
  expect([...changedPaths(report('8'), null)]).toEqual([]);
  expect([...changedPaths(report('8'), { ...report('7'), type: 'Other' })]).toEqual([]);
});

const long = (first: number, shown: number) =>
  value('', 16, 4000, {
    ...{ type: '[u32; 1000]', kind: 'array', omitted: 1000 - shown },
    children: Array.from({ length: shown }, (_, n) => value(String(first + n), 16 + 4 * (first + n), 4)),
  });

test('of a long array it is known which elements are shown, and there is a way to any other', () => {
  expect(elementsOf(long(128, 128))).toEqual({ first: 128, end: 256, count: 1000 });
  expect(elementsOf(value('', 0, 8))).toBeNull();
  expect(elementsOf(long(0, 0))).toBeNull();
  const next = moveWindow([], long(0, 128), 128);
  expect(next).toEqual([{ offset: 16, bytes: 4000, first: 128 }]);
  expect(moveWindow(next, long(128, 128), 5000)).toEqual([{ offset: 16, bytes: 4000, first: 999 }]);
  // Back at the beginning there is nothing to say, and other arrays are as they were.
  const other = { offset: 0, bytes: 16, first: 3 };
  expect(moveWindow([other, ...next], long(128, 128), -7)).toEqual([other]);
});

import { describe, expect, test } from 'vitest';
import { applyChanges, type Change, changesBetween, sharing, valueAt } from './change.ts';

const before = {
  list: [
    { name: 'rax', value: '0x1' },
    { name: 'rbx', value: '0x2' },
  ],
  other: { deep: [1, 2, 3] },
  none: null as string | null,
};

/** As it comes over a wire. */
const sent = (changes: Change[] | null) => JSON.parse(JSON.stringify(changes)) as Change[];

describe('changes', () => {
  test('of equal values there are none, whether they are the same object or not', () => {
    expect(changesBetween(before, before)).toEqual([]);
    expect(changesBetween(before, structuredClone(before))).toEqual([]);
  });

  test('are the innermost values that are others', () => {
    const after = structuredClone(before);
    (after.list[1] as { value: string }).value = '0x3';
    after.none = 'some';
    expect(changesBetween(before, after)).toEqual([
      { path: ['list', 1, 'value'], value: '0x3' },
      { path: ['none'], value: 'some' },
    ]);
  });

  test('an array of another length and an object with other members are changed as a whole', () => {
    const longer = { ...before, other: { deep: [1, 2, 3, 4] } };
    expect(changesBetween(before, longer)).toEqual([{ path: ['other', 'deep'], value: [1, 2, 3, 4] }]);
    const renamed = { ...before, other: { shallow: [1] } };
    expect(changesBetween(before, renamed)).toEqual([{ path: ['other'], value: { shallow: [1] } }]);
  });

  test('of values that have little in common nothing is told', () => {
    expect(changesBetween(before, 'a text')).toBeNull();
    expect(changesBetween([1], [1, 2])).toBeNull();
    const many = Array.from({ length: 1000 }, (_, n) => n);
    expect(
      changesBetween(
        many,
        many.map((n) => n + 1),
      ),
    ).toBeNull();
  });

  test('make the later value of the earlier one, and leave everything else the same object', () => {
    const after = structuredClone(before);
    (after.list[0] as { value: string }).value = '0xff';
    (after.list[0] as { name: string }).name = 'eax';
    const applied = applyChanges(before, sent(changesBetween(before, after)))?.value as typeof before;
    expect(applied).toEqual(after);
    expect(applied.other).toBe(before.other);
    expect(applied.list[1]).toBe(before.list[1]);
    // What was before is as it was.
    expect(before.list[0]).toEqual({ name: 'rax', value: '0x1' });
  });

  test('of what is not there are refused, and nothing that objects inherit is touched', () => {
    expect(applyChanges(before, [{ path: ['list', 2, 'value'], value: 1 }])).toBeNull();
    expect(applyChanges(before, [{ path: ['none', 'x'], value: 1 }])).toBeNull();
    expect(applyChanges(before, [{ path: ['__proto__', 'polluted'], value: 1 }])).toBeNull();
    expect(applyChanges(before, [{ path: ['constructor', 'prototype', 'polluted'], value: 1 }])).toBeNull();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('a later value shares what it has in common with an earlier one', () => {
    expect(sharing(before, structuredClone(before))).toBe(before);
    const after = { ...structuredClone(before), none: 'some' };
    expect(sharing(before, after)).toEqual(after);
    expect(sharing(before, after).list).toBe(before.list);
    expect(sharing(null, after)).toBe(after);
  });

  test('a place is found by its path', () => {
    expect(valueAt(before, ['list', 0, 'name'])).toBe('rax');
    expect(valueAt(before, [])).toBe(before);
    expect(valueAt(before, ['list', 7, 'name'])).toBeUndefined();
    expect(valueAt(before, ['toString'])).toBeUndefined();
  });
});

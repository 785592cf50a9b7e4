import { describe, expect, test } from 'vitest';
import { mergeTexts } from './merge.ts';

const text = (letters: string) => [...letters].map((letter) => `${letter}\n`).join('');
const merge = (base: string, mine: string, theirs: string) => {
  const merged = mergeTexts(text(base), text(mine), text(theirs));
  return merged === null ? null : `${merged.text.replaceAll('\n', '')} ${merged.conflicts}`;
};

describe('a merge by lines', () => {
  test.each([
    ['nobody changed anything', 'abc', 'abc', 'abc', 'abc 0'],
    ['only I changed', 'abc', 'axc', 'abc', 'axc 0'],
    ['only they changed', 'abc', 'abc', 'abx', 'abx 0'],
    ['both changed different lines', 'abcdef', 'xbcdef', 'abcdey', 'xbcdey 0'],
    ['both made the same change', 'abc', 'axc', 'axc', 'axc 0'],
    ['both changed the same line', 'abc', 'axc', 'ayc', 'axc 1'],
    ['I inserted, they deleted elsewhere', 'abcdef', 'abXcdef', 'abcdf', 'abXcdf 0'],
    ['both inserted at one place', 'ab', 'aXb', 'aYb', 'aXb 1'],
    ['I deleted what they changed', 'abc', 'ac', 'axc', 'ac 1'],
    ['they appended, I prepended', 'ab', 'Xab', 'abY', 'XabY 0'],
    ['one conflict among clean changes', 'abcdefgh', 'Abcd1fgh', 'abcd2fgH', 'Abcd1fgH 1'],
    ['from nothing', '', 'a', 'b', 'a 1'],
  ])('%s', (_, base, mine, theirs, expected) => {
    expect(merge(base, mine, theirs)).toBe(expected);
  });

  test('a last line without an end is a line', () => {
    expect(mergeTexts('a\nb\nc', 'A\nb\nc', 'a\nb\nc\nd\n')).toEqual({ text: 'A\nb\nc\nd\n', conflicts: 0 });
  });

  test('texts that are too long to be compared are refused, not chewed on', () => {
    const long = (prefix: string) => Array.from({ length: 6000 }, (_, n) => `${prefix}${n}\n`).join('');
    expect(mergeTexts(long('a'), long('b'), long('c'))).toBeNull();
  });
});

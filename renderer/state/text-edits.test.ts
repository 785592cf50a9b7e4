import { expect, test } from 'vitest';
import { offsetEdits, withEdits } from './text-edits.ts';

const span = (line: number, column: number, endLine: number, endColumn: number) => ({
  file: 'a.rs',
  line,
  column,
  endLine,
  endColumn,
  primary: true,
  label: null,
});

test('edits by lines and characters, in any order', () => {
  const text = 'let 🦀 = mut x;\nfn f() {}\n';
  const edits = offsetEdits(text, [
    { span: span(2, 4, 2, 5), text: 'g' },
    { span: span(1, 9, 1, 13), text: '' },
  ]);
  expect(edits && withEdits(text, edits)).toBe('let 🦀 = x;\nfn g() {}\n');
});

test('an insertion at the end of a line', () => {
  const edits = offsetEdits('ab\ncd', [{ span: span(1, 3, 1, 3), text: ';' }]);
  expect(edits && withEdits('ab\ncd', edits)).toBe('ab;\ncd');
});

test('places that the text does not have, and overlaps, are refused', () => {
  expect(offsetEdits('ab\ncd', [{ span: span(3, 1, 3, 1), text: '' }])).toBeNull();
  expect(offsetEdits('ab\ncd', [{ span: span(1, 4, 1, 5), text: '' }])).toBeNull();
  expect(
    offsetEdits('abcd', [
      { span: span(1, 1, 1, 3), text: 'x' },
      { span: span(1, 2, 1, 4), text: 'y' },
    ]),
  ).toBeNull();
});

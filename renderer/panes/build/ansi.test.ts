import { expect, test } from 'vitest';
import { parseAnsi } from './ansi.ts';

const brief = (text: string) => parseAnsi(text).map(({ text, colour, bold }) => [text, colour, bold] as const);

test('colours, bold and their end', () => {
  expect(brief('a\x1b[1;31merror\x1b[0m: b')).toEqual([
    ['a', null, false],
    ['error', 1, true],
    [': b', null, false],
  ]);
  expect(brief('\x1b[38;5;12mblue\x1b[39m.')).toEqual([
    ['blue', 12, false],
    ['.', null, false],
  ]);
  expect(brief('\x1b[38;2;1;2;3mrgb\x1b[1mx')).toEqual([
    ['rgb', null, false],
    ['x', null, true],
  ]);
});

test('what moves a cursor, titles and control characters are dropped', () => {
  expect(brief('\x1b[2J\x1b[1;1Hhi\x1b]0;title\x07 there\x07\r')).toEqual([
    ['hi', null, false],
    [' there', null, false],
  ]);
});

test('an unfinished escape hangs nothing and markup stays text', () => {
  expect(
    parseAnsi('<b>\x1b[3')
      .map(({ text }) => text)
      .join(''),
  ).toContain('<b>');
  expect(parseAnsi('\x1b[99999999999999mx')).toHaveLength(1);
});

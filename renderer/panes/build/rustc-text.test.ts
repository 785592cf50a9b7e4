import { expect, test } from 'vitest';
import { rustcLines } from './rustc-text.ts';

const RENDERED = `error[E0308]: mismatched types
  --> abi/src/boot.rs:12:18
   |
12 |     let x: u32 = "a";
   |            ---   ^^^ expected \`u32\`, found \`&str\`
   |            |
   |            expected due to this
   = note: see <b>this</b>
`;

test('tones and places of an error', () => {
  const lines = rustcLines(RENDERED);
  expect(lines[0]?.pieces.map(({ tone }) => tone)).toEqual(['error', 'strong']);
  expect(lines[1]?.place).toEqual({ file: 'abi/src/boot.rs', line: 12, column: 18 });
  expect(lines[3]?.pieces).toEqual([
    { text: '12 |', tone: 'gutter' },
    { text: '     let x: u32 = "a";', tone: 'plain' },
  ]);
  expect(lines[4]?.pieces.slice(1)).toEqual([
    { text: '            ---   ', tone: 'help' },
    { text: '^^^ expected `u32`, found `&str`', tone: 'error' },
  ]);
  expect(lines[5]?.pieces.at(-1)?.tone).toBe('plain');
  expect(lines.map(({ pieces }) => pieces.map(({ text }) => text).join('')).join('\n')).toBe(RENDERED.trimEnd());
});

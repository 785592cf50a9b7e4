/** The page draws all icons with Monaco's font (vite.config.ts), but names ours by the style sheet of @vscode/codicons: they must fit. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const find = (name: string) => fileURLToPath(import.meta.resolve(name));
const renderer = dirname(import.meta.dirname);

/** Code points that a TrueType font maps to glyphs: its `cmap` subtables of format 4 (OpenType §cmap). */
function codePoints(font: Buffer): Set<number> {
  const tables = Array.from({ length: font.readUInt16BE(4) }, (_, index) => 12 + 16 * index);
  const record = tables.find((at) => font.toString('latin1', at, at + 4) === 'cmap');
  if (record === undefined) throw new Error('the font has no cmap');
  const cmap = font.readUInt32BE(record + 8);
  const found = new Set<number>();
  for (let index = 0; index < font.readUInt16BE(cmap + 2); index++) {
    const at = cmap + font.readUInt32BE(cmap + 8 + 8 * index);
    if (font.readUInt16BE(at) !== 4) continue;
    const twiceSegments = font.readUInt16BE(at + 6);
    for (let segment = 0; segment < twiceSegments; segment += 2) {
      const end = font.readUInt16BE(at + 14 + segment);
      // A pad of two bytes lies between ends and starts; the last segment is 0xffff.
      const start = font.readUInt16BE(at + 16 + twiceSegments + segment);
      for (let code = start; code <= end && code < 0xffff; code++) found.add(code);
    }
  }
  return found;
}

test('every icon that the style sheet names is in the font, but for some that nobody draws', () => {
  const sheet = readFileSync(find('@vscode/codicons/dist/codicon.css'), 'utf8');
  const named = [...sheet.matchAll(/\.codicon-([a-z0-9-]+):before \{ content: "\\([0-9a-f]+)"/g)];
  expect(named.length).toBeGreaterThan(600);
  const monaco = dirname(find('monaco-editor'));
  const font = codePoints(readFileSync(join(monaco, 'base/browser/ui/codicons/codicon/codicon.ttf')));
  const absent = named.filter(([, , code = '']) => !font.has(Number.parseInt(code, 16))).map(([, name = '']) => name);
  const sources = readdirSync(renderer, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(renderer, name), 'utf8'));
  const drawn = absent.filter((name) => sources.some((source) => source.includes(name)));
  expect(drawn).toEqual([]);
});

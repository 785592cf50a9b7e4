import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/project.ts';

/** Colours that text has. */
const TEXT = /^(fg|fg-strong|fg-muted|fg-faint|accent|error|warning|info|success|symbol-\w+|git-\w+)$/;
/** Colours that it stands on. */
const GROUND = /^bg-(editor|side|bar|raised|input|hover|selected|selected-focus)$/;

/** Relative luminance (WCAG 2.2). */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const css = readFileSync(join(root, 'renderer', 'theme', 'tokens.css'), 'utf8');
const themes = [...css.matchAll(/\[data-theme="([\w-]+)"\] \{([^}]*)\}/g)].map(([, name = '', body = '']) => ({
  name,
  colours: [...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, token = '', value = '']) => ({ token, value })),
}));

test('there are three themes with all of their colours', () => {
  expect(themes.map(({ name }) => name)).toEqual(['dark', 'light', 'high-contrast']);
  for (const { colours } of themes) {
    expect(colours.filter(({ token }) => TEXT.test(token)).length).toBeGreaterThan(12);
    expect(colours.filter(({ token }) => GROUND.test(token))).toHaveLength(8);
  }
});

test.each(themes)('text of the theme $name reaches 4.5:1 on every ground', ({ colours }) => {
  const poor: string[] = [];
  for (const text of colours.filter(({ token }) => TEXT.test(token)))
    for (const ground of colours.filter(({ token }) => GROUND.test(token))) {
      const ratio = contrast(text.value, ground.value);
      if (ratio < 4.5) poor.push(`${text.token} on ${ground.token}: ${ratio.toFixed(2)}`);
    }
  expect(poor).toEqual([]);
});

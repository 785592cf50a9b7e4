import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('tokens.css', import.meta.url), 'utf8');

/** The colours of each theme, by its name. */
const THEMES = new Map(
  [...css.matchAll(/\[data-theme="([\w-]+)"\] \{([^}]*)\}/g)].map(([, name = '', body = '']) => [
    name,
    new Map([...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, token = '', value = '']) => [token, value])),
  ]),
);

/** WCAG 2.2: relative luminance, and how much lighter one colour is than another. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

test('the measure is the one of the standard', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  expect([...THEMES.keys()]).toEqual(['dark', 'light', 'high-contrast']);
});

describe.each([...THEMES])('%s', (_name, tokens) => {
  const of = (token: string) => {
    const value = tokens.get(token);
    if (value === undefined) throw new Error(`there is no --${token}`);
    return value;
  };

  test.each(['fg', 'fg-strong', 'fg-muted', 'fg-faint', 'accent'])(
    '--%s can be read where a value has changed',
    (text) => {
      expect(contrast(of(text), of('changed'))).toBeGreaterThanOrEqual(4.5);
    },
  );

  test('that a value has changed is seen on what it stands on, and is not taken for a match or a choice', () => {
    for (const ground of ['bg-editor', 'bg-side']) expect(contrast(of('changed'), of(ground))).toBeGreaterThan(1.1);
    for (const other of ['match', 'accent-soft', 'bg-selected', 'bg-selected-focus', 'warning-soft'])
      expect(of('changed')).not.toBe(of(other));
  });
});

import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { Markdown } from './Markdown.tsx';

const html = (text: string) => renderToStaticMarkup(createElement(Markdown, { text, onLink: () => {} }));

test('a script is shown as text', () => {
  const out = html('Hi <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n<iframe srcdoc="x"></iframe>');
  expect(out).not.toMatch(/<script|<img|<iframe/);
  expect(out).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(out).toContain('&lt;img src=x onerror=alert(1)&gt;');
});

test.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  '//evil.example/x',
])('a link to %s leads nowhere', (url) => {
  expect(html(`[click](${url})`)).toBe('<p><span>click</span></p>');
});

test('an http link says where it leads, and is no link of the browser', () => {
  expect(html('[x](https://example.org/a)')).toBe(
    '<p><button type="button" class="link" title="https://example.org/a">x</button></p>',
  );
});

test('images are not loaded', () => {
  expect(html('![a cat](https://example.org/cat.png)')).not.toContain('<img');
  expect(html('![a cat](https://example.org/cat.png)')).toContain('[image: a cat]');
});

test('code and tables are drawn', () => {
  expect(html('```rust\nlet x = "<b>";\n```')).toContain('let x = &quot;&lt;b&gt;&quot;;');
  expect(html('|a|b|\n|-|-|\n|1|2|')).toContain('<td>1</td>');
  expect(html('`x`')).toBe('<p><code>x</code></p>');
});

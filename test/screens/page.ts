import type { View } from '../e2e/browser.ts';
import { fileName, SIZES, THEMES } from './pictures.ts';

/** docs/screens/README.md. */
export function screensPage(views: readonly View[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const parts = views.map(({ title }) => {
    const rows = SIZES.map(({ width, height }) =>
      row([
        `${width}×${height}`,
        ...THEMES.map((theme) => {
          const file = fileName(title, theme, width);
          return `<a href="${file}"><img src="${file}" width="280" alt="${title}, ${theme.toLowerCase()}, ${width} by ${height}"></a>`;
        }),
      ]),
    );
    return [`## ${title}`, '', row(['', ...THEMES]), row(['', ...THEMES].map(() => '---')), ...rows, ''].join('\n');
  });
  return [
    '# Every pane, in every theme',
    '',
    'Made by `npm run screenshots`, of a machine that really runs.',
    '',
    ...parts,
  ].join('\n');
}

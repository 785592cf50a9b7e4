/**
 * Makes docs/session.svg: runs the commands below in a real terminal (a pty of util-linux's `script`) and draws what a
 * person would have seen. Nothing in the picture is written by hand. Run it again after the output has changed:
 *
 *     node docs/render-session.mjs
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMANDS = ['npx ring0 chat "What is a GDT?"', 'npx ring0 bench --profiles direct --runs 3'];
const COLUMNS = 132;
const here = dirname(fileURLToPath(import.meta.url));

/** xterm's eight colours, on a dark ground. */
const PALETTE = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#c9d1d9'];
const PLAIN = { fill: '#e6edf3', bold: false, dim: false };

/** Runs a command in a pty. @returns {string} everything that it wrote to the screen */
function record(command) {
  const result = spawnSync('script', ['-qec', `stty cols ${COLUMNS}; ${command}`, '/dev/null'], {
    cwd: join(here, '..'),
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm-256color', npm_config_loglevel: 'error' },
    maxBuffer: 16 << 20,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`\`${command}\` ended with ${result.status}:\n${result.stdout}`);
  return result.stdout;
}

/**
 * A terminal in the small: carriage return, erase to the end of the line, colours. Lines that are too long wrap.
 *
 * @param {string} text
 * @returns {{ char: string, style: typeof PLAIN }[][]} rows of cells
 */
function screen(text) {
  const rows = [[]];
  let column = 0;
  let style = PLAIN;
  for (const token of text.match(/\x1b\[[0-9;?]*[A-Za-z]|[\s\S]/gu) ?? []) {
    const row = rows[rows.length - 1];
    const sequence = /^\x1b\[([0-9;?]*)([A-Za-z])$/.exec(token);
    if (sequence !== null) {
      if (sequence[2] === 'G') column = Number(sequence[1] || 1) - 1;
      if (sequence[2] === 'K') row.length = Math.min(row.length, column);
      if (sequence[2] === 'm') style = sequence[1].split(';').reduce(applyStyle, style);
    } else if (token === '\n') {
      rows.push([]);
    } else if (token === '\r') {
      column = 0;
      continue;
    } else if (token >= ' ') {
      if (column === COLUMNS) {
        rows.push([]);
        column = 0;
      }
      rows[rows.length - 1][column] = { char: token, style };
      column += 1;
      continue;
    }
    if (token === '\n') column = 0;
  }
  return rows;
}

function applyStyle(style, code) {
  const number = Number(code || 0);
  if (number === 0) return PLAIN;
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, dim: true };
  if (number >= 30 && number <= 37) return { ...style, fill: PALETTE[number - 30] };
  return style;
}

const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** One `<text>` a row, one `<tspan>` a run of equal style. */
function drawRow(row, y) {
  const runs = [];
  for (const cell of Array.from(row, (entry) => entry ?? { char: ' ', style: PLAIN })) {
    const last = runs.at(-1);
    if (last !== undefined && last.style === cell.style) last.text += cell.char;
    else runs.push({ style: cell.style, text: cell.char });
  }
  const spans = runs.map(
    ({ style, text }) =>
      `<tspan fill="${style.fill}"${style.bold ? ' font-weight="bold"' : ''}${style.dim ? ' opacity="0.6"' : ''}>${escapeXml(text)}</tspan>`,
  );
  return `<text x="16" y="${y}" xml:space="preserve">${spans.join('')}</text>`;
}

const prompt = { ...PLAIN, fill: PALETTE[2], bold: true };
const rows = COMMANDS.flatMap((command) => [
  [...`$ ${command}`].map((char, index) => ({ char, style: index < 2 ? prompt : { ...PLAIN, bold: true } })),
  ...screen(record(command).trimEnd()),
  [],
]);
rows.pop();

const [width, height] = [32 + COLUMNS * 8.43, 28 + rows.length * 20];
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height}" role="img" aria-label="A session with ring0 in a terminal">`,
  `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
  `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`,
  ...rows.map((row, index) => drawRow(row, 30 + index * 20)),
  '</g>',
  '</svg>',
];
writeFileSync(join(here, 'session.svg'), `${svg.join('\n')}\n`);

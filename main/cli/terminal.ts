/** The two output streams: results to stdout, everything else (progress, hints, errors) to stderr. */
import type { WriteStream } from 'node:tty';
import { type AppError, describeError } from '../../app/base/result.ts';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Colours text, or leaves it as it is where colours are not wanted. */
export type Paint = (style: Style, text: string) => string;

/** https://no-color.org; `FORCE_COLOR` for recording a session through a pipe. */
function wantsColour(stream: { isTTY?: boolean }): boolean {
  if ((process.env.NO_COLOR ?? '') !== '') return false;
  if ((process.env.FORCE_COLOR ?? '') !== '') return true;
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

const painter =
  (colour: boolean): Paint =>
  (style, text) =>
    colour ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;

export class Terminal {
  readonly #out: WriteStream | NodeJS.WriteStream;
  readonly #err: WriteStream | NodeJS.WriteStream;
  /** Whether the cursor stands behind a progress line that the next output must wipe. */
  #progressShown = false;
  #lastActivity = '';
  /** For stdout. */
  readonly paint: Paint;
  /** For stderr. */
  readonly paintError: Paint;

  constructor(out: NodeJS.WriteStream = process.stdout, err: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
    this.#err = err;
    this.paint = painter(wantsColour(out));
    this.paintError = painter(wantsColour(err));
  }

  /** Whether a person sits at both ends: keys come from a keyboard and output goes to a screen. */
  get interactive(): boolean {
    return process.stdin.isTTY === true && this.#out.isTTY === true;
  }

  /** Raw output, for streams of text and serial bytes. */
  write(data: string | Uint8Array): void {
    this.clearProgress();
    this.#out.write(data);
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** One JSON value on a line of its own, for streams of events. */
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  note(text: string): void {
    this.clearProgress();
    this.#err.write(`${text}\n`);
  }

  hint(text: string): void {
    this.note(this.paintError('dim', text));
  }

  error(error: AppError): void {
    const [first = '', ...rest] = describeError(error).split('\n');
    this.note(
      [
        `${this.paintError('red', 'error:')} ${this.paintError('bold', first)}`,
        ...rest.map((line) => `  ${line}`),
      ].join('\n'),
    );
  }

  /** What is going on now. On a screen each replaces the one before; in a log, a new activity is a line, and its detail is left out. */
  progress(activity: string, detail = ''): void {
    if (this.#err.isTTY === true && process.env.TERM !== 'dumb') {
      const width = Math.max(20, this.#err.columns || 80) - 1;
      this.#err.write(`\r\x1b[K${this.paintError('dim', `${activity} ${detail}`.trimEnd().slice(0, width))}`);
      this.#progressShown = true;
    } else if (activity !== this.#lastActivity) {
      this.#err.write(`${activity}\n`);
    }
    this.#lastActivity = activity;
  }

  clearProgress(): void {
    if (this.#progressShown) this.#err.write('\r\x1b[K');
    this.#progressShown = false;
  }
}

/** A table with aligned columns; columns named in `right` are numbers. Cells may carry no colour codes of their own. */
export function table(
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  right: readonly number[] = [],
  paint?: Paint,
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const draw = (cells: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const top = draw(header);
  return [paint === undefined ? top : paint('bold', top), ...rows.map(draw)].join('\n');
}

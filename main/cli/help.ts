import type { OptionSpec, OptionSpecs } from './arguments.ts';
import type { Command } from './command.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';
import type { Paint } from './terminal.ts';
import { wrap } from './wrap.ts';

/** Columns of the help pages. */
const WIDTH = 100;

/** The first column is that wide at most; a longer one has its second on the lines below. */
const LEFT = 56;

/** Rows of two columns, the second wrapped at a width that every terminal has. */
export function columns(rows: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= LEFT), 6);
  const indent = `\n  ${' '.repeat(width)}  `;
  return rows
    .map(([left, right]) => {
      const lines = wrap(right, WIDTH - width - 4).join(indent);
      return `  ${left.padEnd(width)}${left.length > width ? indent : '  '}${lines}`;
    })
    .join('\n');
}

/** Paragraphs of running text are filled to the width; one that is laid out in columns (two spaces in a row) stays as it is. */
function fill(text: string): string {
  const paragraphs = text.split('\n\n');
  return paragraphs
    .map((paragraph) =>
      /\S {2,}\S/.test(paragraph) ? paragraph : wrap(paragraph.replaceAll('\n', ' '), WIDTH).join('\n'),
    )
    .join('\n\n');
}

function optionRow([name, spec]: [string, OptionSpec]): readonly [string, string] {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return [`${short}--${name}${spec.kind === 'flag' ? '' : ` ${spec.value}`}`, spec.help];
}

/** `ring0 --help`. */
export function overview(commands: readonly Command[], paint: Paint): string {
  return [
    `${paint('bold', 'ring0')}: build, boot, talk to and take apart a kernel whose only program is a language model`,
    '',
    `${paint('bold', 'Usage')}\n  ring0 COMMAND [OPTIONS]`,
    '',
    paint('bold', 'Commands'),
    columns(commands.map((command) => [`${command.name} ${command.operands}`.trim(), command.summary])),
    '',
    paint('bold', 'First steps'),
    columns([
      ['ring0 doctor --fix', 'see what this machine lacks, and install it'],
      ['ring0 chat "What is a GDT?"', 'build the kernel, boot it, ask its model one question'],
      ['ring0 run', 'boot it and sit at its serial console; Ctrl-] then q leaves'],
      ['ring0 COMMAND --help', 'all options of a command, with examples'],
    ]),
    '',
    paint('bold', 'Exit codes'),
    columns(EXIT_MEANINGS.map(([code, meaning]) => [String(code).padStart(3), meaning])),
    '',
    fill(`Every command takes --json. Results go to stdout; progress, hints and errors go to stderr. With --json, an error is
also printed on stdout, as {"error": {"code", "what", "why", "fix"}}. NO_COLOR is honoured.`),
  ].join('\n');
}

/** `ring0 COMMAND --help`. */
export function commandHelp(command: Command, options: OptionSpecs, paint: Paint): string {
  return [
    `${paint('bold', `ring0 ${command.name}`)}: ${command.summary}`,
    '',
    `${paint('bold', 'Usage')}\n  ring0 ${command.name} ${command.operands}${command.operands === '' ? '' : ' '}[OPTIONS]`,
    '',
    ...(command.description === '' ? [] : [fill(command.description), '']),
    paint('bold', 'Options'),
    columns(Object.entries(options).map(optionRow)),
    '',
    paint('bold', 'Examples'),
    columns(command.examples),
  ].join('\n');
}

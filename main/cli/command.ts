import type { ServiceHost } from '../../app/contract/index.ts';
import type { OptionSpecs, ValuesOf } from './arguments.ts';
import type { Interrupts } from './interrupts.ts';
import type { Terminal } from './terminal.ts';

/** What a command works with. */
export interface CommandContext {
  /** The repository. */
  readonly root: string;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  /** The services; made on first use, ended by `main`. */
  readonly host: ServiceHost;
}

/** One command, one file, one of these. */
export interface Command<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name: `[PROMPT]`. */
  readonly operands: string;
  /** Least and most operands. */
  readonly arity: readonly [number, number];
  /** Paragraphs for `--help`. */
  readonly description: string;
  readonly options: O;
  /** Pairs of a command line and what it does. */
  readonly examples: ReadonlyArray<readonly [string, string]>;
  /** A page of help of its own for `ring0 NAME FIRST-OPERAND --help`. */
  topic?(operand: string): Command | undefined;
  /** @returns the exit code */
  run(
    context: CommandContext,
    values: ValuesOf<O & typeof COMMON_OPTIONS>,
    operands: readonly string[],
  ): Promise<number>;
}

/** Keeps the options' types inside a command and forgets them outside. */
export function defineCommand<O extends OptionSpecs>(command: Command<O>): Command {
  return command as unknown as Command;
}

/** Every command has these two. */
export const COMMON_OPTIONS = {
  json: { kind: 'flag', help: 'print JSON on stdout, for programs' },
  help: { kind: 'flag', short: 'h', help: 'say what the command does, and stop' },
} as const satisfies OptionSpecs;

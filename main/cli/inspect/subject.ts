import type { InspectSource } from '../../../app/contract/index.ts';
import type { OptionSpecs, ValuesOf } from '../arguments.ts';
import type { CommandContext } from '../command.ts';

/** What every subject takes, beside its own options. */
export const SUBJECT_OPTIONS = {
  machine: {
    kind: 'text',
    value: 'ID',
    help: 'which machine, by its id or a unique beginning; not needed if one runs',
  },
  dump: { kind: 'text', value: 'FILE', help: 'look at a saved dump instead of a machine' },
  gdb: {
    kind: 'text',
    value: 'HOST:PORT',
    help: 'look through a gdb stub, as of a QEMU that was started with -s; it stands still meanwhile. Also a port alone, or unix:PATH',
  },
  kernel: { kind: 'text', value: 'FILE', help: 'with --gdb: image of the kernel that runs there, for symbols' },
  processor: { kind: 'number', value: 'N', minimum: 0, maximum: 1023, help: 'as this processor sees it; default 0' },
} as const satisfies OptionSpecs;

/** What a subject has found: the view, which `--json` prints, and how people see it. */
export interface Finding {
  readonly value: unknown;
  readonly text: () => string;
}

/** One subject of `ring0 inspect`; each has a file here, and a row in `index.ts`. */
export interface Subject<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** One line for the list of subjects. */
  readonly summary: string;
  /** What follows the name, before the machine's id: `ADDRESS [SIZE]`. */
  readonly operands: string;
  /** Least and most operands. */
  readonly arity: readonly [number, number];
  /** More paragraphs for its own help. */
  readonly description?: string;
  readonly options: O;
  readonly examples: ReadonlyArray<readonly [string, string]>;
  /** Undefined if it has printed what there is by itself. */
  look(
    context: CommandContext,
    source: InspectSource,
    values: ValuesOf<O & typeof SUBJECT_OPTIONS>,
    operands: readonly string[],
  ): Promise<Finding | undefined>;
}

/** Keeps the options' types inside a subject and forgets them outside. */
export function defineSubject<O extends OptionSpecs>(subject: Subject<O>): Subject {
  return subject as unknown as Subject;
}

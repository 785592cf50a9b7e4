import type {
  InspectSource,
  PredictionView,
  TableEdit,
  WhatIfQuestion,
  WhatIfView,
} from '../../../app/contract/index.ts';
import { TableEditSchema } from '../../../app/contract/index.ts';
import type { OptionSpecs, ValuesOf } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { giveUp, unwrap } from '../failure.ts';
import type { Paint } from '../terminal.ts';
import type { Finding } from './subject.ts';
import { findingsText } from './tables.ts';

/** The question what would be, on every subject that is a table. */
export const WHAT_IF_OPTIONS = {
  deliver: {
    kind: 'number',
    value: 'VECTOR',
    minimum: 0,
    maximum: 255,
    help: 'what if this vector were delivered now?',
  },
  as: { kind: 'text', value: 'SOURCE', help: 'with --deliver: exception (default), software (INT n) or external' },
  load: {
    kind: 'text',
    value: 'REG=SEL',
    help: 'what if this selector were loaded? such as ss=0x10, tr=0x18 or ldtr=0x28',
  },
  edit: {
    kind: 'text',
    value: 'TABLE+OFFSET=BYTES,…',
    help: 'with these bytes of a copy changed, such as idt+0x35=0e or gdt+0x10=0',
  },
} as const satisfies OptionSpecs;

export type WhatIfValues = ValuesOf<typeof WHAT_IF_OPTIONS>;

export const WHAT_IF_HELP = `--deliver and --load ask what the processor would do: every check in the order of the manual, and how it ends. With
--edit they ask it of a copy of the tables that has these bytes changed; the guest's memory stays as it is.`;

/** The answer, if a question was asked. */
export async function whatIf(
  { host, terminal }: CommandContext,
  source: InspectSource,
  values: WhatIfValues & { readonly processor: number | undefined },
): Promise<Finding | undefined> {
  const question = questionOf(values);
  if (question === undefined) {
    if (values.edit !== undefined)
      giveUp('usage', '--edit needs a question', '', 'add --deliver VECTOR or --load REG=SEL');
    return undefined;
  }
  const edits = (values.edit ?? '')
    .split(',')
    .filter((it) => it !== '')
    .map(editOf);
  const view = unwrap(await host.inspect.whatIf(source, { processor: values.processor ?? 0, edits, question }));
  return { value: view, text: () => whatIfText(view, edits.length > 0, terminal.paint) };
}

const SOURCES = ['exception', 'software', 'external'] as const;
const REGISTERS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'tr', 'ldtr'] as const;

function questionOf({ deliver, as, load }: WhatIfValues): WhatIfQuestion | undefined {
  if (deliver !== undefined && load !== undefined)
    giveUp('usage', '--deliver and --load are two questions', '', 'ask them one after the other');
  if (as !== undefined && deliver === undefined)
    giveUp('usage', '--as goes with --deliver', '', 'add --deliver VECTOR, or leave it out');
  if (deliver !== undefined) {
    const kind =
      SOURCES.find((it) => it === (as ?? 'exception')) ??
      giveUp('usage', `nothing comes from "${as}"`, '', `use ${SOURCES.join(', ')}`);
    return { kind: 'deliver', vector: deliver, source: kind };
  }
  if (load === undefined) return undefined;
  const [, name = '', text = ''] = /^([a-z]+)=(0x[0-9a-f]{1,4}|\d{1,5})$/i.exec(load) ?? [];
  const register = REGISTERS.find((it) => it === name.toLowerCase());
  const selector = Number(text);
  if (register === undefined || !(selector <= 0xffff))
    return giveUp(
      'usage',
      `--load does not understand "${load}"`,
      '',
      `write REGISTER=SELECTOR, with ${REGISTERS.join(', ')}`,
    );
  return { kind: 'load', register, selector };
}

function editOf(text: string): TableEdit {
  const [, table, offset, digits = ''] = /^(gdt|ldt|idt|tss)\+(0x[0-9a-f]+|\d+)=([0-9a-f]+)$/i.exec(text) ?? [];
  const bytes = digits.toLowerCase().padStart(digits.length + (digits.length % 2), '0');
  const edit = TableEditSchema.safeParse({ table: table?.toLowerCase(), offset: Number(offset), bytes });
  return edit.success
    ? edit.data
    : giveUp(
        'usage',
        `--edit does not understand "${text}"`,
        '',
        'write TABLE+OFFSET=HEX, such as idt+0x35=0e: an offset up to 0xffff, and up to 16 bytes',
      );
}

function whatIfText(view: WhatIfView, edited: boolean, paint: Paint): string {
  if (!edited) return predictionText(view.before, paint);
  return [
    `${paint('bold', 'as it is:')} ${view.before.outcome}`,
    `${paint('bold', 'with the changes:')}\n${predictionText(view.after, paint)}`,
    findingsText(view.findings, paint),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function predictionText({ attempts, outcome }: PredictionView, paint: Paint): string {
  const lines = attempts.flatMap(({ event, checks }) => [
    paint('bold', event),
    ...checks.map(({ what, passed, section, emulator }) => {
      const mark = passed ? paint('green', '  ok  ') : paint('red', '  FAILS ');
      const why = passed ? '' : ` ${paint('dim', `(${section})`)}${emulator === '' ? '' : `; ${emulator}`}`;
      return `${mark}${what}${why}`;
    }),
  ]);
  return [...lines, `→ ${outcome}`].join('\n');
}

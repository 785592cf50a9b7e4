import type { CodePlace, InspectSource, TableFinding, TablesView } from '../../../app/contract/index.ts';
import type { CommandContext } from '../command.ts';
import { unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { defineSubject, type Finding, type Subject } from './subject.ts';
import { WHAT_IF_HELP, WHAT_IF_OPTIONS, type WhatIfValues, whatIf } from './what-if.ts';

type Part = 'gdt' | 'ldt' | 'idt' | 'tss';
type Values = WhatIfValues & { readonly processor: number | undefined };

/** The subjects that are parts of one view, each with its findings. */
function tableSubject(
  name: Part,
  summary: string,
  example: readonly [string, string],
  text: (context: CommandContext, source: InspectSource, view: TablesView) => Promise<string>,
): Subject {
  return defineSubject({
    name,
    summary,
    operands: '',
    arity: [0, 0],
    description: WHAT_IF_HELP,
    options: WHAT_IF_OPTIONS,
    examples: [example],
    async look(context, source, values: Values): Promise<Finding> {
      const asked = await whatIf(context, source, values);
      if (asked !== undefined) return asked;
      const view = unwrap(await context.host.inspect.tables(source, values.processor ?? 0));
      const body = await text(context, source, view);
      const { paint } = context.terminal;
      const findings = findingsText(
        view.findings.filter((it) => concerns(it, name)),
        paint,
      );
      const torn = view.torn
        ? [paint('yellow', 'the guest wrote to its tables at every look: this may be a mixture')]
        : [];
      return {
        value: {
          processor: view.processor,
          long: view.long,
          [name]: view[name],
          findings: view.findings,
          torn: view.torn,
        },
        text: () => [...torn, body, findings].filter((part) => part !== '').join('\n\n'),
      };
    },
  });
}

/** Findings are told with the table that they stand in, and with the one that they are about: the descriptor of a TSS is in the GDT. */
function concerns({ rule, subject: { kind } }: TableFinding, part: Part): boolean {
  const parts: Readonly<Record<TableFinding['subject']['kind'], Part>> = {
    ...{ gdt: 'gdt', descriptor: 'gdt', register: 'gdt', processor: 'gdt' },
    ...{ ldt: 'ldt', 'ldt-descriptor': 'ldt' },
    ...{ idt: 'idt', gate: 'idt', tss: 'tss', ist: 'tss' },
  };
  return parts[kind] === part || rule.startsWith(`${part}-`);
}

/** The GDT or the LDT, descriptor by descriptor. */
function descriptorsText(it: TablesView['gdt'], heading: string, paint: Paint): string {
  const size = Math.min(Number(it.limit), 0xffff) + 1;
  const unread =
    it.readableBytes === 0
      ? ', not mapped'
      : it.readableBytes < size
        ? `, mapped up to its byte ${it.readableBytes} of ${size}`
        : '';
  const long = Number(it.limit) > 0xffff ? ' (selectors reach 0xffff)' : '';
  const rows = it.descriptors
    .filter(({ kind }) => kind !== 'upper')
    .map((row) => [
      ...[row.selector.slice(2).padStart(4, '0'), row.bytes, row.type, row.present ? '1' : '0', String(row.dpl)],
      ...[row.base ?? '', row.limit ?? '', row.flags, row.users.join(' ')],
    ]);
  return [
    `${heading} at ${it.base}, limit ${it.limit}${long}${paint('red', unread)}`,
    table(['SEL', 'BYTES', 'TYPE', 'P', 'DPL', 'BASE', 'LIMIT', 'FLAGS', 'USED BY'], rows, [], paint),
    ...(it.omitted > 0 ? [paint('dim', `and ${it.omitted} more, null or beyond what is listed`)] : []),
  ].join('\n');
}

export const gdt = tableSubject(
  'gdt',
  'the global descriptor table, decoded and checked',
  ['ring0 inspect gdt', 'every descriptor, which registers use it, and what is wrong'],
  async ({ terminal: { paint } }, _source, { gdt: it }) => descriptorsText(it, 'GDT', paint),
);

export const ldt = tableSubject(
  'ldt',
  'the local descriptor table that LDTR names, if any, decoded and checked',
  ['ring0 inspect ldt', 'its descriptors, by the selectors that name them (TI = 1)'],
  async ({ terminal: { paint } }, _source, { ldt: it }) =>
    it === null ? 'LDTR is null: no LDT is in use' : descriptorsText(it, `LDT, selector ${it.selector},`, paint),
);

export const idt = tableSubject(
  'idt',
  'the interrupt descriptor table: every gate with its handler and source line, checked',
  ['ring0 inspect idt', 'who handles what, on which stack, and what is wrong'],
  async (context, source, { idt: it, long }) => {
    const { paint } = context.terminal;
    const places = await placesOf(
      context,
      source,
      it.gates.filter(({ present }) => present).map(({ offset }) => offset),
    );
    const rows = it.gates.map((gate) => ({
      vector: gate.vector,
      // What follows the vector, which is the same for a run of gates that are alike.
      cells: gate.empty
        ? ['empty', '', '', '', '', '']
        : [
            gate.present ? gate.type : `${gate.type}, absent`,
            String(gate.dpl),
            long ? String(gate.ist) : '',
            gate.selector.slice(2).padStart(4, '0'),
            gate.offset,
            `${gate.symbol ?? ''}${sourceText(places.get(gate.offset))}`,
          ],
      name: gate.name,
    }));
    const runs: { first: number; last: number; name: string; cells: readonly string[] }[] = [];
    for (const { vector, cells, name } of rows) {
      const run = runs.at(-1);
      if (run !== undefined && run.name === '' && name === '' && run.cells.join() === cells.join()) run.last = vector;
      else runs.push({ first: vector, last: vector, name, cells });
    }
    return [
      `IDT at ${it.base}, limit ${it.limit}${it.readableBytes === 0 ? paint('red', ', not mapped') : ''}`,
      table(
        ['VECTOR', 'EXCEPTION', 'TYPE', 'DPL', 'IST', 'SEL', 'OFFSET', 'HANDLER'],
        runs.map(({ first, last, name, cells }) => [
          first === last ? String(first) : `${first}–${last}`,
          name,
          ...cells,
        ]),
        [],
        paint,
      ),
    ].join('\n');
  },
);

export const tss = tableSubject(
  'tss',
  'the task state segment: stacks for ring changes and interrupts, and how far they are mapped',
  ['ring0 inspect tss', 'RSP0 to 2, IST1 to 7, who uses them'],
  async ({ terminal: { paint } }, _source, { tss: it, long }) => {
    if (it === null) return long ? 'no TSS is loaded: TR is 0' : 'no 64-bit TSS outside of long mode';
    return [
      `TSS at ${it.base}, limit ${it.limit}, selector ${it.selector}, ${it.ioMap === null || it.ioMap > Number(it.limit) ? 'no I/O map' : `I/O map at ${it.ioMap}`}`,
      table(
        ['STACK', 'TOP', 'MAPPED', 'GUARD', 'SYMBOL', 'VECTORS'],
        it.stacks.map((stack) => [
          stack.name,
          stack.top,
          stack.mappedBytes >= 65536 ? '≥ 64 KiB' : `${(stack.mappedBytes / 1024).toFixed(1)} KiB`,
          stack.guarded ? 'yes' : 'no',
          stack.symbol ?? '',
          ranges(stack.vectors),
        ]),
        [],
        paint,
      ),
    ].join('\n');
  },
);

/** `2, 32–255`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
}

const COLOURS = { error: 'red', warning: 'yellow', note: 'dim' } as const;

export function findingsText(findings: readonly TableFinding[], paint: Paint): string {
  return findings
    .map(({ severity, title, evidence, fix, section, processors }) =>
      [
        `${paint(COLOURS[severity], `${severity}:`)} ${paint('bold', title)}${processors.length === 0 ? '' : `, processor ${ranges(processors)}`}`,
        `  ${evidence}`,
        `  ${fix} ${paint('dim', `(${section})`)}`,
      ].join('\n'),
    )
    .join('\n');
}

/** Source lines, as far as the image has them; a foreign kernel has none. */
async function placesOf({ host, root }: CommandContext, source: InspectSource, addresses: readonly string[]) {
  const wanted = [...new Set(addresses)].map(BigInt);
  const found = wanted.length === 0 ? undefined : await host.inspect.places(source, wanted, root, false);
  const places: readonly CodePlace[] = found?.ok ? found.value.places : [];
  return new Map(places.map((place) => [place.address, place]));
}

function sourceText(place: CodePlace | undefined): string {
  if (place?.source === undefined || place.source === null) return '';
  return ` at ${place.source.path ?? place.source.file}:${place.source.line}`;
}

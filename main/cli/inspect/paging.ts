import { formatAddress } from '../../../app/base/address.ts';
import type { AddressSpace, InspectSource, MappedRange, PageWalk, PagingChange } from '../../../app/contract/index.ts';
import { diffSpaces } from '../../../app/x86/address-space-diff.ts';
import { pageSize } from '../../../app/x86/page-walk.ts';
import type { CommandContext } from '../command.ts';
import { giveUp, unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { readAddress } from './address.ts';
import { defineSubject } from './subject.ts';

export const paging = defineSubject({
  name: 'paging',
  summary: 'the walk of an address, level by level; or all that is mapped, with what is odd about it',
  operands: '[ADDRESS]',
  arity: [0, 1],
  description: `With an address (0x… or a symbol of the kernel), every entry that its translation reads, each bit named. Without
one, the whole address space in ranges that are mapped alike, and findings: memory that is written and executed, user pages, memory
mapped twice, what the direct map leaves out, guard pages, tables that map themselves. 32-bit, PAE, 4-level and 5-level paging.`,
  options: {
    map: { kind: 'flag', help: 'with an address: the whole address space too' },
    cr3: { kind: 'text', value: 'X', help: 'other tables than those of the processor' },
    compare: {
      kind: 'text',
      value: 'WHAT',
      help: 'what differs from another dump (a file) or from other tables (a CR3, 0x…)',
    },
  },
  examples: [
    ['ring0 inspect paging 0xffffffff80201000', 'how the processor finds its own code'],
    ['ring0 inspect paging --json | jq .findings', 'what is odd about the address space'],
    ['ring0 inspect paging --dump after.elf --compare before.elf', 'what was mapped between two moments'],
  ],
  async look(context, source, { map, cr3, compare, processor = 0 }, [operand]) {
    const { host, terminal } = context;
    const question = { processor, cr3: cr3 === undefined ? null : number(cr3, '--cr3') };
    const address = operand === undefined ? null : await readAddress(context, source, operand, processor);
    const walk = address === null ? null : unwrap(await host.inspect.walk(source, question, address));
    if (walk !== null && !map && compare === undefined)
      return { value: walk, text: () => walkText(walk, terminal.paint) };
    const space = unwrap(await host.inspect.addressSpace(source, question));
    if (compare === undefined) {
      const value = walk === null ? space : { walk, ...space };
      const text = () =>
        [...(walk === null ? [] : [walkText(walk, terminal.paint), '']), spaceText(space, terminal.paint)].join('\n');
      return { value, text };
    }
    const before = await other(context, source, compare, question);
    const changes = diffSpaces(before.ranges, space.ranges);
    return { value: { changes }, text: () => changesText(changes, terminal.paint) };
  },
});

async function other(
  { host }: CommandContext,
  source: InspectSource,
  what: string,
  question: { readonly processor: number },
): Promise<AddressSpace> {
  if (/^0x[0-9a-f]+$/i.test(what))
    return unwrap(await host.inspect.addressSpace(source, { ...question, cr3: number(what, '--compare') }));
  return unwrap(await host.inspect.addressSpace({ dump: what }, { ...question, cr3: null }));
}

function number(text: string, option: string): bigint {
  if (!/^0x[0-9a-f]{1,16}$/i.test(text))
    giveUp('usage', `${option} must be a hex number, got "${text}"`, '', `write ${option} 0x…`);
  return BigInt(text);
}

export function walkText(walk: PageWalk, paint: Paint): string {
  const rows = walk.steps.map((step) => [
    `${step.name}[${step.index}]`,
    step.address,
    step.entry,
    step.kind === 'absent' ? 'not present' : step.kind === 'reserved' ? 'reserved bits' : `${step.kind} ${step.target}`,
    step.flags
      .filter(({ set }) => set)
      .map(({ name }) => name)
      .join(' '),
  ]);
  return [
    `${paint('bold', walk.address)}${walk.symbol === null ? '' : `  ${walk.symbol}`}  ${walk.mode} paging, CR3 ${walk.cr3}`,
    '',
    ...(rows.length === 0 ? [] : [table(['ENTRY', 'AT', 'VALUE', 'LEADS TO', 'BITS'], rows, [], paint), '']),
    walk.explanation,
    ...(walk.torn ? [paint('yellow', 'the entries changed while they were read')] : []),
  ].join('\n');
}

export function rightsText(
  range: Pick<MappedRange, 'writable' | 'executable' | 'user' | 'uncached' | 'global'>,
): string {
  const { writable, executable, user, uncached, global } = range;
  return `r${writable ? 'w' : '-'}${executable ? 'x' : '-'}${user ? 'u' : '-'}${global ? 'g' : '-'}${uncached ? ' uncached' : ''}`;
}

function spaceText(space: AddressSpace, paint: Paint): string {
  const { totals } = space;
  const rows = space.ranges.map((range) => [
    range.start,
    lastOf(range),
    sizeText(BigInt(range.bytes)),
    `${range.target}${range.repeat ? ' again and again' : ''}`,
    pageSize(range.pageBytes),
    rightsText(range),
    [range.ram ? '' : 'not RAM', range.label].filter((it) => it !== '').join(', '),
  ]);
  return [
    `${space.mode} paging, CR3 ${space.cr3}: ${sizeText(BigInt(totals.mappedBytes))} mapped by ${totals.tables} tables`,
    '',
    table(['FROM', 'TO', 'SIZE', 'PHYSICAL', 'PAGES', 'RIGHTS', ''], rows, [2, 4], paint),
    ...(space.truncated === '' ? [] : ['', paint('yellow', `not all of it: ${space.truncated}`)]),
    '',
    ...(space.findings.length === 0 ? ['nothing odd was found'] : [paint('bold', 'Findings')]),
    ...space.findings.map(
      ({ kind, severity, start, text }) =>
        `  ${severity === 'info' ? kind : paint(severity === 'error' ? 'red' : 'yellow', kind)}  ${start}  ${text}`,
    ),
    ...(space.torn ? [paint('yellow', 'the tables changed while they were read')] : []),
  ].join('\n');
}

function changesText(changes: readonly PagingChange[], paint: Paint): string {
  if (changes.length === 0) return 'no difference';
  const side = (range: MappedRange | null) => (range === null ? 'not mapped' : `${range.target} ${rightsText(range)}`);
  const rows = changes.map(({ kind, start, bytes, before, after }) => [
    kind,
    start,
    sizeText(BigInt(bytes)),
    side(before),
    side(after),
  ]);
  return table(['CHANGE', 'FROM', 'SIZE', 'BEFORE', 'NOW'], rows, [2], paint);
}

function lastOf({ start, bytes }: MappedRange): string {
  return formatAddress(BigInt(start) + BigInt(bytes) - 1n);
}

/** `36 KiB`, `1.5 GiB`. */
export function sizeText(bytes: bigint): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = Number(bytes);
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

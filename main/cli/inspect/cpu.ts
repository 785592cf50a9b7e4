import type { CpuView, ProcessorView } from '../../../app/contract/index.ts';
import { bitNames } from '../../../app/x86/bits.ts';
import { REGISTER_BITS, registerTitle } from '../../../app/x86/registers.ts';
import { giveUp, unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { defineSubject } from './subject.ts';
import { ranges } from './tables.ts';

export const cpu = defineSubject({
  name: 'cpu',
  summary:
    'registers of every processor: general, segments with their hidden parts, control and debug registers bit by bit',
  operands: '',
  arity: [0, 0],
  description: `--bits explains every bit that is known. With several processors, what they have differently stands at the end.`,
  options: { bits: { kind: 'flag', help: 'every bit with its meaning' } },
  examples: [
    ['ring0 inspect cpu', 'all processors, the set bits by name'],
    ['ring0 inspect cpu --bits --processor 0', 'what each bit means'],
    ['ring0 inspect cpu --json | jq \'.processors[0].registers[] | select(.name == "cr4")\'', 'for scripts'],
  ],
  async look({ host, terminal }, source, { bits, processor }) {
    const all = unwrap(await host.inspect.cpu(source));
    const processors = all.processors.filter(({ index }) => processor === undefined || index === processor);
    if (processors.length === 0 && processor !== undefined)
      giveUp(
        'no-processor',
        `There is no processor ${processor}.`,
        '',
        `Name one of ${ranges(all.processors.map(({ index }) => index))}.`,
      );
    const view: CpuView = { ...all, processors };
    return { value: view, text: () => cpuText(view, bits, terminal.paint) };
  },
});

function cpuText(view: CpuView, bits: boolean, paint: Paint): string {
  const differences = view.differences.map(
    ({ name, values }) =>
      `  ${name.padEnd(10)} ${values.map(({ processor, value }) => `${processor}: ${value}`).join('   ')}`,
  );
  return [
    ...view.processors.map((it) => processorText(it, bits, paint)),
    ...(differences.length === 0 ? [] : [[paint('bold', 'processors differ in'), ...differences].join('\n')]),
    ...view.unknown.map((text) => paint('dim', `not shown: ${text}`)),
  ].join('\n\n');
}

const wide = (value: string) => value.slice(2).padStart(16, '0');

function processorText(it: ProcessorView, bits: boolean, paint: Paint): string {
  const state = [it.mode, `ring ${it.cpl}`, `paging ${it.paging}`, it.halted ? 'halted' : ''].filter(
    (part) => part !== '',
  );
  const rows = Array.from({ length: Math.ceil(it.general.length / 4) }, (_, row) =>
    it.general
      .slice(row * 4, row * 4 + 4)
      .map(({ name, value }) => `${name.padStart(4)} ${wide(value)}`)
      .join(' '),
  );
  return [
    `${paint('bold', `processor ${it.index}`)}  ${state.join(', ')}${it.place === null ? '' : `, in ${it.place}`}`,
    ...rows,
    '',
    table(
      ['SEG', 'SEL', 'BASE', 'LIMIT', 'DPL', 'TYPE'],
      it.segments.map(({ name, selector, base, limit, dpl, type, present }) => [
        name.toUpperCase(),
        selector.slice(2).padStart(4, '0'),
        wide(base),
        limit.slice(2).padStart(8, '0'),
        String(dpl),
        present ? type : `${type === 'null' ? type : `${type}, not present`}`,
      ]),
      [],
      paint,
    ),
    `GDT       ${wide(it.gdt.base)}  ${it.gdt.limit.slice(2).padStart(8, '0')}`,
    `IDT       ${wide(it.idt.base)}  ${it.idt.limit.slice(2).padStart(8, '0')}`,
    '',
    ...it.registers.map((register) => {
      const { name, value, known } = register;
      const table_ = REGISTER_BITS[name];
      const names = table_ === undefined ? '' : bitNames(BigInt(value), table_);
      const partly = known === '0xffffffffffffffff' ? '' : paint('dim', '  (at least)');
      const line = `${registerTitle(name).padEnd(6)} ${wide(value)}  ${names}${partly}`;
      return bits ? [line, ...bitLines(register, paint)].join('\n') : line;
    }),
    it.addresses.map(({ name, value }) => `${name.toUpperCase()} ${wide(value)}`).join('  '),
  ].join('\n');
}

function bitLines({ name, bits }: ProcessorView['registers'][number], paint: Paint): string[] {
  const fields = REGISTER_BITS[name]?.fields ?? [];
  return bits.map(({ name: bit, low, width, value }) => {
    const meaning = fields.find((field) => field.low === low)?.meaning ?? 'Reserved';
    const place = width === 1 ? String(low) : `${low + width - 1}:${low}`;
    const text = `  ${place.padStart(5)}  ${bit.padEnd(11)} ${value.slice(2).padStart(2)}  ${meaning}`;
    return value === '0x0' ? paint('dim', text) : text;
  });
}

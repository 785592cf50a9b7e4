import type { CpuView, MsrsView, ProcessorView, RegisterView } from '../../../app/contract/index.ts';
import type { BitTable } from '../../../app/x86/bits.ts';
import { fieldMeaning, msrOf } from '../../../app/x86/msrs.ts';
import {
  bitLabel,
  foldRanges,
  hasFields,
  isOdd,
  isTelling,
  provenance,
  writtenWhen,
} from '../../../app/x86/msrs-text.ts';
import { REGISTER_BITS, registerTitle } from '../../../app/x86/registers.ts';
import { giveUp, unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { defineSubject } from './subject.ts';
import { ranges } from './tables.ts';

export const cpu = defineSubject({
  name: 'cpu',
  summary:
    'registers of every processor: general, segments with their hidden parts, control, debug and model-specific registers bit by bit',
  operands: '',
  arity: [0, 0],
  description: `--bits explains every bit that is known. With several processors, what they have differently stands at the end.

QEMU tells few model-specific registers while a guest runs. Our kernel writes down those of each core at the end of its bring-up, and
again when it changes one: they are shown as of then, with the time. Of another kernel they are unknown.`,
  options: { bits: { kind: 'flag', help: 'every bit with its meaning' } },
  examples: [
    ['ring0 inspect cpu', 'all processors, the set bits by name'],
    ['ring0 inspect cpu --bits --processor 0', 'what each bit means'],
    ['ring0 inspect cpu --json | jq \'.processors[0].registers[] | select(.name == "cr4")\'', 'for scripts'],
  ],
  async look({ host, terminal }, source, { bits, processor }) {
    const all = unwrap(await host.inspect.cpu(source));
    const isAsked = ({ index }: { readonly index: number }) => processor === undefined || index === processor;
    const processors = all.processors.filter(isAsked);
    if (processors.length === 0 && processor !== undefined)
      giveUp(
        'no-processor',
        `There is no processor ${processor}.`,
        '',
        `Name one of ${ranges(all.processors.map(({ index }) => index))}.`,
      );
    const msrs = all.msrs === null ? null : { ...all.msrs, processors: all.msrs.processors.filter(isAsked) };
    const view: CpuView = { ...all, processors, msrs };
    return { value: view, text: () => cpuText(view, bits, terminal.paint) };
  },
});

function cpuText(view: CpuView, bits: boolean, paint: Paint): string {
  const differences = view.differences.map(
    ({ name, values }) =>
      `  ${name.padEnd(10)} ${values.map(({ processor, value }) => `${processor}: ${value}`).join('   ')}`,
  );
  return [
    ...view.processors.map((it) => {
      const msrs = view.msrs?.processors.find(({ index }) => index === it.index);
      const own = processorText(it, bits, paint);
      return msrs === undefined ? own : `${own}\n\n${msrsText(msrs, bits, paint)}`;
    }),
    ...(differences.length === 0 ? [] : [[paint('bold', 'processors differ in'), ...differences].join('\n')]),
    ...(view.msrs?.problems ?? []).map((text) => paint('yellow', `what the kernel wrote down: ${text}`)),
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
    ...it.segments.flatMap(({ name, note }) => (note === null ? [] : [paint('dim', `${name.toUpperCase()}: ${note}`)])),
    `GDT       ${wide(it.gdt.base)}  ${it.gdt.limit.slice(2).padStart(8, '0')}`,
    `IDT       ${wide(it.idt.base)}  ${it.idt.limit.slice(2).padStart(8, '0')}`,
    '',
    ...it.registers.map((register) => registerText(register, REGISTER_BITS[register.name], bits, paint)),
    it.addresses.map(({ name, value }) => `${name.toUpperCase()} ${wide(value)}`).join('  '),
  ].join('\n');
}

/** The model-specific registers of one processor. */
function msrsText({ readMs, core, registers }: MsrsView['processors'][number], bits: boolean, paint: Paint): string {
  const { shown, off } = foldRanges(registers);
  return [
    `${paint('bold', 'model-specific registers')}, ${writtenWhen({ readMs, changes: 0 }, 'them')} (its core ${core})`,
    ...shown.map((register) => {
      const { number, says } = register;
      const line = registerText(register, msrOf(Number(number)), bits, paint, 18);
      const [first = '', ...rest] = line.split('\n');
      return [`${number.slice(2).padStart(8)}  ${first}${says === null ? '' : `  ${says}`}`, ...rest].join('\n');
    }),
    ...(off === null ? [] : [paint('dim', off)]),
  ].join('\n');
}

/** `CR0    0000000080010033  PE MP ET NE WP PG`, and with `bits` a line for each of them. */
function registerText(
  register: RegisterView,
  meanings: BitTable | undefined,
  bits: boolean,
  paint: Paint,
  width = 0,
): string {
  const { name, value, known } = register;
  const fields = hasFields(register) ? register.bits.filter((it) => isTelling(it, register)).map(bitLabel) : [];
  const partly = known === '0xffffffffffffffff' ? '' : paint('dim', '  (at least)');
  const origin = provenance(register, width > 0);
  const whence = origin === null ? '' : paint(isOdd(register) ? 'yellow' : 'dim', `  (${origin})`);
  const line = `${registerTitle(name).padEnd(Math.max(6, width))} ${wide(value)}  ${fields.join(' ')}${partly}${whence}`;
  return (bits ? [line, ...bitLines(register, meanings, paint)] : [line]).join('\n');
}

function bitLines({ bits }: RegisterView, meanings: BitTable | undefined, paint: Paint): string[] {
  return bits.map(({ name: bit, low, width, value, says }) => {
    const place = width === 1 ? String(low) : `${low + width - 1}:${low}`;
    const words = (says ?? '') === '' ? '' : `: ${says}`;
    const text = `  ${place.padStart(5)}  ${bit.padEnd(11)} ${value.slice(2).padStart(2)}  ${fieldMeaning(meanings, low)}${words}`;
    return value === '0x0' ? paint('dim', text) : text;
  });
}

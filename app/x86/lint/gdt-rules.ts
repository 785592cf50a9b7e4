import { isCanonical } from '../../base/address.ts';
import { descriptorTypeName, tableBytes } from '../descriptors.ts';
import { type CodeMap, descriptorOf, type ProcessorTables, SEGMENT_NAMES, type TableState } from '../machine-state.ts';
import type { Evidence, ProcessorRule, Subject } from './rule.ts';
import { hex, placeText, rawText, unmappedRange } from './words.ts';

/** How near to the stack pointer a table counts as lying on the stack. */
const STACK_REACH = 16n * 1024n;

const DS = 'SDM Vol. 3A §3.4.5';
const SELECTORS = 'SDM Vol. 3A §3.4.2';

/** Near the stack pointer and in no symbol, or in a symbol that is called a stack. */
export function liesOnStack(base: bigint, rsp: bigint, code: CodeMap | null): boolean {
  const place = code?.at(base);
  if (place !== undefined) return /stack/i.test(place.symbol);
  return base >= rsp - STACK_REACH && base < rsp + STACK_REACH;
}

/** GDTR and IDTR: what they point to. */
function tableRules(name: 'gdt' | 'idt', entry: number, section: string): ProcessorRule[] {
  const title = name.toUpperCase();
  const subject: Subject = { kind: name };
  const at = ({ processor }: ProcessorTables): TableState => processor[name];
  const one = (found: string | false | undefined): Evidence[] =>
    found === undefined || found === false ? [] : [{ subject, text: found }];
  return [
    {
      ...{ id: `${name}-non-canonical`, severity: 'error', title: `${title} base is not canonical`, section },
      fix: `Load ${title}R from a packed structure: two bytes of limit, then eight bytes of base.`,
      check: (tables) => {
        const { base } = at(tables);
        return one(!isCanonical(base) && `${title}R.base is ${hex(base)}: bits 63 to 47 are not all equal`);
      },
    },
    {
      ...{ id: `${name}-limit`, severity: 'warning', title: `${title} limit is off by one`, section },
      fix: 'The limit is the offset of the last byte: size of the table minus one.',
      check: (tables) => {
        const { limit } = at(tables);
        const rest = tableBytes(limit) % (tables.processor.long ? entry : 8);
        return one(
          rest !== 0 &&
            `${title}R.limit is ${hex(limit)}: ${hex(limit)} + 1 is no multiple of ${tables.processor.long ? entry : 8}, ${rest} left over`,
        );
      },
    },
    {
      ...{ id: `${name}-unmapped`, severity: 'error', title: `${title} is not mapped`, section },
      fix: `Map the table where ${title}R says, or load ${title}R anew after CR3. A fault while an exception is delivered is a double fault.`,
      check: (tables) => {
        const { base, limit } = at(tables);
        if (!isCanonical(base)) return [];
        const why = unmappedRange(tables, base, tableBytes(limit));
        return one(why && `${title}R is ${hex(base)}, limit ${hex(limit)}: ${why}`);
      },
    },
    {
      ...{ id: `${name}-on-stack`, severity: 'error', title: `${title} lies on a stack`, section },
      fix: 'Make the table static, or allocate it for ever: the function that filled it has returned, and calls write over it.',
      check: (tables, { code }) => {
        const { base } = at(tables);
        const { rsp } = tables.processor;
        const where = base < rsp ? 'below it, where the next call writes' : 'on the stack in use';
        return one(
          liesOnStack(base, rsp, code) && `${title}R.base ${placeText(base, code)}, and RSP is ${hex(rsp)}: ${where}`,
        );
      },
    },
    {
      ...{
        id: `${name}-user`,
        severity: 'warning',
        title: `${title} can be written by user mode`,
        section: 'SDM Vol. 3A §4.6',
      },
      fix: 'Clear U/S in the page tables of the page that holds it.',
      check: (tables) => {
        const page = tables.translate(at(tables).base);
        return one(
          page.kind === 'mapped' &&
            page.user &&
            page.writable &&
            page.steps.length > 0 &&
            `the page of ${hex(at(tables).base)} is user and writable at every level`,
        );
      },
    },
    {
      ...{ id: `${name}-writable`, severity: 'note', title: `${title} is writable`, section: 'SDM Vol. 3A §4.6' },
      fix: 'Map it read-only once it is filled (of the GDT: with every accessed and busy bit set), so that a stray write faults.',
      check: (tables, { code }) => {
        const { base } = at(tables);
        const page = tables.translate(base);
        // Stacks are writable: that a table lies there is the mistake.
        const found = page.kind === 'mapped' && page.writable && !page.user && page.steps.length > 0;
        return one(
          found && !liesOnStack(base, tables.processor.rsp, code) && `the page of ${hex(base)} is writable by ring 0`,
        );
      },
    },
  ];
}

export const TABLE_RULES: readonly ProcessorRule[] = [
  ...tableRules('gdt', 8, 'SDM Vol. 3A §2.4.1, §3.5.1'),
  ...tableRules('idt', 16, 'SDM Vol. 3A §2.4.3, §6.10'),
];

/** Selectors that are loaded against the descriptors that they name. */
export const SELECTOR_RULES: readonly ProcessorRule[] = [
  {
    ...{ id: 'selector-beyond-limit', severity: 'error', title: 'A selector lies beyond the GDT', section: SELECTORS },
    fix: 'Load the register again after LGDT with a selector of the new table, or make the table longer.',
    *check({ processor, gdtBytes }) {
      if (gdtBytes === null) return;
      for (const name of [...SEGMENT_NAMES, 'tr', 'ldt'] as const) {
        const { selector } = processor.segments[name];
        if ((selector & 0xfffc) === 0 || (selector & 4) !== 0) continue;
        if ((selector | 7) > tableBytes(processor.gdt.limit) - 1)
          yield {
            subject: { kind: 'register', name },
            text: `${name.toUpperCase()} is ${hex(selector)}: its descriptor ends at ${hex(selector | 7)}, and GDTR.limit is ${hex(processor.gdt.limit)}`,
          };
      }
    },
  },
  {
    ...{
      id: 'stale-ss',
      severity: 'error',
      title: 'SS names no stack segment of this GDT',
      section: 'SDM Vol. 3A §5.7; Vol. 2 IRET',
    },
    fix: 'After LGDT load SS: with 0 in 64-bit mode, or with a writable data segment. IRETQ pops SS and raises #GP.',
    *check(tables) {
      const { selector } = tables.processor.segments.ss;
      const it = descriptorOf(tables, selector);
      if ((selector & 0xfffc) === 0 || it === undefined || !tables.processor.long) return;
      const text =
        it.kind !== 'segment' || it.code || !it.access
          ? `${descriptorTypeName(it)}, not writable data`
          : it.dpl !== tables.processor.cpl
            ? `of DPL ${it.dpl}, and the processor runs in ring ${tables.processor.cpl}`
            : undefined;
      if (text !== undefined)
        yield {
          subject: { kind: 'register', name: 'ss' },
          text: `SS is ${hex(selector)}, and GDT[${it.index}] = ${rawText(it.raw)} is ${text}`,
        };
    },
  },
  {
    ...{
      id: 'stale-data-segment',
      severity: 'warning',
      title: 'A data segment register names no data segment of this GDT',
      section: 'SDM Vol. 3A §5.6',
    },
    fix: 'Load DS, ES, FS and GS after LGDT: 0 will do in 64-bit mode. The next load of the same selector raises #GP.',
    *check(tables) {
      for (const name of ['ds', 'es', 'fs', 'gs'] as const) {
        const { selector } = tables.processor.segments[name];
        const it = descriptorOf(tables, selector);
        if ((selector & 0xfffc) === 0 || it === undefined) continue;
        if (it.kind !== 'segment' || (it.code && !it.access))
          yield {
            subject: { kind: 'register', name },
            text: `${name.toUpperCase()} is ${hex(selector)}, and GDT[${it.index}] = ${rawText(it.raw)} is ${descriptorTypeName(it)}`,
          };
      }
    },
  },
  {
    ...{
      id: 'stale-cs',
      severity: 'error',
      title: 'CS names no code segment of this GDT',
      section: 'SDM Vol. 3A §5.8.1; Vol. 2 IRET',
    },
    fix: 'After LGDT load CS with a far return to a code segment of the new table. Every return from an interrupt loads it again.',
    *check(tables) {
      const { selector } = tables.processor.segments.cs;
      const it = descriptorOf(tables, selector);
      if (it === undefined || !tables.processor.long) return;
      if (it.kind !== 'segment' || !it.code)
        yield {
          subject: { kind: 'register', name: 'cs' },
          text: `CS is ${hex(selector)}, and GDT[${it.index}] = ${rawText(it.raw)} is ${descriptorTypeName(it)}`,
        };
    },
  },
  {
    ...{
      id: 'segment-not-present',
      severity: 'error',
      title: 'A loaded segment is not present',
      section: 'SDM Vol. 3A §3.4.5',
    },
    fix: 'Set bit 47 (P). The next load raises #NP, of SS #SS, with the selector as error code.',
    *check(tables) {
      const { segments } = tables.processor;
      const names = [...SEGMENT_NAMES, 'tr'] as const;
      for (const it of tables.descriptors) {
        if (it.present || it.kind === 'null' || it.kind === 'upper' || it.kind === 'reserved') continue;
        const users = names.filter((name) => (segments[name].selector & 0xfffc) === it.index * 8);
        const text = `GDT[${it.index}] = ${rawText(it.raw)} has P = 0, and ${users.map((name) => name.toUpperCase()).join(', ')} holds ${hex(it.index * 8)}`;
        if (users.length > 0) yield { subject: { kind: 'descriptor', index: it.index }, text };
      }
    },
  },
  {
    ...{ id: 'code-l-and-d', severity: 'error', title: 'A code segment has L and D both set', section: `${DS}.1` },
    fix: 'For 64-bit code clear bit 54 (D), for 32-bit code clear bit 53 (L). The combination is reserved: a load raises #GP.',
    *check({ descriptors, processor }) {
      for (const it of descriptors)
        if (processor.long && it.kind === 'segment' && it.code && it.present && it.long && it.big)
          yield {
            subject: { kind: 'descriptor', index: it.index },
            text: `GDT[${it.index}] = ${rawText(it.raw)}: bits 53 and 54 are set`,
          };
    },
  },
  {
    ...{
      id: 'kernel-code-not-long',
      severity: 'error',
      title: 'Ring 0 runs 32-bit code in long mode',
      section: 'SDM Vol. 3A §3.4.5; Vol. 3A §9.8.5',
    },
    fix: 'Set bit 53 (L) of the code segment: without it a REX prefix is decoded as INC or DEC.',
    *check(tables) {
      const { long, cpl, segments } = tables.processor;
      const it = segments.cs.hidden;
      if (long && cpl === 0 && it.kind === 'segment' && it.code && !it.long)
        yield {
          subject: { kind: 'register', name: 'cs' },
          text: `EFER.LMA = 1, and CS ${hex(segments.cs.selector)} has L = 0`,
        };
    },
  },
];

import { type Descriptor, descriptorTypeName, tableBytes } from '../descriptors.ts';
import { type ProcessorTables, SEGMENT_NAMES, type SelectorName } from '../machine-state.ts';
import { descriptorOf, descriptorsOf, isNull, type SelectorTable, tableOf, tableStateOf } from '../selectors.ts';
import type { ProcessorRule, Subject } from './rule.ts';
import { entryText, hex, rawText, registerName } from './words.ts';

const DS = 'SDM Vol. 3A §3.4.5';
const SELECTORS = 'SDM Vol. 3A §3.4.2';
const TABLES = ['gdt', 'ldt'] as const;

/** The row of a descriptor. */
export function descriptorSubject(table: SelectorTable, index: number): Subject {
  return { kind: table === 'gdt' ? 'descriptor' : 'ldt-descriptor', index };
}

/** What a finding about a loaded selector is about: the register, or the entry of the LDT, which is another pane. */
function loadedSubject(name: string, selector: number, it?: Descriptor): Subject {
  if (tableOf(selector) === 'gdt') return { kind: 'register', name };
  return it === undefined ? { kind: 'ldt' } : descriptorSubject('ldt', it.index);
}

/** What a segment register holds, and what stands there. */
const namedText = (name: SelectorName, selector: number, it: Descriptor, what: string) =>
  `${registerName(name)} is ${hex(selector)}, and ${entryText(tableOf(selector), it.index)} = ${rawText(it.raw)} is ${what}`;

/** What is wrong with the selector of a gate; undefined if it is a present code segment, in IA-32e mode a 64-bit one. */
export function codeSelectorTrouble(tables: ProcessorTables, selector: number): string | undefined {
  if (isNull(selector)) return 'which is null';
  const table = tableOf(selector);
  const state = tableStateOf(tables.processor, table);
  if (state === undefined) return 'which names the LDT (TI = 1), and LDTR is null';
  if ((selector | 7) >= tableBytes(state.limit))
    return `which is beyond ${registerName(table)}.limit ${hex(state.limit)}`;
  const it = descriptorOf(tables, selector);
  // Where the table is not mapped, one rule says so.
  if (it === undefined) return undefined;
  const entry = `${entryText(table, it.index)} = ${rawText(it.raw)}`;
  if (it.kind !== 'segment' || !it.code || (tables.processor.long && (!it.long || it.big)))
    return `which is ${descriptorTypeName(it)}: ${entry}`;
  return it.present ? undefined : `whose descriptor is not present: ${entry}`;
}

/** Selectors that are loaded against the descriptors that they name. */
export const SELECTOR_RULES: readonly ProcessorRule[] = [
  {
    ...{
      id: 'selector-beyond-limit',
      severity: 'error',
      title: 'A selector lies beyond its table',
      section: SELECTORS,
    },
    fix: 'Load the register again after LGDT or LLDT with a selector of the new table, or make the table longer.',
    *check({ processor, gdtBytes, ldtBytes }) {
      for (const name of [...SEGMENT_NAMES, 'tr', 'ldt'] as const) {
        const { selector } = processor.segments[name];
        const table = tableOf(selector);
        const state = tableStateOf(processor, table);
        if (isNull(selector) || state === undefined || (table === 'gdt' ? gdtBytes : ldtBytes) === null) continue;
        // TR and LDTR have a rule of their own for that.
        if (table === 'ldt' && (name === 'tr' || name === 'ldt')) continue;
        if ((selector | 7) >= tableBytes(state.limit))
          yield {
            subject: loadedSubject(name, selector),
            text: `${registerName(name)} is ${hex(selector)}: its descriptor ends at ${hex(selector | 7)}, and ${registerName(table)}.limit is ${hex(state.limit)}`,
          };
      }
    },
  },
  {
    ...{
      id: 'ldt-not-loaded',
      severity: 'error',
      title: 'A selector names the LDT, and none is loaded',
      section: `${SELECTORS}; Vol. 2 LLDT`,
    },
    fix: 'Load LDTR first (LLDT, with the selector of an LDT descriptor in the GDT), or clear bit 2 (TI) of the selector. The next load raises #GP.',
    *check({ processor }) {
      for (const name of SEGMENT_NAMES) {
        const { selector } = processor.segments[name];
        if (tableOf(selector) === 'ldt' && tableStateOf(processor, 'ldt') === undefined)
          yield {
            subject: { kind: 'ldt' },
            text: `${name.toUpperCase()} is ${hex(selector)}, with TI = 1, and LDTR is ${hex(processor.segments.ldt.selector)}`,
          };
      }
    },
  },
  {
    ...{
      id: 'system-selector-in-ldt',
      severity: 'error',
      title: 'TR or LDTR names the LDT',
      section: 'SDM Vol. 2 LTR, LLDT',
    },
    fix: 'Descriptors of a TSS and of an LDT stand in the GDT: load a selector with bit 2 (TI) clear. LTR and LLDT raise #GP.',
    *check({ processor }) {
      for (const name of ['tr', 'ldt'] as const) {
        const { selector } = processor.segments[name];
        if (tableOf(selector) === 'ldt')
          yield {
            subject: { kind: 'register', name },
            text: `${registerName(name)} is ${hex(selector)}, with TI = 1`,
          };
      }
    },
  },
  {
    ...{
      id: 'stale-ss',
      severity: 'error',
      title: 'SS names no stack segment',
      section: 'SDM Vol. 3A §5.7; Vol. 2 IRET',
    },
    fix: 'After LGDT and LLDT load SS: with 0 in 64-bit mode, or with a writable data segment. IRETQ pops SS and raises #GP.',
    *check(tables) {
      const { selector } = tables.processor.segments.ss;
      const it = descriptorOf(tables, selector);
      if (isNull(selector) || it === undefined || !tables.processor.long) return;
      const text =
        it.kind !== 'segment' || it.code || !it.access
          ? `${descriptorTypeName(it)}, not writable data`
          : it.dpl !== tables.processor.cpl
            ? `of DPL ${it.dpl}, and the processor runs in ring ${tables.processor.cpl}`
            : undefined;
      if (text !== undefined)
        yield {
          subject: loadedSubject('ss', selector, it),
          text: namedText('ss', selector, it, text),
        };
    },
  },
  {
    ...{
      id: 'stale-data-segment',
      severity: 'warning',
      title: 'A data segment register names no data segment',
      section: 'SDM Vol. 3A §5.6',
    },
    fix: 'Load DS, ES, FS and GS after LGDT and LLDT: 0 will do in 64-bit mode. The next load of the same selector raises #GP.',
    *check(tables) {
      for (const name of ['ds', 'es', 'fs', 'gs'] as const) {
        const { selector } = tables.processor.segments[name];
        const it = descriptorOf(tables, selector);
        if (isNull(selector) || it === undefined) continue;
        if (it.kind !== 'segment' || (it.code && !it.access))
          yield {
            subject: loadedSubject(name, selector, it),
            text: namedText(name, selector, it, descriptorTypeName(it)),
          };
      }
    },
  },
  {
    ...{
      id: 'stale-cs',
      severity: 'error',
      title: 'CS names no code segment',
      section: 'SDM Vol. 3A §5.8.1; Vol. 2 IRET',
    },
    fix: 'After LGDT load CS with a far return to a code segment of the new table. Every return from an interrupt loads it again.',
    *check(tables) {
      const { selector } = tables.processor.segments.cs;
      const it = descriptorOf(tables, selector);
      if (it === undefined || !tables.processor.long) return;
      if (it.kind !== 'segment' || !it.code)
        yield {
          subject: loadedSubject('cs', selector, it),
          text: namedText('cs', selector, it, descriptorTypeName(it)),
        };
    },
  },
  {
    ...{
      id: 'segment-not-present',
      severity: 'error',
      title: 'A segment in use is not present',
      section: 'SDM Vol. 3A §3.4.5',
    },
    fix: 'Set bit 47 (P). The next load raises #NP, of SS #SS, with the selector as error code.',
    *check(tables) {
      const { segments } = tables.processor;
      const names = [...SEGMENT_NAMES, 'tr', 'ldt'] as const;
      for (const table of TABLES)
        for (const it of descriptorsOf(tables, table)) {
          if (it.present || ['null', 'upper', 'gate', 'reserved'].includes(it.kind)) continue;
          const selector = it.index * 8 + (table === 'ldt' ? 4 : 0);
          const users = names.filter((name) => (segments[name].selector & 0xfffc) === selector);
          const text = `${entryText(table, it.index)} = ${rawText(it.raw)} has P = 0, and ${users.map(registerName).join(', ')} holds ${hex(selector)}`;
          if (users.length > 0) yield { subject: descriptorSubject(table, it.index), text };
        }
    },
  },
  {
    ...{ id: 'code-l-and-d', severity: 'error', title: 'A code segment has L and D both set', section: `${DS}.1` },
    fix: 'For 64-bit code clear bit 54 (D), for 32-bit code clear bit 53 (L). The combination is reserved: a load raises #GP.',
    *check(tables) {
      for (const table of TABLES)
        for (const it of descriptorsOf(tables, table))
          if (tables.processor.long && it.kind === 'segment' && it.code && it.present && it.long && it.big)
            yield {
              subject: descriptorSubject(table, it.index),
              text: `${entryText(table, it.index)} = ${rawText(it.raw)}: bits 53 and 54 are set`,
            };
    },
  },
  {
    ...{
      id: 'call-gate-selector',
      severity: 'error',
      title: 'A call gate names no code segment',
      section: 'SDM Vol. 3A §5.8.3, §5.8.3.1',
    },
    fix: 'Write the selector of a present code segment, in IA-32e mode of 64-bit code, at offset 2 of the gate. A far call through it raises #GP or #NP.',
    *check(tables) {
      for (const table of TABLES)
        for (const it of descriptorsOf(tables, table)) {
          if (it.kind !== 'call-gate' || !it.present) continue;
          const why = codeSelectorTrouble(tables, it.selector);
          if (why !== undefined)
            yield {
              subject: descriptorSubject(table, it.index),
              text: `${entryText(table, it.index)} = ${rawText(it.raw)}: selector ${hex(it.selector)}, ${why}`,
            };
        }
    },
  },
  {
    ...{
      id: 'kernel-code-not-long',
      severity: 'error',
      title: 'Ring 0 runs 32-bit code in long mode',
      section: 'SDM Vol. 3A §3.4.5; Vol. 3A §10.8.5',
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

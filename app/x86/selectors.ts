/** Which descriptor a selector names: TI = 0 one of the GDT, TI = 1 one of the LDT. Intel SDM Vol. 3A §3.4.2, §3.5.1. */
import type { Descriptor } from './descriptors.ts';
import type { ProcessorState, ProcessorTables, TableState } from './machine-state.ts';

export type SelectorTable = 'gdt' | 'ldt';

/** Whether a selector names nothing: index 0 of the GDT, whatever its RPL. */
export const isNull = (selector: number) => (selector & 0xfffc) === 0;

export const tableOf = (selector: number): SelectorTable => ((selector & 4) !== 0 ? 'ldt' : 'gdt');

/** Where the LDT is, by LDTR's hidden part; undefined where LDTR is null, and no LDT in use (SDM Vol. 2 LLDT). */
export function ldtOf({ segments: { ldt } }: Pick<ProcessorState, 'segments'>): TableState | undefined {
  return isNull(ldt.selector) ? undefined : ldt;
}

/** Whether there is a table of this name, and where. */
export function tableStateOf(processor: ProcessorState, table: SelectorTable): TableState | undefined {
  return table === 'gdt' ? processor.gdt : ldtOf(processor);
}

/** Every descriptor of one of the tables that can be read. */
export function descriptorsOf(tables: ProcessorTables, table: SelectorTable): readonly Descriptor[] {
  return table === 'gdt' ? tables.descriptors : tables.ldt;
}

/** The descriptor that a selector names; undefined beyond the limit, where the table cannot be read, or where there is none. */
export function descriptorOf(tables: ProcessorTables, selector: number): Descriptor | undefined {
  return descriptorsOf(tables, tableOf(selector))[selector >> 3];
}

/** The descriptor in the GDT that TR or LDTR names. One that names the LDT instead is a mistake of its own. */
export function systemDescriptorOf(tables: ProcessorTables, name: 'tr' | 'ldt'): Descriptor | undefined {
  const { selector } = tables.processor.segments[name];
  return isNull(selector) || tableOf(selector) === 'ldt' ? undefined : descriptorOf(tables, selector);
}

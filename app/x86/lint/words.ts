import { formatAddress } from '../../base/address.ts';
import { exceptionName } from '../exceptions.ts';
import type { CodeMap, ProcessorTables, SelectorName } from '../machine-state.ts';
import { CR4 } from '../registers.ts';
import type { SelectorTable } from '../selectors.ts';

/** Values as the findings name them. */
export const hex = (value: bigint | number) => formatAddress(BigInt.asUintN(64, BigInt(value)));

/** `0x9b00 0x0 …`: bytes in the order of memory. */
export const bytesText = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

export const rawText = (raw: bigint) => `0x${raw.toString(16).padStart(16, '0')}`;

/** `GDT[3]`. */
export const entryText = (table: SelectorTable, index: number) => `${table.toUpperCase()}[${index}]`;

/** The manual's names: `CS`, `TR`, `GDTR`, `LDTR`. */
export const registerName = (name: SelectorName | SelectorTable) =>
  name === 'gdt' || name === 'ldt' ? `${name.toUpperCase()}R` : name.toUpperCase();

/** `vector 14 (#PF page fault)`. */
export const vectorText = (vector: number) =>
  vector < 32 ? `vector ${vector} (${exceptionName(vector)})` : `vector ${vector}`;

/** `0xffffffff80201000 (ring0::stack::FIRST+0x40)`. */
export function placeText(address: bigint, code: CodeMap | null): string {
  const place = code?.at(address);
  if (place === undefined) return hex(address);
  const offset = address - place.start;
  return `${hex(address)} (${place.symbol}${offset === 0n ? '' : `+0x${offset.toString(16)}`})`;
}

/** Why an address cannot be used; undefined if it is mapped. */
export function unmappedText(tables: ProcessorTables, address: bigint): string | undefined {
  // Long mode without PAE translates like nothing on earth: that is a mistake with a rule of its own.
  if (tables.processor.long && (tables.processor.cr4 & CR4.PAE) === 0n) return undefined;
  const walk = tables.translate(address);
  switch (walk.kind) {
    case 'mapped':
      return !tables.isBacked(address)
        ? `${hex(address)} is mapped to ${hex(walk.physical)}, where there is no RAM`
        : undefined;
    case 'absent':
      return `${hex(address)} is not mapped: the level ${walk.level} entry at ${hex(walk.steps.at(-1)?.address ?? 0n)} is not present`;
    case 'reserved':
      return `${hex(address)} is not mapped: the level ${walk.level} entry ${hex(walk.steps.at(-1)?.entry ?? 0n)} has reserved bits set`;
    case 'unreadable':
      // Nothing at all is mapped: that is the mistake of CR3, and one rule says it.
      if (walk.steps.length === 0) return undefined;
      return `${hex(address)} is not mapped: the page table at ${hex(walk.address)} is outside of RAM`;
    case 'not-an-address':
      return `${hex(address)} is not canonical`;
  }
}

/** The same for a range: its first page that is not mapped. */
export function unmappedRange(tables: ProcessorTables, base: bigint, bytes: number): string | undefined {
  for (let at = base; at < base + BigInt(bytes); at = (at / 4096n + 1n) * 4096n) {
    const why = unmappedText(tables, at);
    if (why !== undefined) return why;
  }
  return undefined;
}

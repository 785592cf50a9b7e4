import { descriptorTypeName, hasTypeBits } from '../descriptors.ts';
import type { ProcessorTables } from '../machine-state.ts';
import { systemDescriptorOf } from '../selectors.ts';
import type { Evidence } from './rule.ts';
import { hex, rawText, registerName } from './words.ts';

/** TR and LDTR each name a descriptor of the GDT, of their own kind and in IA-32e mode of 16 bytes (SDM Vol. 3A §3.5.1, §8.2.3). */
type SystemRegister = 'tr' | 'ldt';
const KIND = { tr: 'tss', ldt: 'ldt' } as const;

/** The descriptor is of another kind. */
export function* otherKind(tables: ProcessorTables, name: SystemRegister): Generator<Evidence> {
  const it = systemDescriptorOf(tables, name);
  if (it !== undefined && it.kind !== KIND[name])
    yield {
      subject: { kind: 'descriptor', index: it.index },
      text: `${registerName(name)} is ${hex(tables.processor.segments[name].selector)}, and GDT[${it.index}] = ${rawText(it.raw)} is ${descriptorTypeName(it)}`,
    };
}

/** Its second half is beyond the table, cannot be read, or is something else. */
export function* secondHalfMissing(tables: ProcessorTables, name: SystemRegister): Generator<Evidence> {
  const it = systemDescriptorOf(tables, name);
  if (!tables.processor.long || (it?.kind !== 'tss' && it?.kind !== 'ldt') || it.kind !== KIND[name]) return;
  const subject = { kind: 'descriptor', index: it.index } as const;
  if (it.upper === null)
    yield {
      subject,
      text: `GDT[${it.index}] ends at ${hex(8 * it.index + 15)}, and ${it.cut === 'limit' ? `GDTR.limit is ${hex(tables.processor.gdt.limit)}` : `from ${hex(8 * it.index + 8)} on the GDT cannot be read`}`,
    };
  else if (hasTypeBits(it.upper))
    yield {
      subject,
      text: `GDT[${it.index + 1}] = ${rawText(it.upper)} should be the upper half of the ${it.kind.toUpperCase()} descriptor, and its bits 44 to 40 are not 0`,
    };
}

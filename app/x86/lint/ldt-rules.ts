import { type Descriptor, descriptorTypeName, hasTypeBits } from '../descriptors.ts';
import { systemDescriptorOf } from '../selectors.ts';
import type { ProcessorRule } from './rule.ts';
import { descriptorSubject } from './selector-rules.ts';
import { otherKind, secondHalfMissing } from './system-descriptor.ts';
import { entryText, hex, rawText } from './words.ts';

const SYSTEM = 'SDM Vol. 3A §3.5, §3.5.1';

/** LDTR against its descriptor in the GDT, and what stands in the LDT. Segments of it have the same rules as those of the GDT. */
export const LDT_RULES: readonly ProcessorRule[] = [
  {
    ...{ id: 'ldt-wrong-type', severity: 'error', title: 'LDTR names no LDT of this GDT', section: SYSTEM },
    fix: 'Put an LDT descriptor (type 2) at the selector, and load LDTR again after LGDT. The next LLDT raises #GP.',
    check: (tables) => otherKind(tables, 'ldt'),
  },
  {
    ...{ id: 'ldt-descriptor-cut', severity: 'error', title: 'The LDT descriptor has only 8 bytes', section: SYSTEM },
    fix: 'An LDT descriptor has 16 bytes in IA-32e mode: give it two slots, the second with base 63:32 and zeros.',
    check: (tables) => secondHalfMissing(tables, 'ldt'),
  },
  {
    ...{ id: 'ldt-stale', severity: 'warning', title: 'The LDT in use is not the one in the GDT', section: SYSTEM },
    fix: 'Load LDTR again after its descriptor changes: the processor keeps base and limit until then.',
    *check(tables) {
      const { ldt } = tables.processor.segments;
      const it = systemDescriptorOf(tables, 'ldt');
      if (it?.kind !== 'ldt' || (tables.processor.long && (it.upper === null || hasTypeBits(it.upper)))) return;
      if (it.base !== ldt.base || it.limit !== ldt.limit)
        yield {
          subject: { kind: 'descriptor', index: it.index },
          text: `LDTR holds base ${hex(ldt.base)}, limit ${hex(ldt.limit)}; GDT[${it.index}] says base ${hex(it.base)}, limit ${hex(it.limit)}`,
        };
    },
  },
  {
    ...{
      id: 'ldt-system-descriptor',
      severity: 'error',
      title: 'The LDT holds a descriptor that may not stand there',
      section: 'SDM Vol. 3A §3.5, §8.2.2, §8.2.5',
    },
    fix: 'Move it: a TSS or LDT descriptor into the GDT, an interrupt or trap gate into the IDT. An LDT has segments, call gates and, outside of IA-32e mode, task gates.',
    *check(tables) {
      for (const it of tables.ldt) {
        const why = it.present ? placeTrouble(it) : undefined;
        if (why !== undefined)
          yield {
            subject: descriptorSubject('ldt', it.index),
            text: `${entryText('ldt', it.index)} = ${rawText(it.raw)} is ${descriptorTypeName(it)}: ${why}`,
          };
      }
    },
  },
];

/** Why a descriptor has no place in an LDT. */
function placeTrouble(it: Descriptor): string | undefined {
  switch (it.kind) {
    case 'tss':
    case 'ldt':
      return 'it counts in the GDT only';
    case 'gate':
      // A task gate may stand in every table.
      return it.type === 5 ? undefined : 'it counts in the IDT only';
    case 'reserved':
      return 'the type means nothing in this mode';
    default:
      return undefined;
  }
}

import { isCanonical } from '../../base/address.ts';
import { decodeGates, type Gate, gateTypeName } from '../descriptors.ts';
import { type CodeMap, canBeRaised, type ProcessorTables } from '../machine-state.ts';
import type { Evidence, ProcessorRule } from './rule.ts';
import { codeSelectorTrouble } from './selector-rules.ts';
import { bytesText, hex, placeText, unmappedText, vectorText } from './words.ts';

const GATES = 'SDM Vol. 3A §6.14.1';
/** Vectors that a kernel without handlers for does not survive its first mistake: #DF, #NP, #SS, #GP, #PF. */
const VITAL = [8, 11, 12, 13, 14];

const at = (gate: Gate, text: string): Evidence => ({
  subject: { kind: 'gate', vector: gate.vector },
  text: `${vectorText(gate.vector)}: ${text}`,
});

/** Gates that the processor would look into; those of a table that is short gates are all junk, and one rule says so. */
function usable({ gates, processor }: ProcessorTables): readonly Gate[] {
  return processor.long && !hasShortGates(gates) ? gates.filter((gate) => gate.present) : [];
}

/** Whether this is a table of 8-byte gates, which every other 16-byte "gate" gives away: both halves look like one. */
function hasShortGates(gates: readonly Gate[]): boolean {
  const looksLikeGate = (bytes: Uint8Array) => {
    const [gate] = decodeGates(bytes, false);
    return gate?.present === true && (gate.type === 14 || gate.type === 15) && gate.selector !== 0;
  };
  const suspects = gates.slice(0, 4);
  return (
    suspects.length > 0 &&
    suspects.every(({ raw }) => looksLikeGate(raw.subarray(0, 8)) && looksLikeGate(raw.subarray(8)))
  );
}

export const GATE_RULES: readonly ProcessorRule[] = [
  {
    ...{ id: 'idt-short-gates', severity: 'error', title: 'The IDT is made of 8-byte gates', section: GATES },
    fix: 'Gates have 16 bytes in long mode: offset 63:32 and a zero follow the first eight.',
    *check({ gates, processor }) {
      const [first] = gates;
      if (processor.long && first !== undefined && hasShortGates(gates))
        yield { subject: { kind: 'idt' }, text: `${bytesText(first.raw)}: both halves are 32-bit gates` };
    },
  },
  {
    ...{
      id: 'idt-too-short',
      severity: 'warning',
      title: 'The IDT ends before the last exception',
      section: 'SDM Vol. 3A §6.10',
    },
    fix: 'Make it at least 32 gates long, limit 0x1ff; beyond the limit every vector is a #GP.',
    *check({ processor, gates }) {
      if (processor.long && gates.length > 0 && gates.length < 32)
        yield {
          subject: { kind: 'idt' },
          text: `IDTR.limit is ${hex(processor.idt.limit)}: ${gates.length} gates, the first vector without one is ${gates.length}`,
        };
    },
  },
  {
    ...{ id: 'gate-missing', severity: 'warning', title: 'An exception has no gate', section: GATES },
    fix: 'Set a present interrupt gate: without one the exception becomes #NP, or #GP where the type is wrong too, and then a double fault.',
    *check(tables) {
      if (!tables.processor.long || hasShortGates(tables.gates)) return;
      for (const vector of VITAL) {
        const gate = tables.gates[vector];
        if (gate !== undefined && !gate.present)
          yield at(gate, gate.empty ? 'the gate is empty' : `P = 0 in ${bytesText(gate.raw)}`);
      }
    },
  },
  {
    ...{ id: 'gate-type', severity: 'error', title: 'A present gate is no interrupt or trap gate', section: GATES },
    fix: 'The type is 0xE (interrupt) or 0xF (trap), with bit 4 clear: the byte at offset 5 is 0x8E or 0x8F. Others raise #GP(8 × vector + 2).',
    *check(tables) {
      for (const gate of usable(tables))
        if (gate.type !== 14 && gate.type !== 15)
          yield at(gate, `${gateTypeName(gate.type, true)} in ${bytesText(gate.raw)}`);
    },
  },
  {
    ...{ id: 'gate-selector', severity: 'error', title: 'A gate names no 64-bit code segment', section: GATES },
    fix: "Write the kernel's code selector at offset 2 of the gate. Delivery raises #GP or #NP with that selector.",
    *check(tables) {
      if (tables.gdtBytes === null) return;
      for (const gate of usable(tables)) {
        const why = codeSelectorTrouble(tables, gate.selector);
        if (why !== undefined) yield at(gate, `selector ${hex(gate.selector)}, ${why}`);
      }
    },
  },
  {
    ...{
      id: 'gate-truncated',
      severity: 'error',
      title: 'The upper half of a handler address is missing',
      section: GATES,
    },
    fix: 'Write bits 63:32 of the handler at offset 8 of the gate.',
    *check(tables, { code }) {
      for (const gate of usable(tables)) {
        const whole = truncated(gate, tables, code);
        if (whole !== undefined) yield at(gate, `offset ${hex(gate.offset)}, and ${placeText(whole, code)} is code`);
      }
    },
  },
  {
    ...{ id: 'gate-no-code', severity: 'error', title: 'A gate leads to no code', section: GATES },
    fix: 'Write the address of the handler into the gate: bits 15:0 at offset 0, 31:16 at 6, 63:32 at 8.',
    check: (tables, { code }) => gatesToNowhere(tables, code, true),
  },
  {
    ...{
      id: 'gate-unused-no-code',
      severity: 'note',
      title: 'A gate that nothing raises leads to no code',
      section: GATES,
    },
    fix: 'Clear it, or let it lead to a handler that says what came: this processor does not raise the exception, but INT n reaches the gate.',
    check: (tables, { code }) => gatesToNowhere(tables, code, false),
  },
  {
    ...{
      id: 'double-fault-stack',
      severity: 'warning',
      title: '#DF has no stack of its own',
      section: 'SDM Vol. 3A §6.14.5',
    },
    fix: 'Give vector 8 an IST: when the stack itself has overflowed, #DF cannot be delivered on it, which is a triple fault.',
    *check(tables) {
      const gate = usable(tables).find(({ vector }) => vector === 8);
      if (gate !== undefined && gate.ist === 0) yield at(gate, `IST = 0 in ${bytesText(gate.raw)}`);
    },
  },
  {
    ...{
      id: 'gate-for-users',
      severity: 'warning',
      title: 'User mode may raise an exception by INT',
      section: 'SDM Vol. 3A §6.12.1.2',
    },
    fix: 'Set DPL 0: INT pushes no error code, so the handler of one that has it takes its frame for something else.',
    *check(tables) {
      for (const gate of usable(tables))
        if (gate.dpl === 3 && [8, 10, 11, 12, 13, 14, 17, 21].includes(gate.vector))
          yield at(gate, `DPL = 3 in ${bytesText(gate.raw)}`);
    },
  },
];

/** Gates whose offset is no code, of vectors that come of themselves or of those that do not. */
function* gatesToNowhere(tables: ProcessorTables, code: CodeMap | null, raised: boolean): Iterable<Evidence> {
  for (const gate of usable(tables)) {
    if ((gate.type !== 14 && gate.type !== 15) || canBeRaised(gate.vector, tables.processor) !== raised) continue;
    if (truncated(gate, tables, code) !== undefined) continue;
    const why = codeTrouble(tables, gate.offset, code);
    if (why !== undefined)
      yield at(gate, why.startsWith(hex(gate.offset)) ? why : `offset ${placeText(gate.offset, code)} ${why}`);
  }
}

/** Why an address is no place for a handler. */
function codeTrouble(tables: ProcessorTables, address: bigint, code: CodeMap | null): string | undefined {
  if (!isCanonical(address)) return 'is not canonical';
  const unmapped = unmappedText(tables, address);
  if (unmapped !== undefined) return unmapped;
  const page = tables.translate(address);
  if (page.kind === 'mapped' && !page.executable) return 'is in a page that may not be executed (NX)';
  return code?.isCode(address) === false ? 'is in no executable section of the image' : undefined;
}

/** The kernel's address whose low half the gate has, if its own is no code and that one is. */
function truncated(gate: Gate, tables: ProcessorTables, code: CodeMap | null): bigint | undefined {
  if (gate.offset >> 32n !== 0n || codeTrouble(tables, gate.offset, code) === undefined) return undefined;
  const whole = (tables.processor.rip & 0xffff_ffff_0000_0000n) | gate.offset;
  return whole !== gate.offset && codeTrouble(tables, whole, code) === undefined ? whole : undefined;
}

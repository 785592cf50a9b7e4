/**
 * What a processor died of, where the tables alone do not show it any more: one that stands in a handler, halted for good, has the frame
 * of the interrupted code at the top of its interrupt stack, and that code's instruction is there to be read. Intel SDM Vol. 3A §6.14.
 */
import { isStackTop } from '../descriptors.ts';
import { type LoadRegister, loadSelector } from '../load-selector.ts';
import type { CodeMap, ProcessorState, ProcessorTables } from '../machine-state.ts';
import { RFLAGS } from '../registers.ts';

import type { ProcessorRule } from './rule.ts';
import { hex, placeText } from './words.ts';

/** A handler that reports the end of a kernel has not used more of its stack. */
const STACK_BYTES = 64n * 1024n;

/** Nothing but NMI wakes it: what it stands in, it will not leave. */
export function isDead({ halted, rflags }: Pick<ProcessorState, 'halted' | 'rflags'>): boolean {
  return halted && (rflags & RFLAGS.IF) === 0n;
}

interface Frame {
  readonly rip: bigint;
  readonly cs: number;
  readonly rsp: bigint;
  readonly ss: number;
}

const words = (bytes: Uint8Array | undefined, count: number) =>
  bytes === undefined
    ? undefined
    : Array.from({ length: count }, (_, n) => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8 * n, true));

function frameAt(tables: ProcessorTables, address: bigint): Frame | undefined {
  const [rip, cs, , rsp, ss] = words(tables.read(address, 40), 5) ?? [];
  if (rip === undefined || cs === undefined || rsp === undefined || ss === undefined) return undefined;
  return { rip, cs: Number(cs & 0xffffn), rsp, ss: Number(ss & 0xffffn) };
}

/** Where a dead processor was interrupted, and the word below the frame, which is the error code if the vector has one. */
function interrupted(tables: ProcessorTables): { readonly frame: Frame; readonly below: bigint } | undefined {
  const { processor, tss } = tables;
  if (!processor.long || !isDead(processor)) return undefined;
  for (const top of tss?.ist ?? []) {
    if (top === null || !isStackTop(top) || processor.rsp > top - 48n || processor.rsp < top - STACK_BYTES) continue;
    const frame = frameAt(tables, top - 40n);
    const [below] = words(tables.read(top - 48n, 8), 1) ?? [];
    if (frame !== undefined && below !== undefined) return { frame, below };
  }
  return undefined;
}

/** What IRETQ was about to pop, if that is where it was interrupted. */
function returning(tables: ProcessorTables) {
  const it = interrupted(tables);
  if (it === undefined) return undefined;
  const { rip, rsp } = it.frame;
  const [rex, opcode] = tables.read(rip, 2) ?? [];
  const popped = rex === 0x48 && opcode === 0xcf ? frameAt(tables, rsp) : undefined;
  return popped === undefined ? undefined : { rip, at: rsp, popped };
}

/** The first condition of a load that does not hold. */
function refused(tables: ProcessorTables, register: LoadRegister, selector: number, cpl: number): string | undefined {
  const ring = { ...tables, processor: { ...tables.processor, cpl } };
  return loadSelector(ring, register, selector).checks.find(({ passed, emulator }) => !passed && emulator === undefined)
    ?.what;
}

function isExecutable(tables: ProcessorTables, address: bigint): boolean {
  const page = tables.translate(address);
  return page.kind === 'mapped' && page.executable;
}

/** An error code that was not popped stands where RIP belongs, and RIP where CS belongs. */
function hasErrorCode(tables: ProcessorTables, at: bigint): boolean {
  const [code = 1n << 63n, rip = 0n, cs = 0n] = words(tables.read(at, 24), 3) ?? [];
  return (
    code < 0x1_0000n &&
    rip > 0xffffn &&
    isExecutable(tables, rip) &&
    refused(tables, 'cs', Number(cs & 0xffffn), Number(cs & 3n)) === undefined
  );
}

/** LTR (0F 00 /3) and LLDT (0F 00 /2), of which a processor died: the error code names the selector. */
function systemRefused(tables: ProcessorTables, register: 'tr' | 'ldtr', code: CodeMap | null): string | undefined {
  const it = interrupted(tables);
  if (it === undefined) return undefined;
  const [name, extension] = register === 'tr' ? ['LTR', 3] : ['LLDT', 2];
  const [first, second, modes = 0] = tables.read(it.frame.rip, 3) ?? [];
  if (first !== 0x0f || second !== 0 || ((modes >> 3) & 7) !== extension || it.below > 0xffffn) return undefined;
  const selector = Number(it.below) & 0xfffc;
  const why = refused(tables, register, selector, 0);
  return why === undefined
    ? undefined
    : `${name} at ${placeText(it.frame.rip, code)} of selector ${hex(selector)}, and this does not hold: ${why}`;
}

export const FAULT_RULES: readonly ProcessorRule[] = [
  {
    ...{
      id: 'error-code-left',
      severity: 'error',
      title: 'A handler returned without taking the error code off the stack',
      section: 'SDM Vol. 3A §6.13',
    },
    fix: 'Add 8 to RSP before IRETQ in handlers of vectors 8, 10 to 14, 17 and 21, and in no others: in Rust, declare those with two arguments.',
    *check(tables, { code }) {
      const it = returning(tables);
      if (it === undefined || !hasErrorCode(tables, it.at)) return;
      yield {
        subject: { kind: 'processor' },
        text: `IRETQ at ${placeText(it.rip, code)} found ${hex(it.popped.rip)} for RIP at ${hex(it.at)}, and ${placeText(BigInt(words(tables.read(it.at + 8n, 8), 1)?.[0] ?? 0n), code)} behind it`,
      };
    },
  },
  {
    ...{
      id: 'returned-to-bad-segment',
      severity: 'error',
      title: 'IRETQ was refused: it popped a selector of no segment',
      section: 'SDM Vol. 2 IRET; Vol. 3A §6.14.3',
    },
    fix: 'After LGDT load CS by a far return, and SS with 0 or a writable data segment of the new table: interrupts save both, and IRETQ checks them.',
    *check(tables, { code }) {
      const it = returning(tables);
      if (it === undefined || hasErrorCode(tables, it.at)) return;
      const { cs, ss } = it.popped;
      for (const [name, selector, offset] of [
        ['cs', cs, 8n],
        ['ss', ss, 32n],
      ] as const) {
        const why = refused(tables, name, selector, cs & 3);
        if (why === undefined) continue;
        yield {
          subject: { kind: 'register', name },
          text: `IRETQ at ${placeText(it.rip, code)} popped ${name.toUpperCase()} ${hex(selector)} from ${hex(it.at + offset)}, and this does not hold: ${why}`,
        };
        return;
      }
    },
  },
  {
    ...{ id: 'ltr-refused', severity: 'error', title: 'LTR was refused', section: 'SDM Vol. 2 LTR; Vol. 3A §8.2.2' },
    fix: 'Load TR once, with a present TSS descriptor of 16 bytes and type 9. LTR marks it busy: before it is loaded again, write type 9 into it.',
    *check(tables, { code }) {
      const text = systemRefused(tables, 'tr', code);
      if (text !== undefined) yield { subject: { kind: 'register', name: 'tr' }, text };
    },
  },
  {
    ...{ id: 'lldt-refused', severity: 'error', title: 'LLDT was refused', section: 'SDM Vol. 2 LLDT; Vol. 3A §3.5.1' },
    fix: 'Put an LDT descriptor (type 2, present, of 16 bytes in long mode) into the GDT, and load LDTR with its selector, TI = 0.',
    *check(tables, { code }) {
      const text = systemRefused(tables, 'ldtr', code);
      if (text !== undefined) yield { subject: { kind: 'register', name: 'ldt' }, text };
    },
  },
];

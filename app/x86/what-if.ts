/**
 * What a processor would do with these tables: every check in the manual's order, and how it ends. Intel SDM Vol. 2 MOV, LTR, INT n;
 * Vol. 3A §5.6–5.8 (segments), §6.12–6.14 (delivery), §6.15 (double faults). IA-32e mode; shadow stacks are not looked at.
 */
import { isCanonical } from '../base/address.ts';
import { descriptorTypeName, type Gate, TSS64, tableBytes } from './descriptors.ts';
import { exceptionName } from './exceptions.ts';
import { descriptorOf, type ProcessorTables } from './machine-state.ts';
import { CR4 } from './registers.ts';

/** One check, in the order in which the processor makes them. */
export interface Check {
  readonly what: string;
  readonly passed: boolean;
  readonly section: string;
  /** Set where QEMU's emulator lets pass what hardware refuses. */
  readonly emulator?: string;
}

export interface Fault {
  readonly vector: number;
  /** Null of an exception that pushes none. */
  readonly errorCode: number | null;
  /** Of #PF. */
  readonly address?: bigint;
}

export type Outcome =
  | { readonly kind: 'loaded'; readonly text: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** Delivered: the handler, and the stack with the frame already pushed. */
  | {
      readonly kind: 'handler';
      readonly vector: number;
      readonly rip: bigint;
      readonly rsp: bigint;
      readonly ist: number;
      readonly cpl: number;
      readonly interruptsOff: boolean;
    }
  | { readonly kind: 'triple-fault' };

export interface Prediction {
  readonly checks: readonly Check[];
  readonly outcome: Outcome;
}

/** Runs checks until one fails. */
class Checks {
  readonly list: Check[] = [];
  readonly #section: string;
  fault: Fault | undefined;

  constructor(section: string) {
    this.#section = section;
  }

  /** @returns whether to go on */
  that(passed: boolean, what: string, fault: Fault, emulator?: string): boolean {
    this.list.push({ what, passed, section: this.#section, ...(emulator === undefined || passed ? {} : { emulator }) });
    if (!passed) this.fault = fault;
    return passed;
  }
}

const GP = (errorCode: number): Fault => ({ vector: 13, errorCode });
const NP = (errorCode: number): Fault => ({ vector: 11, errorCode });
const SS = (errorCode: number): Fault => ({ vector: 12, errorCode });
const TS = (errorCode: number): Fault => ({ vector: 10, errorCode });
const hex = (value: bigint | number) => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;

export type LoadRegister = 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'tr';

/** Loads a selector: CS by a far return or jump in the same ring, TR by LTR, the others by MOV. */
export function loadSelector(tables: ProcessorTables, register: LoadRegister, selector: number): Prediction {
  const checks = new Checks(
    register === 'tr' ? 'SDM Vol. 2 LTR' : register === 'cs' ? 'SDM Vol. 2 JMP' : 'SDM Vol. 2 MOV',
  );
  const text = loadChecked(tables, register, selector, checks);
  const outcome: Outcome =
    checks.fault === undefined ? { kind: 'loaded', text } : { kind: 'fault', fault: checks.fault };
  return { checks: checks.list, outcome };
}

function loadChecked(tables: ProcessorTables, register: LoadRegister, selector: number, checks: Checks): string {
  const { cpl, gdt, long } = tables.processor;
  const name = register.toUpperCase();
  const rpl = selector & 3;
  const code = selector & 0xfffc;
  if (code === 0) {
    if (register === 'tr' || register === 'cs')
      checks.that(
        false,
        `the selector for ${name} is not null`,
        GP(0),
        register === 'tr' ? 'QEMU under TCG takes a null TR' : undefined,
      );
    else if (
      register === 'ss' &&
      checks.that(long && cpl < 3, 'SS may be null in 64-bit mode outside of ring 3', GP(0))
    )
      checks.that(rpl === cpl, `RPL ${rpl} of a null SS is CPL ${cpl}`, GP(0));
    return `${name} is null: in 64-bit mode that does no harm`;
  }
  if ((selector & 4) !== 0) {
    checks.that(false, 'the selector names the GDT (an LDT is not looked at)', GP(code));
    return '';
  }
  const last = register === 'tr' && long ? (selector & 0xfff8) + 15 : selector | 7;
  if (
    !checks.that(
      last < tableBytes(gdt.limit),
      `the descriptor ends at ${hex(last)}, within GDTR.limit ${hex(gdt.limit)}`,
      GP(code),
    )
  )
    return '';
  const it = descriptorOf(tables, selector);
  if (
    !checks.that(it !== undefined, 'the descriptor can be read', {
      vector: 14,
      errorCode: 0,
      address: gdt.base + BigInt(selector & 0xfff8),
    }) ||
    it === undefined
  )
    return '';
  const type = descriptorTypeName(it);
  const isSegment = it.kind === 'segment';
  switch (register) {
    case 'tr':
      if (
        !checks.that(it.kind === 'tss' && !it.busy, `the descriptor is an available TSS: it is ${type}`, GP(code)) ||
        it.kind !== 'tss'
      )
        return '';
      if (
        !checks.that(
          it.upper === null || ((it.upper >> 40n) & 0x1fn) === 0n,
          'the type bits of the upper half are 0',
          GP(code),
        )
      )
        return '';
      if (!checks.that(it.present, 'the TSS is present', NP(code))) return '';
      checks.that(isCanonical(it.base), `base ${hex(it.base)} is canonical`, GP(code));
      return `TR has base ${hex(it.base)}, limit ${hex(it.limit)}, and the descriptor becomes busy`;
    case 'ss':
      if (!checks.that(rpl === cpl, `RPL ${rpl} is CPL ${cpl}`, GP(code))) return '';
      if (!checks.that(isSegment && !it.code && it.access, `the descriptor is writable data: it is ${type}`, GP(code)))
        return '';
      if (!checks.that(it.dpl === cpl, `DPL ${it.dpl} is CPL ${cpl}`, GP(code))) return '';
      checks.that(it.present, 'the segment is present', SS(code));
      break;
    case 'cs':
      if (!checks.that(isSegment && it.code, `the descriptor is code: it is ${type}`, GP(code)) || !isSegment)
        return '';
      if (!checks.that(!(long && it.long && it.big), 'L and D are not both set', GP(code))) return '';
      if (it.special) checks.that(it.dpl <= cpl, `DPL ${it.dpl} of conforming code is at most CPL ${cpl}`, GP(code));
      else
        checks.that(
          rpl <= cpl && it.dpl === cpl,
          `RPL ${rpl} is at most CPL ${cpl}, and DPL ${it.dpl} is CPL`,
          GP(code),
        );
      if (checks.fault !== undefined || !checks.that(it.present, 'the segment is present', NP(code))) return '';
      return `CS runs ${long && it.long ? '64-bit code' : `${it.big ? 32 : 16}-bit code${long ? ', in compatibility mode: a REX prefix is INC or DEC' : ''}`}`;
    default: {
      if (
        !checks.that(
          isSegment && (!it.code || it.access),
          `the descriptor is data or readable code: it is ${type}`,
          GP(code),
        ) ||
        !isSegment
      )
        return '';
      const conforming = it.code && it.special;
      if (
        !conforming &&
        !checks.that(Math.max(rpl, cpl) <= it.dpl, `RPL ${rpl} and CPL ${cpl} are at most DPL ${it.dpl}`, GP(code))
      )
        return '';
      checks.that(it.present, 'the segment is present', NP(code));
    }
  }
  return `${name} is ${type}${long ? '; in 64-bit mode base and limit do not count' : ''}`;
}

/** Where an interrupt comes from: it decides on EXT, on the DPL check and on the error code. */
export type EventSource = 'exception' | 'software' | 'external';

export interface Interrupt {
  readonly vector: number;
  readonly source: EventSource;
  readonly errorCode?: number;
}

const PUSHES_CODE = new Set([8, 10, 11, 12, 13, 14, 17, 21]);
const CONTRIBUTORY = new Set([0, 10, 11, 12, 13, 21]);

export interface Delivery {
  /** The event, what became of it, and the exceptions that this made: at most four. */
  readonly attempts: readonly { readonly interrupt: Interrupt; readonly prediction: Prediction }[];
  readonly outcome: Outcome;
}

/** Delivers an event, and what comes of it, until a handler runs or the processor shuts down. */
export function deliver(tables: ProcessorTables, interrupt: Interrupt): Delivery {
  const attempts: { interrupt: Interrupt; prediction: Prediction }[] = [];
  let current = interrupt;
  for (;;) {
    const prediction = deliverOnce(tables, current);
    attempts.push({ interrupt: current, prediction });
    if (prediction.outcome.kind !== 'fault') return { attempts, outcome: prediction.outcome };
    const next = secondFault(current, prediction.outcome.fault);
    if (next === undefined) return { attempts, outcome: { kind: 'triple-fault' } };
    current = next;
  }
}

/** Table 6-5: what a fault during the delivery of another event becomes; undefined is shutdown. */
function secondFault({ vector, source }: Interrupt, fault: Fault): Interrupt | undefined {
  const plain: Interrupt = {
    vector: fault.vector,
    source: 'exception',
    ...(fault.errorCode === null ? {} : { errorCode: fault.errorCode }),
  };
  if (source !== 'exception') return plain;
  if (vector === 8) return undefined;
  const contributory = CONTRIBUTORY.has(fault.vector);
  const doubles =
    (CONTRIBUTORY.has(vector) && contributory) || (vector === 14 && (contributory || fault.vector === 14));
  return doubles ? { vector: 8, source: 'exception', errorCode: 0 } : plain;
}

function deliverOnce(tables: ProcessorTables, interrupt: Interrupt): Prediction {
  const checks = new Checks('SDM Vol. 2 INT n; Vol. 3A §6.14');
  const outcome = deliverChecked(tables, interrupt, checks);
  return {
    checks: checks.list,
    outcome:
      checks.fault === undefined && outcome !== undefined ? outcome : { kind: 'fault', fault: checks.fault ?? GP(0) },
  };
}

function deliverChecked(tables: ProcessorTables, { vector, source }: Interrupt, checks: Checks): Outcome | undefined {
  const { cpl, idt, rsp } = tables.processor;
  const ext = source === 'software' ? 0 : 1;
  const inIdt = vector * 8 + 2 + ext;
  if (
    !checks.that(
      vector * 16 + 15 < tableBytes(idt.limit),
      `the gate ends at ${hex(vector * 16 + 15)}, within IDTR.limit ${hex(idt.limit)}`,
      GP(inIdt),
    )
  )
    return undefined;
  const gate = tables.gates[vector];
  const gateAt = idt.base + BigInt(vector * 16);
  if (
    !checks.that(gate !== undefined, `the gate at ${hex(gateAt)} can be read`, {
      vector: 14,
      errorCode: 0,
      address: gateAt,
    }) ||
    gate === undefined
  )
    return undefined;
  if (
    !checks.that(
      gate.type === 14 || gate.type === 15,
      `the gate's type is 0xE or 0xF: it is ${hex(gate.type)}`,
      GP(inIdt),
    )
  )
    return undefined;
  if (
    source === 'software' &&
    !checks.that(gate.dpl >= cpl, `DPL ${gate.dpl} of the gate is at least CPL ${cpl}, as INT wants`, GP(inIdt))
  )
    return undefined;
  if (!checks.that(gate.present, 'the gate is present', NP(inIdt))) return undefined;
  const target = gateCode(tables, gate, ext, checks);
  if (target === undefined) return undefined;
  const newCpl = target.conforming ? cpl : target.dpl;
  const top = stackFor(tables, gate, newCpl, ext, checks);
  if (top === undefined) return undefined;
  const base = (top ?? rsp) & ~0xfn;
  const codes = source === 'exception' && PUSHES_CODE.has(vector) ? 6n : 5n;
  const pushed = BigInt.asUintN(64, base - 8n * codes);
  if (
    !checks.that(
      isCanonical(pushed) && isCanonical(base - 8n),
      `the stack from ${hex(base)} down to ${hex(pushed)} is canonical`,
      SS(ext),
    )
  )
    return undefined;
  for (const at of [base - 8n, pushed]) {
    const page = tables.translate(BigInt.asUintN(64, at));
    const writable =
      page.kind === 'mapped' && (page.writable || (newCpl < 3 && (tables.processor.cr0 & 0x1_0000n) === 0n));
    const code = (page.kind === 'mapped' ? 1 : 0) | 2;
    if (
      !checks.that(writable, `the stack at ${hex(BigInt.asUintN(64, at))} is mapped and writable`, {
        vector: 14,
        errorCode: code,
        address: BigInt.asUintN(64, at),
      })
    )
      return undefined;
  }
  if (!checks.that(isCanonical(gate.offset), `the offset ${hex(gate.offset)} is canonical`, GP(ext))) return undefined;
  const { ist } = gate;
  const handler: Outcome = {
    kind: 'handler',
    vector,
    rip: gate.offset,
    rsp: pushed,
    ist,
    cpl: newCpl,
    interruptsOff: gate.type === 14,
  };
  return firstInstruction(tables, gate, newCpl, checks) ? handler : undefined;
}

/** The code segment that a gate names. */
function gateCode(
  tables: ProcessorTables,
  gate: Gate,
  ext: number,
  checks: Checks,
): { dpl: number; conforming: boolean } | undefined {
  const { cpl, gdt } = tables.processor;
  const code = (gate.selector & 0xfffc) | ext;
  if (!checks.that((gate.selector & 0xfffc) !== 0, "the gate's selector is not null", GP(ext))) return undefined;
  if (!checks.that((gate.selector & 4) === 0, 'the selector names the GDT (an LDT is not looked at)', GP(code)))
    return undefined;
  if (
    !checks.that(
      (gate.selector | 7) < tableBytes(gdt.limit),
      `selector ${hex(gate.selector)} is within GDTR.limit ${hex(gdt.limit)}`,
      GP(code),
    )
  )
    return undefined;
  const it = descriptorOf(tables, gate.selector);
  if (it === undefined) {
    checks.that(false, 'the code descriptor can be read', {
      vector: 14,
      errorCode: 0,
      address: gdt.base + BigInt(gate.selector & 0xfff8),
    });
    return undefined;
  }
  const type = descriptorTypeName(it);
  if (
    !checks.that(
      it.kind === 'segment' && it.code && it.dpl <= cpl,
      `the descriptor is code of DPL at most ${cpl}: it is ${type}, DPL ${it.dpl}`,
      GP(code),
    ) ||
    it.kind !== 'segment'
  )
    return undefined;
  if (!checks.that(it.long && !it.big, `the code is 64-bit (L = 1, D = 0): it is ${type}`, GP(code))) return undefined;
  if (!checks.that(it.present, 'the code segment is present', NP(code))) return undefined;
  return { dpl: it.dpl, conforming: it.special };
}

/** The stack that the TSS gives; null keeps the one in use, undefined is a fault. */
function stackFor(
  tables: ProcessorTables,
  gate: Gate,
  newCpl: number,
  ext: number,
  checks: Checks,
): bigint | null | undefined {
  const { tr } = tables.processor.segments;
  if (gate.ist === 0 && newCpl === tables.processor.cpl) return null;
  const offset = gate.ist === 0 ? TSS64.rsp0 + 8 * newCpl : TSS64.ist1 + 8 * (gate.ist - 1);
  const name = gate.ist === 0 ? `RSP${newCpl}` : `IST${gate.ist}`;
  if (
    !checks.that(
      BigInt(offset + 7) <= tr.limit,
      `${name} ends at ${hex(offset + 7)}, within TR.limit ${hex(tr.limit)}`,
      TS((tr.selector & 0xfffc) | ext),
      'QEMU under TCG checks it too late',
    )
  )
    return undefined;
  const bytes = tables.read(tr.base + BigInt(offset), 8);
  const at = tr.base + BigInt(offset);
  if (bytes === undefined) {
    checks.that(false, `${name} at ${hex(at)} can be read`, {
      vector: 14,
      errorCode: 0,
      address: BigInt.asUintN(64, at),
    });
    return undefined;
  }
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

/** The fetch of the handler's first instruction: the event is delivered, but a fault here comes before anything has run. */
function firstInstruction(tables: ProcessorTables, { offset }: Gate, cpl: number, checks: Checks): boolean {
  const page = tables.translate(offset);
  const smep = cpl < 3 && page.kind === 'mapped' && page.user && (tables.processor.cr4 & CR4.SMEP) !== 0n;
  const runs = page.kind === 'mapped' && page.executable && !smep && (cpl < 3 || page.user);
  const nx = (tables.processor.efer & 0x800n) !== 0n || (tables.processor.cr4 & CR4.SMEP) !== 0n;
  const code = (page.kind === 'mapped' ? 1 : 0) | (cpl === 3 ? 4 : 0) | (nx ? 16 : 0);
  const why =
    page.kind !== 'mapped'
      ? 'it is not mapped'
      : smep
        ? 'it is a user page, and SMEP is on'
        : page.executable
          ? ''
          : 'its page has NX';
  return checks.that(runs, `the handler at ${hex(offset)} can be executed${why === '' ? '' : `: ${why}`}`, {
    vector: 14,
    errorCode: code,
    address: offset,
  });
}

/** `#GP general protection, error code 0x1a (IDT entry 3)`. */
export function faultText({ vector, errorCode, address }: Fault): string {
  const at = address === undefined ? '' : ` at ${hex(address)}`;
  if (errorCode === null) return `${exceptionName(vector)}${at}`;
  if (vector === 14 || vector === 8) return `${exceptionName(vector)}, error code ${hex(errorCode)}${at}`;
  const table =
    (errorCode & 2) !== 0
      ? `IDT entry ${errorCode >> 3}`
      : errorCode >> 3 === 0
        ? ''
        : `${(errorCode & 4) !== 0 ? 'LDT' : 'GDT'} entry ${errorCode >> 3}`;
  return `${exceptionName(vector)}, error code ${hex(errorCode)}${table === '' ? '' : ` (${table})`}`;
}

/**
 * What a processor would do with an event: every check in the manual's order, and how it ends. Intel SDM Vol. 2 INT n; Vol. 3A §6.12–6.14
 * (delivery), §6.15 (double faults). IA-32e mode; shadow stacks are not looked at.
 */
import { isCanonical } from '../base/address.ts';
import { descriptorTypeName, type Gate, TSS64, tableBytes } from './descriptors.ts';
import { namedDescriptor } from './load-selector.ts';
import type { ProcessorTables } from './machine-state.ts';
import { Checks, type Fault, GP, hex, NP, type Outcome, type Prediction, SS, TS } from './prediction.ts';
import { CR4 } from './registers.ts';
import { isNull } from './selectors.ts';

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
  const { cpl } = tables.processor;
  const code = (gate.selector & 0xfffc) | ext;
  if (!checks.that(!isNull(gate.selector), "the gate's selector is not null", GP(ext))) return undefined;
  const within = `selector ${hex(gate.selector)} is`;
  const it = namedDescriptor(tables, gate.selector, { within, errorCode: code }, checks);
  if (it === undefined) return undefined;
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

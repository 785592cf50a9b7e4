/** Stations of an interrupt's way that are the same whoever raised it, and what is known of a machine to tell of them. */
import { formatAddress } from '../base/address.ts';
import type { Hop, IrqRoute } from '../contract/inspect/irq.ts';
import type { MsiMessage, MsixCapability } from '../pci/msix.ts';
import type { IoApicPin, LocalApic, Pic } from '../wire/qemu-irq.ts';
import type { CodeMap, ProcessorTables } from './machine-state.ts';
import { RFLAGS } from './registers.ts';
import { descriptorOf } from './selectors.ts';

export interface IrqProcessor {
  readonly tables: ProcessorTables;
  readonly halted: boolean;
  readonly lapic: LocalApic | undefined;
}
/** A PCI function that can raise interrupts. */
export interface IrqFunction {
  /** `00:01.0`. */
  readonly place: string;
  /** `model0, SCSI controller 1af4:1042`. */
  readonly title: string;
  readonly line: number | null;
  readonly pinDisabled: boolean;
  readonly msix: MsixCapability | undefined;
  readonly messages: readonly MsiMessage[];
  /** What could be read: its configuration space and table; the table alone, which does not say whether it is on; or neither. */
  readonly known: 'whole' | 'table' | 'nothing';
}
/** An IOAPIC (82093AA). */
export interface IoApicState {
  /** Guest-physical address of its registers; null where nobody asked or knows. */
  readonly address: bigint | null;
  /** The global system interrupt of its first pin (ACPI 6.5 §5.2.12.3); null where it is not known which IOAPIC this is. */
  readonly firstInterrupt: number | null;
  /** Who says so: the MADT, or the order of the addresses; null of one that is alone, whose pins are the interrupts. */
  readonly from: 'acpi' | 'order' | null;
  readonly pins: readonly IoApicPin[];
  /** How often each pin was raised. */
  readonly counts: ReadonlyMap<number, number>;
}
export interface IrqSources {
  readonly processors: readonly IrqProcessor[];
  readonly ioapics: readonly IoApicState[];
  readonly pics: readonly Pic[];
  readonly functions: readonly IrqFunction[];
  /** Devices that are known to hang at a pin of an IOAPIC, by their global system interrupts. */
  readonly lines: ReadonlyMap<number, string>;
  readonly code: CodeMap | null;
}

/** Lines of a PC that are the same everywhere. */
export const LINES: Readonly<Record<number, string>> = {
  ...{ 0: 'timer (PIT)', 1: 'keyboard', 2: 'timer (PIT)', 3: 'serial port COM2', 4: 'serial port COM1' },
  ...{ 8: 'real-time clock', 9: 'ACPI', 12: 'mouse' },
};

export const hop = (station: Hop['station'], state: Hop['state'], text: string, evidence = ''): Hop => ({
  station,
  state,
  text,
  evidence,
});

export type RouteBase = Pick<IrqRoute, 'id' | 'title' | 'device' | 'raised'> & Partial<Pick<IrqRoute, 'pin'>>;

export function route(base: RouteBase, vector: number | null, processors: number[], hops: Hop[]): IrqRoute {
  const worst = (['broken', 'off', 'waiting', 'unknown'] as const).find((state) =>
    hops.some((it) => it.state === state),
  );
  return { pin: null, ...base, vector, processors, hops, verdict: worst ?? 'ok' };
}

export function interruptsOn({ processor }: ProcessorTables): boolean {
  return (processor.rflags & RFLAGS.IF) !== 0n;
}

/** Whether the processor takes interrupts now. */
export function processorHop(tables: ProcessorTables, halted: boolean, served: boolean): Hop {
  const { index, rflags } = tables.processor;
  const flags = `RFLAGS ${formatAddress(rflags)}${halted ? ', halted' : ''}`;
  if (interruptsOn(tables)) return hop('processor', 'ok', halted ? 'halted, woken by it' : 'interrupts are on', flags);
  return halted
    ? hop('processor', 'broken', `processor ${index} is halted with interrupts off: nothing but NMI wakes it`, flags)
    : hop(
        'processor',
        served ? 'ok' : 'waiting',
        `interrupts are off now (IF = 0)${served ? ', as in a handler' : ''}`,
        flags,
      );
}

/** The gate of a vector and its handler. */
export function gateHops(tables: ProcessorTables, vector: number, code: CodeMap | null): Hop[] {
  const gate = tables.gates[vector];
  if (gate !== undefined) return gateHop(tables, gate, code);
  const limit = `limit ${formatAddress(tables.processor.idt.limit)}`;
  return [hop('gate', 'broken', `vector ${vector} is beyond IDTR.limit`, limit)];
}

function gateHop(tables: ProcessorTables, gate: ProcessorTables['gates'][number], code: CodeMap | null): Hop[] {
  const bytes = Array.from(gate.raw, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const it = descriptorOf(tables, gate.selector);
  const trouble = !gate.present
    ? gate.empty
      ? 'the gate is empty: delivery raises #GP or #NP'
      : 'the gate is not present: delivery raises #NP'
    : gate.type !== 14 && gate.type !== 15
      ? `the gate's type is ${gate.type}: delivery raises #GP`
      : it !== undefined && (it.kind !== 'segment' || !it.code)
        ? "the gate's selector names no code"
        : undefined;
  if (trouble !== undefined) return [hop('gate', 'broken', trouble, bytes)];
  const page = tables.translate(gate.offset);
  const place = code?.at(gate.offset);
  const offset = place === undefined ? 0n : gate.offset - place.start;
  const name =
    place === undefined
      ? formatAddress(gate.offset)
      : `${place.symbol}${offset === 0n ? '' : `+0x${offset.toString(16)}`}`;
  const runs = page.kind === 'mapped' && page.executable;
  return [
    hop(
      'gate',
      'ok',
      `${gate.type === 14 ? 'interrupt' : 'trap'} gate${gate.ist === 0 ? '' : `, IST${gate.ist}`}`,
      bytes,
    ),
    runs
      ? hop('handler', 'ok', name, formatAddress(gate.offset))
      : hop('handler', 'broken', `${name} cannot be executed`, page.kind),
  ];
}

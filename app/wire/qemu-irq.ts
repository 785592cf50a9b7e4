import type { BusNumbers } from '../pci/bridges.ts';
import type { FlatRange } from './qemu-mtree.ts';

/**
 * Interrupt controllers and PCI functions as QEMU's monitor prints them (`info pic`, `info lapic`, `info irq`, `info pci`, `xp`), held
 * against 7.2: hw/intc/ioapic_common.c, i8259_common.c, target/i386/cpu-dump.c, hw/pci/pci-hmp-cmds.c. Text for people: a line that
 * does not fit is left out.
 */

export interface IoApicPin {
  readonly pin: number;
  /** The redirection entry. */
  readonly raw: bigint;
  /** Whether it waits in the IOAPIC's request register. */
  readonly pending: boolean;
}
export interface Pic {
  readonly name: string;
  readonly irr: number;
  readonly imr: number;
  readonly isr: number;
  /** Vector of its first line. */
  readonly base: number;
}
export interface Controllers {
  /** The pins of each IOAPIC in the order of their text. QEMU calls every one `ioapic0`; see `ioApicPaths` (app/wire/qemu-qom). */
  readonly ioapics: readonly (readonly IoApicPin[])[];
  readonly pics: readonly Pic[];
}

const MAX_PINS = 240;
const MAX_IOAPICS = 16;

export function parsePic(text: string): Controllers {
  const ioapics: { pin: number; raw: bigint; pending: boolean }[][] = [];
  const pics: Pic[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^ioapic\d{0,2}: /.test(line) && ioapics.length < MAX_IOAPICS) ioapics.push([]);
    const pins = ioapics.at(-1);
    const pin = /^\s*pin (\d{1,3})\s+0x([0-9a-f]{16})/.exec(line);
    if (pin !== null && pins !== undefined && pins.length < MAX_PINS)
      pins.push({ pin: Number(pin[1]), raw: BigInt(`0x${pin[2]}`), pending: false });
    const irr = /^\s*IRR\s+(.*)$/.exec(line);
    if (irr !== null) {
      const pending = numbers(irr[1] ?? '');
      for (const it of pins ?? []) it.pending = pending.includes(it.pin);
    }
    const pic = /^(pic\d): irr=([0-9a-f]{2}) imr=([0-9a-f]{2}) isr=([0-9a-f]{2}) .*irq_base=([0-9a-f]{2})/.exec(line);
    if (pic !== null) {
      const [irrs = 0, imr = 0, isr = 0, base = 0] = pic.slice(2).map((it) => Number.parseInt(it, 16));
      pics.push({ name: pic[1] ?? '', irr: irrs, imr, isr, base });
    }
  }
  return { ioapics, pics };
}

export interface LocalVector {
  readonly name: string;
  readonly raw: number;
}
export interface LocalApic {
  readonly lvt: readonly LocalVector[];
  /** The spurious-interrupt vector register. */
  readonly spurious: number;
  readonly inService: readonly number[];
  readonly requested: readonly number[];
  readonly tpr: number;
  readonly ppr: number;
  /** Logical identity and its model, as QEMU keeps them: the upper byte, the upper four bits. */
  readonly ldr: number;
  readonly dfr: number;
}

/** Undefined if the processor has none. */
export function parseLapic(text: string): LocalApic | undefined {
  const lvt = [...text.matchAll(/^(LVT[A-Z0-9]{1,4})\s+0x([0-9a-f]{8})/gm)].map(([, name = '', raw = '0']) => ({
    name,
    raw: Number.parseInt(raw, 16),
  }));
  const spurious = /^SPIV\s+0x([0-9a-f]{8})/m.exec(text)?.[1];
  const list = (name: string) => numbers(new RegExp(`^${name}\\s+(.*)$`, 'm').exec(text)?.[1] ?? '');
  const byte = (name: string) => Number.parseInt(new RegExp(`\\b${name} 0x([0-9a-f]{2,8})`).exec(text)?.[1] ?? '0', 16);
  if (spurious === undefined) return undefined;
  return {
    lvt,
    spurious: Number.parseInt(spurious, 16),
    ...{
      inService: list('ISR'),
      requested: list('IRR'),
      tpr: byte('TPR'),
      ppr: byte('PPR'),
      ldr: byte('LDR'),
      dfr: byte('DFR'),
    },
  };
}

const numbers = (text: string) => [...text.matchAll(/\b(\d{1,3})\b/g)].map(([, n]) => Number(n)).filter((n) => n < 256);

export interface IrqCounts {
  /** `ioapic`, `isa-i8259`, `kvm-ioapic`. */
  readonly type: string;
  /** How often each line has been raised. */
  readonly raised: ReadonlyMap<number, number>;
}

const MAX_CONTROLLERS = 64;

/** How often each line of each controller has been raised, in the order of the text, which is that of `info pic`. */
export function parseIrqCounts(text: string): IrqCounts[] {
  const counts: IrqCounts[] = [];
  let current: Map<number, number> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const head = /^IRQ statistics for (\S{1,64}):/.exec(line);
    if (head !== null) {
      if (counts.length === MAX_CONTROLLERS) break;
      current = new Map();
      counts.push({ type: head[1] ?? '', raised: current });
    }
    const row = /^\s*(\d{1,3}): (\d{1,15})\s*$/.exec(line);
    if (row !== null) current?.set(Number(row[1]), Number(row[2]));
  }
  return counts;
}

export interface PciFunction {
  readonly bus: number;
  readonly device: number;
  readonly function: number;
  /** `SCSI controller`. */
  readonly kind: string;
  readonly vendor: number;
  readonly product: number;
  /** What the machine's maker called it: `model0`; or empty. */
  readonly id: string;
  /** The PIC line of its pin, which firmware has written down. */
  readonly line: number | null;
  /** Base addresses of memory, by BAR. */
  readonly bars: ReadonlyMap<number, bigint>;
  /** Of a bridge: the bus behind it and the last one behind that, as the guest has numbered them. */
  readonly bridge: BusNumbers | null;
}

const MAX_FUNCTIONS = 256;

export function parsePci(text: string): PciFunction[] {
  const functions: (PciFunction & {
    kind: string;
    vendor: number;
    product: number;
    id: string;
    line: number | null;
    bars: Map<number, bigint>;
    bridge: BusNumbers | null;
  })[] = [];
  for (const line of text.split(/\r?\n/)) {
    const head = /^\s*Bus\s+(\d{1,3}), device\s+(\d{1,2}), function (\d):/.exec(line);
    if (head !== null) {
      if (functions.length === MAX_FUNCTIONS) break;
      const [bus = 0, device = 0, func = 0] = head.slice(1).map(Number);
      functions.push({
        bus,
        device,
        function: func,
        kind: '',
        vendor: 0,
        product: 0,
        id: '',
        line: null,
        bars: new Map(),
        bridge: null,
      });
    }
    const current = functions.at(-1);
    if (current === undefined) continue;
    const name = /^\s+(.{1,80}): PCI device ([0-9a-f]{4}):([0-9a-f]{4})/.exec(line);
    if (name !== null)
      Object.assign(current, {
        kind: name[1] ?? '',
        vendor: Number.parseInt(name[2] ?? '', 16),
        product: Number.parseInt(name[3] ?? '', 16),
      });
    const irq = /^\s+IRQ (\d{1,3}), pin [A-D]/.exec(line);
    if (irq !== null) current.line = Number(irq[1]);
    const number = /^\s+(secondary|subordinate) bus (\d{1,3})\.$/.exec(line);
    if (number !== null) {
      const { secondary = 0, subordinate = 0 } = current.bridge ?? {};
      const value = Number(number[2]);
      current.bridge =
        number[1] === 'secondary' ? { secondary: value, subordinate } : { secondary, subordinate: value };
    }
    const bar = /^\s+BAR(\d): .*memory at 0x([0-9a-f]{1,16}) \[/.exec(line);
    if (bar !== null) current.bars.set(Number(bar[1]), BigInt(`0x${bar[2]}`));
    const id = /^\s+id "([^"]{0,64})"/.exec(line);
    if (id !== null) current.id = id[1] ?? '';
  }
  return functions;
}

/**
 * Something of a function among what lies in memory (app/wire/qemu-mtree), by its name or how that begins, such as `msix-table`: it
 * belongs to the nearest BAR that begins before it.
 */
export function rangeOf(
  ranges: readonly FlatRange[],
  wanted: PciFunction,
  all: readonly PciFunction[],
  name: string,
): FlatRange | undefined {
  return ranges.find((range) => {
    if (!range.name.startsWith(name)) return false;
    let owner: { readonly base: bigint; readonly of: PciFunction } | undefined;
    for (const of of all)
      for (const base of of.bars.values()) if (base <= range.start && base > (owner?.base ?? -1n)) owner = { base, of };
    return owner?.of === wanted;
  });
}

/** The bytes of `xp /Nxw`, up to the first word that cannot be read; the guest is little-endian. */
export function parseWords(text: string): Uint8Array {
  const words: number[] = [];
  for (const line of text.split(/\r?\n/)) {
    const row = /^[0-9a-f]{8,16}: (.*)$/.exec(line.trim())?.[1];
    for (const [, word = '0'] of (row ?? '').matchAll(/\b0x([0-9a-f]{8})\b/g)) words.push(Number.parseInt(word, 16));
    if (row?.includes('Cannot') === true) break;
  }
  return Uint8Array.from(words.flatMap((it) => [it & 0xff, (it >>> 8) & 0xff, (it >>> 16) & 0xff, it >>> 24]));
}

/** The value of `xp /1xh`. */
export function parseHalf(text: string): number | null {
  const digits = /^[0-9a-f]{8,16}: 0x([0-9a-f]{4})\s*$/.exec(text.trim())?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

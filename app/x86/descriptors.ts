/**
 * Descriptor tables as the processor reads them. Intel SDM Vol. 3A §3.4.5 (segments), §3.5 (system descriptors; the LDT), §5.8.3.1 (call gates),
 * §6.11 and §6.14.1 (IDT), §8.2.3 and §8.7 (TSS). Nothing is refused: what no processor would take is shown as it is.
 */
import { isCanonical } from '../base/address.ts';
import { ByteView } from '../base/bytes.ts';

interface DescriptorBase {
  /** Place in the table: the selector is eight times this. */
  readonly index: number;
  /** The eight bytes as a number; of two slots the first. */
  readonly raw: bigint;
}
/** Why the second slot of a descriptor that has two in IA-32e mode is not there: beyond the table's limit, or not in memory. */
type Cut = 'limit' | 'unreadable';
interface TwoSlots {
  /** The second slot in IA-32e mode; null in legacy mode, and where it is cut off. */
  readonly upper: bigint | null;
  readonly cut: Cut | null;
}
interface Protected {
  readonly present: boolean;
  readonly dpl: number;
}
export interface SegmentDescriptor extends DescriptorBase, Protected {
  readonly kind: 'segment';
  readonly code: boolean;
  readonly base: bigint;
  /** The last byte, granularity applied. */
  readonly limit: bigint;
  readonly accessed: boolean;
  /** Code: readable. Data: writable. */
  readonly access: boolean;
  /** Code: conforming. Data: expand-down. */
  readonly special: boolean;
  readonly available: boolean;
  /** L: 64-bit code. */
  readonly long: boolean;
  /** D/B: 32-bit operands, or a 32-bit stack pointer. */
  readonly big: boolean;
  readonly granular: boolean;
}
export interface SystemDescriptor extends DescriptorBase, Protected, TwoSlots {
  readonly kind: 'tss' | 'ldt';
  readonly busy: boolean;
  /** 16-bit, as of the 80286. */
  readonly old: boolean;
  readonly base: bigint;
  readonly limit: bigint;
  readonly granular: boolean;
}
export interface CallGate extends DescriptorBase, Protected, TwoSlots {
  readonly kind: 'call-gate';
  readonly selector: number;
  readonly offset: bigint;
}
/** Zero, a gate that is none of a call, a type that means nothing here, or the second half of the slot before. */
export interface OtherDescriptor extends DescriptorBase, Protected {
  readonly kind: 'null' | 'gate' | 'reserved' | 'upper';
  readonly type: number;
}
export type Descriptor = SegmentDescriptor | SystemDescriptor | CallGate | OtherDescriptor;

export const MAX_DESCRIPTORS = 8192;
const MAX_LIMIT = 0xffffn;

/** Bytes of a table with this limit, which has 16 bits whatever a register dump says. */
export function tableBytes(limit: bigint): number {
  return Number(limit > MAX_LIMIT ? MAX_LIMIT : limit) + 1;
}

/**
 * @param bytes what can be read of the table
 * @param long IA-32e mode (EFER.LMA): system descriptors take two slots
 * @param size bytes of the table by its limit
 */
export function decodeDescriptors(bytes: Uint8Array, long: boolean, size = bytes.length): Descriptor[] {
  const view = new ByteView(bytes);
  const count = Math.min(bytes.length >> 3, MAX_DESCRIPTORS);
  const descriptors: Descriptor[] = [];
  for (let index = 0; index < count; index++) {
    const raw = view.u64(index * 8);
    const next = index + 1 < count ? view.u64(index * 8 + 8) : null;
    const missing: Cut = index * 8 + 16 > size ? 'limit' : 'unreadable';
    const descriptor = decodeDescriptor(index, raw, long ? (next ?? missing) : null);
    descriptors.push(descriptor);
    if (long && next !== null && ownsNext(descriptor, next)) {
      index++;
      descriptors.push({ kind: 'upper', index, raw: next, type: typeOf(next), present: false, dpl: 0 });
    }
  }
  return descriptors;
}

/**
 * Whether the next slot is the second half of this one. The type alone makes an entry 16 bytes long (§3.5, §8.2.3), and LTR and LLDT read
 * them all before they look at P. Yet a processor reads a slot only by a selector: behind a descriptor that is not present, which none
 * can load, one with type bits, which an upper half may not have, is a descriptor of its own that works.
 */
function ownsNext(it: Descriptor, next: bigint): boolean {
  const takesTwo = it.kind === 'tss' || it.kind === 'ldt' || it.kind === 'call-gate';
  return takesTwo && (it.present || !hasTypeBits(next));
}

const typeOf = (raw: bigint) => Number((raw >> 40n) & 0xfn);

/** @param second in IA-32e mode the next slot, or why there is none; null in legacy mode */
export function decodeDescriptor(index: number, raw: bigint, second: bigint | Cut | null): Descriptor {
  const long = second !== null;
  const [upper, cut] = typeof second === 'string' ? [null, second] : [second, null];
  const type = typeOf(raw);
  const bitAt = (n: bigint) => ((raw >> n) & 1n) === 1n;
  const common = { index, raw, present: bitAt(47n), dpl: Number((raw >> 45n) & 3n) };
  if (raw === 0n) return { kind: 'null', ...common, type };
  const granular = bitAt(55n);
  const rawLimit = (raw & 0xffffn) | ((raw >> 32n) & 0xf_0000n);
  const limit = granular ? (rawLimit << 12n) | 0xfffn : rawLimit;
  const low = ((raw >> 16n) & 0xff_ffffn) | ((raw >> 32n) & 0xff00_0000n);
  if (bitAt(44n)) {
    return {
      kind: 'segment',
      ...common,
      ...{ code: (type & 8) !== 0, special: (type & 4) !== 0, access: (type & 2) !== 0, accessed: (type & 1) !== 0 },
      ...{ base: low, limit, available: bitAt(52n), long: bitAt(53n), big: bitAt(54n), granular },
    };
  }
  const base = upper === null ? low : low | ((upper & 0xffff_ffffn) << 32n);
  // In IA-32e mode the 16-bit and task types do not exist (table 3-2).
  const known = long ? [2, 9, 11, 12] : [1, 2, 3, 4, 9, 11, 12];
  if (!known.includes(type)) return { kind: type in gateTypes(long) ? 'gate' : 'reserved', ...common, type };
  if (type === 4 || type === 12) {
    const high = upper === null ? 0n : (upper & 0xffff_ffffn) << 32n;
    const offset = (raw & 0xffffn) | ((raw >> 32n) & 0xffff_0000n) | high;
    return { kind: 'call-gate', ...common, selector: Number((raw >> 16n) & 0xffffn), offset, upper, cut };
  }
  const kind = type === 2 ? 'ldt' : 'tss';
  return {
    kind,
    ...common,
    busy: kind === 'tss' && (type & 2) !== 0,
    old: type < 8 && kind === 'tss',
    base,
    limit,
    granular,
    upper,
    cut,
  };
}

/** A gate of the IDT, and in legacy mode a task gate. */
export interface Gate {
  readonly vector: number;
  /** 16 bytes in IA-32e mode, else 8. */
  readonly raw: Uint8Array;
  readonly selector: number;
  readonly offset: bigint;
  readonly ist: number;
  /** 14 interrupt, 15 trap; in legacy mode also 5 task, 6 and 7 of 16 bits. */
  readonly type: number;
  readonly dpl: number;
  readonly present: boolean;
  /** Whether there is anything at all. */
  readonly empty: boolean;
}

export const VECTORS = 256;

export function decodeGates(bytes: Uint8Array, long: boolean): Gate[] {
  const view = new ByteView(bytes);
  const size = long ? 16 : 8;
  const count = Math.min(Math.floor(bytes.length / size), VECTORS);
  return Array.from({ length: count }, (_, vector): Gate => {
    const at = vector * size;
    const high = view.u32(at + 4);
    const raw = view.slice(at, size);
    const offset = BigInt(view.u16(at)) | (BigInt(high >>> 16) << 16n) | (long ? BigInt(view.u32(at + 8)) << 32n : 0n);
    return {
      ...{ vector, raw, offset, selector: view.u16(at + 2), ist: long ? high & 7 : 0 },
      ...{ type: (high >>> 8) & 0x1f, dpl: (high >>> 13) & 3, present: (high & 0x8000) !== 0 },
      empty: raw.every((byte) => byte === 0),
    };
  });
}

/** Type bits in the second half of a system descriptor, where they must be 0 (§3.5). */
export function hasTypeBits(upper: bigint): boolean {
  return ((upper >> 40n) & 0x1fn) !== 0n;
}

const LONG_GATES: Readonly<Record<number, string>> = { 14: 'interrupt', 15: 'trap' };
const SHORT_GATES: Readonly<Record<number, string>> = { 5: 'task', 6: 'interrupt 16', 7: 'trap 16', ...LONG_GATES };

const gateTypes = (long: boolean) => (long ? LONG_GATES : SHORT_GATES);

/** `interrupt`, `trap`, …; what is none says its number. Bit 4 of the type must be clear. */
export function gateTypeName(type: number, long: boolean): string {
  return gateTypes(long)[type] ?? `type ${type}`;
}

/** Offsets in a 64-bit TSS, §8.7. */
export const TSS64 = { rsp0: 4, ist1: 36, ioMap: 102, bytes: 104 } as const;

export interface Tss {
  /** RSP0 to RSP2, null beyond the limit. */
  readonly rsp: readonly (bigint | null)[];
  /** IST1 to IST7. */
  readonly ist: readonly (bigint | null)[];
  /** Offset of the I/O permission map; beyond the limit there is none. */
  readonly ioMap: number | null;
}

/** A 64-bit TSS, as far as its bytes go. */
export function decodeTss(bytes: Uint8Array): Tss {
  const view = new ByteView(bytes);
  const at = (offset: number) => (offset + 8 <= bytes.length ? view.u64(offset) : null);
  return {
    rsp: [0, 1, 2].map((n) => at(TSS64.rsp0 + 8 * n)),
    ist: [0, 1, 2, 3, 4, 5, 6].map((n) => at(TSS64.ist1 + 8 * n)),
    ioMap: TSS64.ioMap + 2 <= bytes.length ? view.u16(TSS64.ioMap) : null,
  };
}

const cutText = ({ cut }: TwoSlots) =>
  cut === null ? '' : `, upper half ${cut === 'limit' ? 'beyond the limit' : 'not readable'}`;

/** Type of a descriptor in the words of table 3-1 and 3-2. */
export function descriptorTypeName(it: Descriptor): string {
  switch (it.kind) {
    case 'null':
      return 'null';
    case 'upper':
      return 'upper half';
    case 'reserved':
      return `reserved type ${it.type}`;
    case 'gate':
      return `${SHORT_GATES[it.type] ?? ''} gate`;
    case 'call-gate':
      return `call gate${cutText(it)}`;
    case 'ldt':
      return `LDT${cutText(it)}`;
    case 'tss': {
      const bits = it.upper !== null || it.cut !== null ? 64 : it.old ? 16 : 32;
      return `TSS${bits} ${it.busy ? 'busy' : 'available'}${cutText(it)}`;
    }
    case 'segment':
      return it.code
        ? `code${it.long ? '64' : it.big ? '32' : '16'} ${it.access ? 'execute/read' : 'execute only'}${it.special ? ' conforming' : ''}`
        : `data ${it.access ? 'read/write' : 'read only'}${it.special ? ' expand-down' : ''}`;
  }
}

/** A segment register's hidden part, as QEMU tells it: the second half of a descriptor and the limit in bytes. */
export function decodeHidden(selector: number, base: bigint, limit: bigint, flags: bigint, long: boolean): Descriptor {
  const raw = ((flags & 0xffff_ff00n) << 32n) | (limit & 0xffffn) | ((limit & 0xf_0000n) << 32n);
  const it = decodeDescriptor(selector >> 3, raw, long ? 0n : null);
  return it.kind === 'segment' || it.kind === 'tss' || it.kind === 'ldt' ? { ...it, base, limit } : it;
}

/** Whether a stack pointer can be pushed to: the byte below it is an address. */
export function isStackTop(address: bigint): boolean {
  return address >= 8n && isCanonical(address - 8n) && isCanonical(address);
}

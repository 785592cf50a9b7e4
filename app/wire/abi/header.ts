import { type ByteView, decodeUtf8 } from '../../base/bytes.ts';
import { fail, type Result } from '../../base/result.ts';

/**
 * The start that all records of `kernel/abi` share: eight bytes of magic, u32 version, u32 length (kernel/abi/src/lib.rs).
 * All integers are little-endian and naturally aligned.
 */
export const RECORDS = {
  boot: { magic: 'R0BOOTRP', symbol: 'RING0_BOOT_REPORT' },
  trace: { magic: 'R0TRACER', symbol: 'RING0_TRACE_RING' },
  epitaph: { magic: 'R0EPITAP', symbol: 'RING0_EPITAPH' },
  drivers: { magic: 'R0DRIVER', symbol: 'RING0_DRIVER_REGISTRY' },
  msrs: { magic: 'R0MSREGS', symbol: 'RING0_MSRS' },
} as const;
export type RecordKind = keyof typeof RECORDS;

/** Version of `kernel/abi` that these decoders know. */
export const ABI_VERSION = 1;
export const HEADER_BYTES = 16;

export interface RecordHeader {
  readonly version: number;
  /** Length that the record claims, bytes. */
  readonly length: number;
}

/** Whether a record has its magic, and a version that these decoders know. */
export function isRecord(view: ByteView, kind: RecordKind): boolean {
  return readHeader(view, kind, HEADER_BYTES).ok;
}

/** Checks magic and version, and that the record is at least `minimum` bytes long. */
export function readHeader(view: ByteView, kind: RecordKind, minimum: number): Result<RecordHeader> {
  const { magic, symbol } = RECORDS[kind];
  const refuse = (why: string) =>
    fail(
      'bad-record',
      `The kernel's ${kind} record (${symbol}) cannot be read.`,
      why,
      'Either something in the guest has written over it, or kernel and studio are of different versions: then build it again.',
    );
  if (view.length < HEADER_BYTES)
    return refuse(`offset 0: ${view.length} bytes are there, the header has ${HEADER_BYTES}`);
  const found = view.slice(0, 8);
  const wrong = found.findIndex((byte, n) => byte !== magic.charCodeAt(n));
  if (wrong >= 0) return refuse(`offset ${wrong}: magic is ${magicText(found)}, not ${JSON.stringify(magic)}`);
  const version = view.u32(8);
  if (version !== ABI_VERSION) return refuse(`offset 8: version is ${version}, this studio reads ${ABI_VERSION}`);
  const length = view.u32(12);
  if (length < minimum) return refuse(`offset 12: length is ${length}, version ${version} has at least ${minimum}`);
  if (view.length < minimum) return refuse(`${view.length} bytes are there, at least ${minimum} are needed`);
  return { ok: true, value: { version, length } };
}

/** As text where all of it is such, else byte by byte. */
function magicText(bytes: Uint8Array): string {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? JSON.stringify(decodeUtf8(bytes))
    : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** A 64-bit count as a number; `problems` is told of one that no counter reaches, and it is cut to the largest safe integer. */
export function countOf(value: bigint, field: string, problems: string[]): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  problems.push(`${field} is ${value}, which no counter reaches`);
  return Number.MAX_SAFE_INTEGER;
}

/** `tsc_hz`: null where it is zero or no processor runs that fast. */
export function frequencyOf(value: bigint, problems: string[]): number | null {
  if (value === 0n) return null;
  if (value < 1_000_000n || value > 20_000_000_000n) {
    problems.push(`tsc_hz is ${value}, outside of 1 MHz to 20 GHz`);
    return null;
  }
  return Number(value);
}

/** Ticks as nanoseconds, exact to the nearest; null where it is unknown or the span runs backwards. */
export function ticksToNs(start: bigint, end: bigint, hz: number | null): number | null {
  if (hz === null || end < start) return null;
  const ns = ((end - start) * 1_000_000_000n) / BigInt(hz);
  return ns > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(ns);
}

/** The same in milliseconds with three decimals. */
export function ticksToMs(start: bigint, end: bigint, hz: number | null): number | null {
  const ns = ticksToNs(start, end, hz);
  return ns === null ? null : Math.round(ns / 1000) / 1000;
}

/** The name of an enumeration's value, or `invalid`. */
export function nameOf<T extends string>(
  names: readonly T[],
  value: number,
  field: string,
  problems: string[],
): T | 'invalid' {
  const name = names[value];
  if (name !== undefined) return name;
  problems.push(`${field} is ${value}, which means nothing`);
  return 'invalid';
}

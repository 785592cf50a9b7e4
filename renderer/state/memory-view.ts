import { formatAddress } from '../../app/base/address.ts';
import type { MemoryView } from '../../app/contract/inspect/memory.ts';

export const ROW_BYTES = 16;

/** Addresses that something is marked by. */
export interface ByteRange {
  readonly start: bigint;
  readonly bytes: number;
}

/** Of a row's bytes, from the one on, in the upper bits, up to the other, in the lower five; a number, so that it is easily compared. */
export type Span = number;

/** Which bytes of a row a range covers. */
export function spanOf(range: ByteRange | null, address: bigint): Span {
  if (range === null) return 0;
  const clip = (at: bigint) => Number(at < 0n ? 0n : at > 16n ? 16n : at);
  return (clip(range.start - address) << 5) | clip(range.start + BigInt(range.bytes) - address);
}

export function isInSpan(n: number, span: Span): boolean {
  return n >= span >> 5 && n < (span & 31);
}

/** Memory by its addresses, for the rows of a view. */
export interface HexBytes {
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly present: readonly { readonly offset: number; readonly bytes: number }[];
}

const decoded = new WeakMap<MemoryView, HexBytes>();

/** Decoded once, however often it is asked for. */
export function hexBytes(view: MemoryView): HexBytes {
  const known = decoded.get(view);
  if (known !== undefined) return known;
  const text = atob(view.data);
  const bytes = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
  const made = { start: BigInt(view.address), bytes, present: view.present };
  decoded.set(view, made);
  return made;
}

/** The byte at an address; null where there is none, or where it was not looked at. */
export function byteAt({ start, bytes, present }: HexBytes, address: bigint): number | null {
  const offset = Number(address - start);
  if (offset < 0 || offset >= bytes.length) return null;
  const there = present.some((it) => offset >= it.offset && offset < it.offset + it.bytes);
  return there ? (bytes[offset] ?? null) : null;
}

/** What stands in a row's text where there is no byte. */
export const NO_BYTE = 0x100;

/** A row of the view, a character a byte: what is easily compared with the row of another look. */
export function rowText(memory: HexBytes, address: bigint): string {
  const offset = Number(address - memory.start);
  const whole = memory.present.some((it) => offset >= it.offset && offset + ROW_BYTES <= it.offset + it.bytes);
  if (whole && offset + ROW_BYTES <= memory.bytes.length)
    return String.fromCharCode(...memory.bytes.subarray(offset, offset + ROW_BYTES));
  const codes = Array.from({ length: ROW_BYTES }, (_, n) => byteAt(memory, address + BigInt(n)) ?? NO_BYTE);
  return String.fromCharCode(...codes);
}

export function hexByte(value: number | null): string {
  return value === null ? '··' : value.toString(16).padStart(2, '0');
}

/** What a byte is as text; anything that is not printable ASCII is a dot. */
export function asciiOf(value: number | null): string {
  return value === null ? ' ' : value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : '.';
}

export interface Reading {
  readonly name: string;
  readonly text: string;
}

/** The bytes at an address as numbers of each size, little-endian; of a pointer, where it leads. */
export function readings(
  memory: HexBytes,
  address: bigint,
): { readonly list: readonly Reading[]; readonly pointer: string | null } {
  const raw = Array.from({ length: 8 }, (_, n) => byteAt(memory, address + BigInt(n)));
  const there = raw.indexOf(null);
  const length = there < 0 ? 8 : there;
  const view = new DataView(Uint8Array.from(raw.map((value) => value ?? 0)).buffer);
  const list: Reading[] = [];
  if (length >= 1)
    list.push({ name: 'u8', text: String(view.getUint8(0)) }, { name: 'i8', text: String(view.getInt8(0)) });
  if (length >= 2) list.push({ name: 'u16', text: String(view.getUint16(0, true)) });
  if (length >= 4)
    list.push(
      { name: 'u32', text: String(view.getUint32(0, true)) },
      { name: 'i32', text: String(view.getInt32(0, true)) },
      { name: 'f32', text: short(view.getFloat32(0, true)) },
    );
  if (length < 8) return { list, pointer: null };
  const word = view.getBigUint64(0, true);
  list.push({ name: 'u64', text: String(word) }, { name: 'f64', text: short(view.getFloat64(0, true)) });
  return { list, pointer: formatAddress(word) };
}

function short(value: number): string {
  return Number.isFinite(value) ? Number(value.toPrecision(6)).toString() : String(value);
}

/** Eight bytes from a multiple of eight on: what a pointer at the cursor would be. */
export function pointerAt(memory: HexBytes, address: bigint): bigint | null {
  const { pointer } = readings(memory, address & ~7n);
  return pointer === null ? null : BigInt(pointer);
}

/** Bytes to look for: `90 90` or `0x9090` as hex where `hex` says so, else UTF-8 text. Null if it is neither or too long. */
export function patternOf(text: string, hex: boolean): string | null {
  const digits = hex
    ? text.replace(/0x|[\s,_]/gi, '').toLowerCase()
    : [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return /^([0-9a-f]{2}){1,64}$/.test(digits) ? digits : null;
}

/** Where a person has been, as a browser has it. */
export interface Trail {
  readonly back: readonly bigint[];
  readonly here: bigint;
  readonly forward: readonly bigint[];
}

export function goTo(trail: Trail, address: bigint): Trail {
  if (address === trail.here) return trail;
  return { back: [...trail.back, trail.here].slice(-100), here: address, forward: [] };
}

export function goBack({ back, here, forward }: Trail): Trail {
  const to = back.at(-1);
  return to === undefined
    ? { back, here, forward }
    : { back: back.slice(0, -1), here: to, forward: [here, ...forward] };
}

export function goForward({ back, here, forward }: Trail): Trail {
  const [to, ...rest] = forward;
  return to === undefined ? { back, here, forward } : { back: [...back, here], here: to, forward: rest };
}

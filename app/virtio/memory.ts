/** Guest memory as the decoders here need it: everything in it may be nonsense. */

export interface Memory {
  /** `size` bytes at a guest-physical address, or undefined if not all of them are RAM. */
  read(address: bigint, size: number): Uint8Array | undefined;
  /** The same into what the caller brings, where that is cheaper. */
  readInto?(address: bigint, bytes: Uint8Array): boolean;
  /** Where there is RAM. */
  readonly regions: readonly { readonly start: bigint; readonly bytes: bigint }[];
}

/** Queues have at most 2^15 entries (§2.7, §2.8): no decoder here makes more of a size that claims to be larger. */
export const MAX_QUEUE_SIZE = 32768;

const MAX = 0xffff_ffff_ffff_ffffn;

/** Whether a range neither wraps around nor leaves 64 bits. */
export function isRange(address: bigint, size: number): boolean {
  return address >= 0n && size >= 0 && address + BigInt(size) - 1n <= MAX;
}

/** Whether all of a range is RAM, without reading it. */
export function isRam({ regions }: Memory, address: bigint, size: number): boolean {
  const end = address + BigInt(size);
  return regions.some((it) => address >= it.start && end <= it.start + it.bytes);
}

/** Descriptors that may still be looked at: hostile tables could keep a reader busy for hours. */
export interface Budget {
  left: number;
}

const word = new Uint8Array(2);

/** 16 bits of memory, for whoever reads them a thousand times a second. */
export function wordAt(memory: Memory, address: bigint): number | undefined {
  if (memory.readInto !== undefined) return memory.readInto(address, word) ? readU16(word, 0) : undefined;
  const bytes = memory.read(address, 2);
  return bytes === undefined ? undefined : readU16(bytes, 0);
}

export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return (readU16(bytes, offset) | (readU16(bytes, offset + 2) << 16)) >>> 0;
}

export function readU64(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(readU32(bytes, offset + 4)) << 32n) | BigInt(readU32(bytes, offset));
}

import type { Profile } from '../contract/profile.ts';

/**
 * Where guest-physical memory lies in the RAM file. Below 4 GiB the machines leave room for devices; what does not fit under the
 * hole continues at 4 GiB. Held against `info mtree -f` of QEMU 7.2; in QEMU's source: hw/i386/pc_q35.c, pc_piix.c and microvm.c.
 */
export interface RamLayout {
  readonly totalBytes: bigint;
  /** Bytes below the hole; the file's first `lowBytes` bytes are guest-physical 0 and on. */
  readonly lowBytes: bigint;
}

const GIB = 1n << 30n;
const ABOVE = 4n * GIB;

export function ramLayout(machine: Profile['machine'], memoryMiB: number): RamLayout {
  const totalBytes = BigInt(memoryMiB) << 20n;
  const cut = (limit: bigint, low: bigint) => ({ totalBytes, lowBytes: totalBytes < limit ? totalBytes : low });
  switch (machine) {
    case 'q35':
      return cut(0xb000_0000n, 2n * GIB);
    case 'pc':
      return cut(0xe000_0000n, 3n * GIB);
    case 'microvm':
      return cut(3n * GIB + 1n, 3n * GIB);
  }
}

/** The pieces of guest-physical memory that are RAM. */
export function ramRegions({ totalBytes, lowBytes }: RamLayout): { readonly start: bigint; readonly bytes: bigint }[] {
  const low = { start: 0n, bytes: lowBytes };
  return totalBytes > lowBytes ? [low, { start: ABOVE, bytes: totalBytes - lowBytes }] : [low];
}

/** Offset in the RAM file of `[address, address + size)`, or undefined if not all of it is RAM. */
export function ramFileOffset(layout: RamLayout, address: bigint, size: number): bigint | undefined {
  const bytes = BigInt(size);
  if (address < 0n || size < 0) return undefined;
  if (address + bytes <= layout.lowBytes) return address;
  const offset = address - ABOVE + layout.lowBytes;
  return address >= ABOVE && offset + bytes <= layout.totalBytes ? offset : undefined;
}

/** The guest-physical address of a byte of the RAM file. */
export function ramFileAddress(layout: RamLayout, offset: bigint): bigint {
  return offset < layout.lowBytes ? offset : offset - layout.lowBytes + ABOVE;
}

/** The last part of a RAM file's path while it has one. A machine's id is part of it, so that no other file is taken for it. */
export function ramFileName(id: string): string {
  return `ring0-${id}.ram`;
}

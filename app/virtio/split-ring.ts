import { MAX_QUEUE_SIZE, type Memory, readU16, readU32, readU64 } from './memory.ts';

/** The split virtqueue's three parts as bytes: virtio 1.2 §2.7. */

export const DESCRIPTOR_BYTES = 16;
/** §2.7.5. */
export const DESCRIPTOR_FLAG = { NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
/** §2.7.6: in the avail ring "no interrupts, please", in the used ring "no notifications, please". */
export const NO_SIGNAL = 1;

export interface QueuePlace {
  readonly size: number;
  readonly descriptorsAt: bigint;
  readonly availAt: bigint;
  readonly usedAt: bigint;
}

export interface Descriptor {
  readonly address: bigint;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}

export interface UsedElement {
  readonly id: number;
  readonly length: number;
}

export const availBytes = (size: number) => 6 + 2 * size;
export const usedBytes = (size: number) => 6 + 8 * size;

/** The bytes of a queue at one moment. A part that is no RAM is missing. */
export class SplitRings {
  readonly size: number;
  readonly descriptors: Uint8Array | undefined;
  readonly avail: Uint8Array | undefined;
  readonly used: Uint8Array | undefined;

  constructor(
    size: number,
    descriptors: Uint8Array | undefined,
    avail: Uint8Array | undefined,
    used: Uint8Array | undefined,
  ) {
    this.size = size;
    this.descriptors = descriptors;
    this.avail = avail;
    this.used = used;
  }

  descriptor(index: number): Descriptor | undefined {
    if (this.descriptors === undefined || index >= this.size) return undefined;
    return descriptorAt(this.descriptors, index);
  }

  get availFlags(): number {
    return this.avail === undefined ? 0 : readU16(this.avail, 0);
  }
  /** A: where the driver puts the next head. */
  get availIndex(): number {
    return this.avail === undefined ? 0 : readU16(this.avail, 2);
  }
  /** Head at a position, which is not reduced by the size. */
  availHead(position: number): number {
    return this.avail === undefined ? 0 : readU16(this.avail, 4 + 2 * slotOf(position, this.size));
  }
  get usedEvent(): number {
    return this.avail === undefined ? 0 : readU16(this.avail, 4 + 2 * this.size);
  }

  get usedFlags(): number {
    return this.used === undefined ? 0 : readU16(this.used, 0);
  }
  /** U: where the device puts the next element. */
  get usedIndex(): number {
    return this.used === undefined ? 0 : readU16(this.used, 2);
  }
  usedElement(position: number): UsedElement {
    if (this.used === undefined) return { id: 0, length: 0 };
    const at = 4 + 8 * slotOf(position, this.size);
    return { id: readU32(this.used, at), length: readU32(this.used, at + 4) };
  }
  get availEvent(): number {
    return this.used === undefined ? 0 : readU16(this.used, 4 + 8 * this.size);
  }
}

export function descriptorAt(table: Uint8Array, index: number): Descriptor {
  const at = index * DESCRIPTOR_BYTES;
  return {
    address: readU64(table, at),
    length: readU32(table, at + 8),
    flags: readU16(table, at + 12),
    next: readU16(table, at + 14),
  };
}

/** Sizes are powers of two (§2.7), but a device that says otherwise is read all the same. */
export function slotOf(position: number, size: number): number {
  return size === 0 ? 0 : position % size;
}

/** The distance from one free-running index to a later one. */
export function distance(from: number, to: number): number {
  return (to - from) & 0xffff;
}

/** How often a queue is read again when its indices moved meanwhile. */
const ATTEMPTS = 4;

/**
 * Reads a queue. The guest runs on: if an index moved between beginning and end, it is read again, a few times.
 * @returns `torn` if it never stood still
 */
export function readSplitRings(
  memory: Memory,
  place: QueuePlace,
): { readonly rings: SplitRings; readonly torn: boolean } {
  const size = Math.min(place.size, MAX_QUEUE_SIZE);
  for (let attempt = 1; ; attempt++) {
    const used = memory.read(place.usedAt, usedBytes(size));
    const descriptors = memory.read(place.descriptorsAt, size * DESCRIPTOR_BYTES);
    const avail = memory.read(place.availAt, availBytes(size));
    const rings = new SplitRings(size, descriptors, avail, used);
    const after = { avail: memory.read(place.availAt + 2n, 2), used: memory.read(place.usedAt + 2n, 2) };
    const still =
      (after.avail === undefined || readU16(after.avail, 0) === rings.availIndex) &&
      (after.used === undefined || readU16(after.used, 0) === rings.usedIndex);
    if (still || attempt === ATTEMPTS) return { rings, torn: !still };
  }
}

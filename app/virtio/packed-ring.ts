import type { BufferOwner } from '../contract/inspect/virtio.ts';
import { addElement, emptyChain, report, type WalkedChain } from './chain.ts';
import { type Budget, MAX_QUEUE_SIZE, type Memory, readU16, readU32, readU64 } from './memory.ts';
import { DESCRIPTOR_BYTES } from './split-ring.ts';

/** The packed virtqueue: virtio 1.2 §2.8. One ring of descriptors, which driver and device mark by turns. */

/** §2.8.1, §2.8.13: the driver sets AVAIL to its wrap counter and USED to the opposite; the device makes USED equal. */
export const PACKED_FLAG = { NEXT: 1, WRITE: 2, INDIRECT: 4, AVAIL: 1 << 7, USED: 1 << 15 } as const;

export interface PackedDescriptor {
  readonly address: bigint;
  readonly length: number;
  readonly id: number;
  readonly flags: number;
}

/** §2.8.10: what each side wants to be told of. `flags` 0: everything, 1: nothing, 2: the descriptor at `offset`. */
export interface EventSuppression {
  readonly offset: number;
  readonly wrap: number;
  readonly flags: number;
}

export class PackedRing {
  readonly size: number;
  readonly bytes: Uint8Array | undefined;
  readonly driverEvent: EventSuppression | undefined;
  readonly deviceEvent: EventSuppression | undefined;

  constructor(size: number, ring?: Uint8Array, driver?: Uint8Array, device?: Uint8Array) {
    this.size = size;
    this.bytes = ring;
    this.driverEvent = driver === undefined ? undefined : eventOf(driver);
    this.deviceEvent = device === undefined ? undefined : eventOf(device);
  }

  descriptor(index: number): PackedDescriptor | undefined {
    if (this.bytes === undefined || index >= this.size) return undefined;
    const at = index * DESCRIPTOR_BYTES;
    return {
      address: readU64(this.bytes, at),
      length: readU32(this.bytes, at + 8),
      id: readU16(this.bytes, at + 12),
      flags: readU16(this.bytes, at + 14),
    };
  }
}

export function readPackedRing(
  memory: Memory,
  place: { size: number; descriptorsAt: bigint; availAt: bigint; usedAt: bigint },
): PackedRing {
  const size = Math.min(place.size, MAX_QUEUE_SIZE);
  return new PackedRing(
    size,
    memory.read(place.descriptorsAt, size * DESCRIPTOR_BYTES),
    memory.read(place.availAt, 4),
    memory.read(place.usedAt, 4),
  );
}

function eventOf(bytes: Uint8Array): EventSuppression {
  const place = readU16(bytes, 0);
  return { offset: place & 0x7fff, wrap: place >> 15, flags: readU16(bytes, 2) & 3 };
}

/** Made available and not used: AVAIL and USED differ. */
function isAvailable(flags: number): boolean {
  return ((flags & PACKED_FLAG.AVAIL) !== 0) !== ((flags & PACKED_FLAG.USED) !== 0);
}

export interface PackedChain {
  readonly chain: WalkedChain;
  readonly owner: BufferOwner;
}

/**
 * Chains by place, oldest first. Between the device's used index U and its available index L chains are in flight; from L on they are
 * published as long as descriptors are available with the wrap counter that L has. What is behind U is the driver's: the ring does
 * not tell what it has taken back, since it may overwrite it at once.
 */
export function packedChains(
  ring: PackedRing,
  memory: Memory,
  lastAvail: number,
  usedIndex: number,
  inFlight: number,
  budget: Budget,
): PackedChain[] {
  const { size } = ring;
  if (ring.bytes === undefined || size === 0) return [];
  const chains: PackedChain[] = [];
  let at = usedIndex % size;
  let left = size;
  // U equal to L is an empty stretch, unless QEMU says that chains are out.
  const stretch = inFlight === 0 ? 0 : (lastAvail - usedIndex + size) % size || size;
  for (let gone = 0; gone < stretch && left > 0; ) {
    const chain = packedChain(ring, memory, at, left, budget);
    // Used out of order: the hole of a chain that is back already.
    if (isAvailable(ring.descriptor(at)?.flags ?? 0)) chains.push({ chain, owner: 'in-flight' });
    const step = Math.max(1, chain.descriptors.length);
    at = (at + step) % size;
    gone += step;
    left -= step;
  }
  at = lastAvail % size;
  let wrap = (ring.descriptor(at)?.flags ?? 0) & PACKED_FLAG.AVAIL;
  while (left > 0) {
    const flags = ring.descriptor(at)?.flags ?? 0;
    if (!isAvailable(flags) || (flags & PACKED_FLAG.AVAIL) !== wrap) break;
    const chain = packedChain(ring, memory, at, left, budget);
    chains.push({ chain, owner: 'published' });
    const step = Math.max(1, chain.descriptors.length);
    if (at + step >= size) wrap ^= PACKED_FLAG.AVAIL;
    at = (at + step) % size;
    left -= step;
  }
  return chains;
}

/** §2.8.6: a chain lies in one piece, wrapping around, and its id stands in its last descriptor (§2.8.6.1). */
function packedChain(ring: PackedRing, memory: Memory, head: number, room: number, budget: Budget): WalkedChain {
  const chain = emptyChain(head);
  for (let n = 0; ; n++) {
    const index = (head + n) % ring.size;
    if (n >= room || budget.left-- <= 0) {
      report(chain, 'too-long', `the chain at ${head} has more descriptors than the ring has room for`);
      return chain;
    }
    const descriptor = ring.descriptor(index);
    if (descriptor === undefined) return chain;
    chain.descriptors.push(index);
    const { flags } = descriptor;
    if ((flags & PACKED_FLAG.INDIRECT) !== 0) followPackedTable(chain, memory, descriptor, index, budget);
    else addElement(chain, memory, { ...descriptor, index, indirect: false }, `descriptor ${index}`);
    if ((flags & PACKED_FLAG.NEXT) === 0) return chain;
  }
}

/** §2.8.7: the entries of a table lie in order, `next` means nothing, and only WRITE does. */
function followPackedTable(
  chain: WalkedChain,
  memory: Memory,
  descriptor: PackedDescriptor,
  index: number,
  budget: Budget,
): void {
  const entries = Math.min(Math.floor(descriptor.length / DESCRIPTOR_BYTES), MAX_QUEUE_SIZE);
  chain.table = { address: `0x${descriptor.address.toString(16)}`, entries };
  const bytes = entries === 0 ? undefined : memory.read(descriptor.address, entries * DESCRIPTOR_BYTES);
  if (bytes === undefined) {
    report(chain, 'not-ram', `descriptor ${index}: its table at ${chain.table.address} is empty or no RAM`);
    return;
  }
  const table = new PackedRing(entries, bytes);
  for (let n = 0; n < entries && budget.left-- > 0; n++) {
    const entry = table.descriptor(n);
    if (entry !== undefined)
      addElement(chain, memory, { ...entry, index: n, indirect: true }, `indirect descriptor ${n}`);
  }
}

import type { BufferOwner } from '../contract/inspect/virtio.ts';
import { distance, type SplitRings } from './split-ring.ts';

/**
 * Who holds which chain of a split queue.
 *
 *        avail ring:  … taken by the device … L  published  A
 *        used ring:   … taken back … S  returned  U
 *
 * Chains before L that did not come back through the used ring are in flight: L − U of them (§2.7.14 leaves their order free).
 */
export interface Heads {
  /** By position, oldest first. */
  readonly published: readonly Owned[];
  readonly inFlight: readonly Owned[];
  readonly returned: readonly Owned[];
  /** What cannot be. */
  readonly problems: readonly string[];
}

export interface Owned {
  readonly head: number;
  /** Its position in the avail ring (in the used ring for a returned one), not reduced by the size. */
  readonly position: number;
}

/**
 * @param lastAvail L; null where nobody told: then what is not used counts as in flight
 * @param lastUsed S; null where nobody told: then nothing counts as returned
 */
export function ownersOf(rings: SplitRings, lastAvail: number | null, lastUsed: number | null): Heads {
  const problems: string[] = [];
  const { size, availIndex, usedIndex } = rings;
  const taken = lastAvail ?? availIndex;
  const bounded = (what: string, wanted: number) => {
    if (wanted <= size) return wanted;
    problems.push(`${what}: ${wanted} chains, the queue has room for ${size}`);
    return 0;
  };
  const publishedCount = bounded(`avail.idx is ${availIndex}, the device is at ${taken}`, distance(taken, availIndex));
  const inFlightCount = bounded(
    `the device has taken ${taken} and used.idx is ${usedIndex}`,
    distance(usedIndex, taken),
  );
  const returnedCount =
    lastUsed === null
      ? 0
      : bounded(`used.idx is ${usedIndex}, the driver is at ${lastUsed}`, distance(lastUsed, usedIndex));
  const run = (from: number, count: number, head: (position: number) => number): Owned[] =>
    Array.from({ length: count }, (_, n) => {
      const position = (from + n) & 0xffff;
      return { head: head(position), position };
    });
  return {
    published: run(taken, publishedCount, (it) => rings.availHead(it)),
    inFlight: inFlightOf(rings, taken, inFlightCount),
    returned: run(usedIndex - returnedCount, returnedCount, (it) => rings.usedElement(it).id),
    problems,
  };
}

/**
 * The `count` chains that were taken and did not come back. Takes and uses of the last `size` positions are set off against each
 * other; where a device works out of order, what is left over at the window's old end goes.
 */
function inFlightOf(rings: SplitRings, taken: number, count: number): Owned[] {
  if (count === 0) return [];
  const { size } = rings;
  const window = isFresh(rings, taken) ? Math.max(count, taken) : size;
  const uses = new Map<number, number>();
  for (let n = 1; n <= window - count; n++) {
    const { id } = rings.usedElement((rings.usedIndex - n) & 0xffff);
    uses.set(id, (uses.get(id) ?? 0) + 1);
  }
  const found: Owned[] = [];
  for (let n = 1; n <= window && found.length < count; n++) {
    const position = (taken - n) & 0xffff;
    const head = rings.availHead(position);
    const left = uses.get(head) ?? 0;
    if (left > 0) uses.set(head, left - 1);
    else if (!found.some((it) => it.head === head)) found.push({ head, position });
  }
  return found.reverse();
}

/** Whether the ring is in its first lap: an index below the size, and nothing beyond it. It may also have just wrapped at 65536. */
function isFresh(rings: SplitRings, taken: number): boolean {
  for (let slot = Math.max(taken, rings.availIndex); slot < rings.size; slot++)
    if (rings.availHead(slot) !== 0) return false;
  return taken < rings.size;
}

export const OWNERS: readonly BufferOwner[] = ['free', 'published', 'in-flight', 'returned'];

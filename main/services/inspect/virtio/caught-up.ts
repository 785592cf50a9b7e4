import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Memory, readU16 } from '../../../../app/virtio/memory.ts';
import type { QueueFacts } from '../../../../app/virtio/queue-view.ts';
import { distance } from '../../../../app/virtio/split-ring.ts';
import type { SeenDevice } from './seen.ts';

type Accepted = Pick<SeenDevice, 'accepted'>;

/** What was known of a queue before its rings are read. */
export interface Before {
  /** used.idx before QEMU was asked; undefined of a packed queue. */
  readonly used: number | undefined;
  /** Guest-physical address of the driver's own index into the used ring; null where nobody knows it. */
  readonly lastUsedAt: bigint | null;
}

/**
 * Of a queue that went on while others were asked: how far the driver is, as it says now; and the device has taken at least what it has
 * given back since. A device that stands where it stood is left as QEMU told, also if that cannot be. The driver's index is read
 * first: it never passes used.idx, which is read after it.
 */
export function caughtUp(
  memory: Memory,
  seen: Accepted,
  facts: QueueFacts,
  { used: before, lastUsedAt }: Before,
): QueueFacts {
  const own = lastUsedAt === null ? undefined : memory.read(lastUsedAt, 2);
  const driver =
    own === undefined || facts.driver === null ? facts.driver : { ...facts.driver, lastUsed: readU16(own, 0) };
  const used = usedIndex(memory, seen, facts);
  const { device, size } = facts;
  if (device === null || used === undefined || before === undefined || used === before) return { ...facts, driver };
  const lastAvail = distance(used, device.lastAvail) <= size ? device.lastAvail : used;
  return { ...facts, driver, device: { ...device, lastAvail, used, inFlight: distance(used, lastAvail) } };
}

/** used.idx of a split queue (§2.7.8), as it is in memory now. A packed one has none: flags are at its place (§2.8.14). */
export function usedIndex(
  memory: Memory,
  { accepted }: Accepted,
  { usedAt }: Pick<QueueFacts, 'usedAt'>,
): number | undefined {
  if (hasFeature(accepted, FEATURE.RING_PACKED)) return undefined;
  const used = memory.read(usedAt + 2n, 2);
  return used === undefined ? undefined : readU16(used, 0);
}

import { ok, type Result } from '../../../../app/base/result.ts';
import type { DeviceSide, VirtioQueue, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Memory, readU16 } from '../../../../app/virtio/memory.ts';
import { type QueueFacts, readQueue } from '../../../../app/virtio/queue-view.ts';
import { distance } from '../../../../app/virtio/split-ring.ts';
import { lastUsedOffset } from '../../../../app/wire/abi/index.ts';
import { Paced } from '../paced.ts';
import { readDrivers } from '../records.ts';
import type { InspectTarget } from '../target.ts';
import { lookSettled } from '../target.ts';
import { registrySide } from './driver-side.ts';
import { askQueue } from './gather.ts';
import { type Look, type SeenDevice, VirtioLooker } from './look.ts';
import { registryIn } from './registry-place.ts';

/** Looks at a queue that stood while QEMU was asked: a whole table is read, which a guest that works rarely lets stand. */
const QUIET_ATTEMPTS = 2;

/**
 * All queues of a target as they are now, for whoever looks often. QEMU takes half a millisecond for each question: what a driver has
 * set up (features, addresses) it is asked now and then, and how far its device is only where the rings leave that open.
 */
export class QueueSnapshots {
  readonly #target: InspectTarget;
  readonly #setup: Paced<Result<Look>>;

  constructor(target: InspectTarget) {
    this.#target = target;
    const looker = new VirtioLooker(target);
    this.#setup = new Paced(() => looker.look([], false));
  }

  async take(): Promise<Result<VirtioReport>> {
    const look = await this.#setup.get();
    if (!look.ok) return look;
    const { devices, source, problems, slots, paging, registryAt } = look.value;
    const queues = devices.flatMap((device) => device.queues.map((facts) => ({ device, facts })));
    const rings = await this.#target.look((memory) =>
      queues.map(({ device, facts }) => ({ side: ringsSay(memory, device, facts), used: usedIndex(memory, facts) })),
    );
    if (!rings.ok) return rings;
    const sides = await Promise.all(
      queues.map(async ({ device, facts }, n) => {
        const known = rings.value[n]?.side;
        if (known !== undefined || facts.device === null) return known ?? facts.device;
        return (await askQueue(this.#target, device.device.path, facts.index))?.device ?? facts.device;
      }),
    );
    // After the questions: a driver that works has gone on meanwhile.
    const drivers = await readDrivers(this.#target);
    const registry = await this.#target.look((memory) =>
      paging === null || registryAt === null ? null : registryIn(memory, paging, registryAt),
    );
    const seen: Result<VirtioQueue>[] = [];
    for (const [n, { device, facts }] of queues.entries()) {
      const entry = drivers.ok && device.entry !== null ? drivers.value.devices[device.entry] : undefined;
      const driver = entry === undefined ? facts.driver : registrySide(entry, facts.index);
      const slot = slots.get(`${device.entry} ${facts.index}`);
      const lastUsedAt =
        registry.ok && registry.value !== null && device.entry !== null && slot !== undefined
          ? registry.value + BigInt(lastUsedOffset(device.entry, slot))
          : null;
      const before = { used: rings.value[n]?.used, lastUsedAt };
      seen.push(await this.#queue(device, { ...facts, device: sides[n] ?? null, driver }, before));
    }
    const failed = seen.find((it) => !it.ok);
    if (failed !== undefined && !failed.ok) return failed;
    const values = seen.flatMap((it) => (it.ok ? [it.value] : []));
    let first = 0;
    return ok({
      at: Date.now(),
      apartMs: 0,
      source,
      devices: devices.map((it) => {
        const own = values.slice(first, first + it.queues.length);
        first += it.queues.length;
        return { ...it.device, queues: own, verdicts: [] };
      }),
      problems: [...problems],
    });
  }

  async #queue(
    { device, accepted, queues }: SeenDevice,
    facts: QueueFacts,
    before: Before,
  ): Promise<Result<VirtioQueue>> {
    const type = { type: device.type, queueCount: queues.length, features: accepted };
    const sides = JSON.stringify([facts.device, facts.driver]);
    const key = [accepted, facts.size, facts.descriptorsAt, facts.availAt, facts.usedAt, sides];
    const now = await this.#target.look((memory) => usedIndex(memory, facts));
    if (!now.ok) return now;
    // What moves so fast is not found still a moment later: then one look, which says that it is torn.
    const attempts = now.value === before.used ? QUIET_ATTEMPTS : 1;
    const settled = await lookSettled(
      this.#target,
      `queue ${device.path} ${facts.index}`,
      key,
      (memory) => readQueue(memory, type, caughtUp(memory, facts, before)),
      attempts,
    );
    if (!settled.ok) return settled;
    const { value, torn } = settled.value;
    return ok(torn && !value.torn ? { ...value, torn } : value);
  }
}

function usedIndex(memory: Memory, { usedAt }: QueueFacts): number | undefined {
  const used = memory.read(usedAt + 2n, 2);
  return used === undefined ? undefined : readU16(used, 0);
}

/** What was known of a queue before its rings are read. */
interface Before {
  /** used.idx before QEMU was asked. */
  readonly used: number | undefined;
  /** Guest-physical address of the driver's own index, in the registry of our kernel; null elsewhere. */
  readonly lastUsedAt: bigint | null;
}

/**
 * Of a queue that went on while others were asked: how far the driver is, as it says now; and the device has taken at least what it has
 * given back since. A device that stands where it stood is left as QEMU told, also if that cannot be. The driver's index is read
 * first: it never passes used.idx, which is read after it.
 */
export function caughtUp(memory: Memory, facts: QueueFacts, { used: before, lastUsedAt }: Before): QueueFacts {
  const own = lastUsedAt === null ? undefined : memory.read(lastUsedAt, 2);
  const driver =
    own === undefined || facts.driver === null ? facts.driver : { ...facts.driver, lastUsed: readU16(own, 0) };
  const used = usedIndex(memory, facts);
  const { device, size } = facts;
  if (device === null || used === undefined || before === undefined || used === before) return { ...facts, driver };
  const lastAvail = distance(used, device.lastAvail) <= size ? device.lastAvail : used;
  return { ...facts, driver, device: { ...device, lastAvail, used, inFlight: distance(used, lastAvail) } };
}

/**
 * What the rings say of the device: one that has given back all that was published has taken all of it, and nothing is in flight, since
 * used ≤ taken ≤ published (§2.7.14). Undefined where they leave it open, and where there is nothing to ask.
 */
export function ringsSay(
  memory: Memory,
  { accepted }: Pick<SeenDevice, 'accepted'>,
  facts: QueueFacts,
): DeviceSide | undefined {
  if (facts.device === null || hasFeature(accepted, FEATURE.RING_PACKED)) return undefined;
  const avail = memory.read(facts.availAt + 2n, 2);
  const used = memory.read(facts.usedAt + 2n, 2);
  if (avail === undefined || used === undefined) return facts.device;
  const [index, back] = [readU16(avail, 0), readU16(used, 0)];
  if (index !== back) return undefined;
  if (facts.device.used === back && facts.device.lastAvail === index) return facts.device;
  return { lastAvail: index, shadowAvail: index, used: index, signalledUsed: null, inFlight: 0 };
}

const snapshots = new WeakMap<InspectTarget, QueueSnapshots>();

/** The queues of a target without verdicts. */
export function readRingsOnly(target: InspectTarget): Promise<Result<VirtioReport>> {
  let known = snapshots.get(target);
  if (known === undefined) {
    known = new QueueSnapshots(target);
    snapshots.set(target, known);
  }
  return known.take();
}

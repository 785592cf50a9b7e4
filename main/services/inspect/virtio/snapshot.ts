import { ok, type Result } from '../../../../app/base/result.ts';
import type { DeviceSide, VirtioQueue, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Memory, readU16 } from '../../../../app/virtio/memory.ts';
import { type QueueFacts, readQueue } from '../../../../app/virtio/queue-view.ts';
import { Paced } from '../paced.ts';
import { readDrivers } from '../records.ts';
import type { InspectTarget } from '../target.ts';
import { lookSettled } from '../target.ts';
import { type Before, caughtUp, usedIndex } from './caught-up.ts';
import { DeviceSides } from './device-sides.ts';
import { driverNow } from './driver-side.ts';
import { lastUsedPlaces } from './last-used.ts';
import { VirtioLooker } from './look.ts';
import { deviceFacts, type Look, queueKey, type SeenDevice } from './seen.ts';

/** Looks at a queue that stood since the last look: a whole table is read, which a guest that works rarely lets stand. */
const QUIET_ATTEMPTS = 2;

/**
 * All queues of a target as they are now, for whoever looks often. QEMU takes half a millisecond for each question, and many times that
 * while it works for the guest's devices: what a driver has set up (features, addresses) it is asked now and then, and how far its device
 * is only where the rings leave that open, within the same share of the time.
 */
export class QueueSnapshots {
  readonly #target: InspectTarget;
  readonly #setup: Paced<Result<Look>>;
  readonly #sides: DeviceSides;

  constructor(target: InspectTarget) {
    this.#target = target;
    const looker = new VirtioLooker(target);
    this.#setup = new Paced(() => looker.look([], false));
    this.#sides = new DeviceSides(target);
  }

  async take(): Promise<Result<VirtioReport>> {
    const look = await this.#setup.get();
    if (!look.ok) return look;
    const { devices, source, problems } = look.value;
    const queues = devices.flatMap((device) => device.queues.map((facts) => ({ device, facts })));
    const rings = await this.#target.look((memory) =>
      queues.map(({ device, facts }) => ({
        side: ringsSay(memory, device, facts),
        used: usedIndex(memory, device, facts),
      })),
    );
    if (!rings.ok) return rings;
    const sides = await Promise.all(
      queues.map(async ({ device, facts }, n) => {
        const { side, used } = rings.value[n] ?? {};
        if (side !== undefined || facts.device === null) return { side: side ?? facts.device, used };
        return await this.#sides.of(device, facts);
      }),
    );
    // After the questions: a driver that works has gone on meanwhile.
    const drivers = await readDrivers(this.#target);
    const places = await this.#target.look((memory) => lastUsedPlaces(memory, look.value));
    if (!places.ok) return places;
    const seen: Result<VirtioQueue>[] = [];
    for (const [n, { device, facts }] of queues.entries()) {
      const before = {
        used: sides[n]?.used,
        lastUsedAt: places.value.get(queueKey(device.device.path, facts.index)) ?? null,
      };
      seen.push(
        await this.#queue(
          device,
          { ...facts, device: sides[n]?.side ?? null, driver: driverNow(drivers, device, facts) },
          before,
        ),
      );
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

  async #queue(seen: SeenDevice, facts: QueueFacts, before: Before): Promise<Result<VirtioQueue>> {
    const type = deviceFacts(seen);
    const sides = JSON.stringify([facts.device, facts.driver]);
    const places = [facts.size, facts.descriptorsAt, facts.availAt, facts.usedAt, before.lastUsedAt];
    const key = [seen.accepted, ...places, before.used, sides];
    const now = await this.#target.look((memory) => usedIndex(memory, seen, facts));
    if (!now.ok) return now;
    // What moves so fast is not found still a moment later: then one look, which says that it is torn.
    const attempts = now.value === before.used ? QUIET_ATTEMPTS : 1;
    const settled = await lookSettled(
      this.#target,
      `queue ${queueKey(seen.device.path, facts.index)}`,
      key,
      (memory) => readQueue(memory, type, caughtUp(memory, seen, facts, before)),
      attempts,
    );
    if (!settled.ok) return settled;
    const { value, torn } = settled.value;
    return ok(torn && !value.torn ? { ...value, torn } : value);
  }
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

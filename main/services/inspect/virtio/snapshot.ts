import { ok, type Result } from '../../../../app/base/result.ts';
import type { DeviceSide, VirtioQueue, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type Memory, readU16 } from '../../../../app/virtio/memory.ts';
import { type QueueFacts, readQueue } from '../../../../app/virtio/queue-view.ts';
import { Paced } from '../paced.ts';
import { readDrivers } from '../records.ts';
import type { InspectTarget } from '../target.ts';
import { lookSettled } from '../target.ts';
import { registrySide } from './driver-side.ts';
import { askQueue } from './gather.ts';
import { type Look, type SeenDevice, VirtioLooker } from './look.ts';

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
    this.#setup = new Paced(() => looker.look(null, false));
  }

  async take(): Promise<Result<VirtioReport>> {
    const [look, drivers] = await Promise.all([this.#setup.get(), readDrivers(this.#target)]);
    if (!look.ok) return look;
    const { devices, source, problems } = look.value;
    const rings = await this.#target.look((memory) =>
      devices.map((it) => it.queues.map((facts) => ringsSay(memory, it, facts))),
    );
    if (!rings.ok) return rings;
    const seen = await Promise.all(
      devices.map(async (device, n) => {
        const entry = drivers.ok && device.entry !== null ? drivers.value.devices[device.entry] : undefined;
        const queues = await Promise.all(
          device.queues.map((facts, at) =>
            this.#queue(
              device,
              {
                ...facts,
                device: rings.value[n]?.[at] ?? facts.device,
                driver: entry === undefined ? facts.driver : registrySide(entry, facts.index),
              },
              rings.value[n]?.[at] === undefined,
            ),
          ),
        );
        const failed = queues.find((it) => !it.ok);
        if (failed !== undefined) return failed;
        return ok({ ...device.device, queues: queues.flatMap((it) => (it.ok ? [it.value] : [])), verdicts: [] });
      }),
    );
    const failed = seen.find((it) => !it.ok);
    if (failed !== undefined && !failed.ok) return failed;
    return ok({
      at: Date.now(),
      apartMs: 0,
      source,
      devices: seen.flatMap((it) => (it.ok ? [it.value] : [])),
      problems: [...problems],
    });
  }

  async #queue(
    { device, accepted, queues }: SeenDevice,
    facts: QueueFacts,
    isOpen: boolean,
  ): Promise<Result<VirtioQueue>> {
    const asked = isOpen && facts.device !== null ? await askQueue(this.#target, device.path, facts.index) : undefined;
    const now = asked === undefined ? facts : { ...facts, device: asked.device };
    const type = { type: device.type, queueCount: queues.length, features: accepted };
    const key = [
      accepted,
      now.size,
      now.descriptorsAt,
      now.availAt,
      now.usedAt,
      JSON.stringify([now.device, now.driver]),
    ];
    const settled = await lookSettled(this.#target, `queue ${device.path} ${facts.index}`, key, (memory) =>
      readQueue(memory, type, now),
    );
    return settled.ok ? ok(settled.value.value) : settled;
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

import type { Result } from '../../../../app/base/result.ts';
import type { DeviceSide, VirtioQueue } from '../../../../app/contract/inspect/virtio.ts';
import { FEATURE, hasFeature } from '../../../../app/virtio/features.ts';
import { type DeviceFacts, type QueueFacts, readQueue } from '../../../../app/virtio/queue-view.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import { ATTEMPTS, readOnce } from '../kept-answers.ts';
import { readDrivers } from '../records.ts';
import type { InspectTarget } from '../target.ts';
import { type Before, caughtUp, usedIndex } from './caught-up.ts';
import { driverNow } from './driver-side.ts';
import { askQueue } from './gather.ts';
import { lastUsedPlaces } from './last-used.ts';
import type { Look, SeenDevice, WholeDevice } from './seen.ts';

/** What a queue was found to be after the look, by `PATH QUEUE`. */
interface Since {
  readonly device: DeviceSide | null;
  /** used.idx before QEMU was asked again. */
  readonly used: number | undefined;
}

/**
 * All queues of a look, as memory has them now. QEMU was asked a hundred things meanwhile: of queues that went on it is asked again, and
 * what the driver and the rings know better is put right, so that nobody is shown further behind than he is.
 */
export async function ringsNow(target: InspectTarget, look: Look): Promise<Result<WholeDevice[]>> {
  if (target.still) return target.look((memory) => look.devices.map((it) => readRings(memory, it)));
  const moved = await target.look((memory) => look.devices.flatMap((it) => movedQueues(memory, it)));
  if (!moved.ok) return moved;
  const asked = moved.value.map(async ({ path, facts, used }): Promise<[string, Since]> => {
    const told = await askQueue(target, path, facts.index);
    return [`${path} ${facts.index}`, { device: told?.device ?? facts.device, used }];
  });
  const since = new Map(await Promise.all(asked));
  const drivers = await readDrivers(target);
  return await target.look((memory) => {
    const places = lastUsedPlaces(memory, look);
    return look.devices.map((seen): WholeDevice => {
      const { device, accepted, queues } = seen;
      if (hasFeature(accepted, FEATURE.RING_PACKED)) return readRings(memory, seen);
      const type = { type: device.type, queueCount: queues.length, features: accepted };
      return {
        ...device,
        queues: queues.map((facts) => {
          const key = `${device.path} ${facts.index}`;
          const { device: told, used } = since.get(key) ?? { device: facts.device, used: facts.device?.used };
          const before = { used, lastUsedAt: places.get(key) ?? null };
          return settledQueue(
            memory,
            type,
            { ...facts, device: told, driver: driverNow(drivers, seen, facts) },
            before,
          );
        }),
      };
    });
  });
}

/** The indices that are put right are those of the rings that are shown: every page is read once. */
function settledQueue(memory: GuestMemory, type: DeviceFacts, facts: QueueFacts, before: Before): VirtioQueue {
  for (let attempt = 1; ; attempt++) {
    const { value, reads } = readOnce(memory, (once) => readQueue(once, type, caughtUp(once, facts, before)));
    const stands = reads.standsIn(memory);
    if (stands || attempt === ATTEMPTS) return { ...value, torn: value.torn || !stands };
  }
}

/** Split queues whose used.idx is not what QEMU has told. */
function movedQueues(memory: GuestMemory, { device, accepted, queues }: SeenDevice) {
  if (hasFeature(accepted, FEATURE.RING_PACKED)) return [];
  return queues.flatMap((facts) => {
    const used = usedIndex(memory, facts);
    const moved = facts.device !== null && used !== undefined && used !== facts.device.used;
    return moved ? [{ path: device.path, facts, used }] : [];
  });
}

export function readRings(memory: GuestMemory, { device, accepted, queues }: SeenDevice): WholeDevice {
  const facts = { type: device.type, queueCount: queues.length, features: accepted };
  return { ...device, queues: queues.map((queue) => readQueue(memory, facts, queue)) };
}

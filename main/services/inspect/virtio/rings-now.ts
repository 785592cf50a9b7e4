import type { Result } from '../../../../app/base/result.ts';
import type { DeviceSide, VirtioQueue } from '../../../../app/contract/inspect/virtio.ts';
import { type QueueFacts, readQueue } from '../../../../app/virtio/queue-view.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import { settle } from '../kept-answers.ts';
import { readDrivers } from '../records.ts';
import type { InspectTarget } from '../target.ts';
import { type Before, caughtUp, usedIndex } from './caught-up.ts';
import { driverNow } from './driver-side.ts';
import { askQueue } from './gather.ts';
import { lastUsedPlaces } from './last-used.ts';
import { deviceFacts, type Look, queueKey, type SeenDevice, type WholeDevice } from './seen.ts';

/** What a queue was found to be after the look, by `queueKey`. */
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
    return [queueKey(path, facts.index), { device: told?.device ?? facts.device, used }];
  });
  const since = new Map(await Promise.all(asked));
  const drivers = await readDrivers(target);
  return await target.look((memory) => {
    const places = lastUsedPlaces(memory, look);
    return look.devices.map((seen): WholeDevice => {
      const now = (facts: QueueFacts) => {
        const key = queueKey(seen.device.path, facts.index);
        const { device, used } = since.get(key) ?? { device: facts.device, used: facts.device?.used };
        const known = { ...facts, device, driver: driverNow(drivers, seen, facts) };
        return settledQueue(memory, seen, known, { used, lastUsedAt: places.get(key) ?? null });
      };
      return { ...seen.device, queues: seen.queues.map(now) };
    });
  });
}

/** The indices that are put right are those of the rings that are shown: every page is read once. */
function settledQueue(memory: GuestMemory, seen: SeenDevice, facts: QueueFacts, before: Before): VirtioQueue {
  const { value, torn } = settle(memory, (once) =>
    readQueue(once, deviceFacts(seen), caughtUp(once, seen, facts, before)),
  );
  return { ...value, torn: value.torn || torn };
}

/** Split queues whose used.idx is not what QEMU has told. */
function movedQueues(memory: GuestMemory, seen: SeenDevice) {
  return seen.queues.flatMap((facts) => {
    const used = usedIndex(memory, seen, facts);
    const moved = facts.device !== null && used !== undefined && used !== facts.device.used;
    return moved ? [{ path: seen.device.path, facts, used }] : [];
  });
}

/** The rings as they lie there, beside what the look knew. */
export function readRings(memory: GuestMemory, seen: SeenDevice): WholeDevice {
  return { ...seen.device, queues: seen.queues.map((queue) => readQueue(memory, deviceFacts(seen), queue)) };
}

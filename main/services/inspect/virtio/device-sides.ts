import type { DeviceSide } from '../../../../app/contract/inspect/virtio.ts';
import type { QueueFacts } from '../../../../app/virtio/queue-view.ts';
import { Paced } from '../paced.ts';
import type { InspectTarget } from '../target.ts';
import { usedIndex } from './caught-up.ts';
import { askQueue } from './gather.ts';
import { queueKey, type SeenDevice } from './seen.ts';

/** QEMU's word of a device, and used.idx just before it was asked for it. */
export interface Told {
  readonly side: DeviceSide | null;
  readonly used: number | undefined;
}

interface Queue {
  readonly facts: QueueFacts;
  readonly told: Paced<Told>;
}

/**
 * How far devices are where their rings leave that open, for whoever looks often. The device of a queue in motion is elsewhere before
 * QEMU has answered, which takes it milliseconds then: looks in a row share an answer, and `caughtUp` puts right what the rings know
 * better since.
 */
export class DeviceSides {
  readonly #target: InspectTarget;
  readonly #queues = new Map<string, Queue>();

  constructor(target: InspectTarget) {
    this.#target = target;
  }

  of(seen: SeenDevice, facts: QueueFacts): Promise<Told> {
    const key = queueKey(seen.device.path, facts.index);
    const known = this.#queues.get(key);
    // A queue that has been set up anew begins anew.
    if (known !== undefined && known.facts.availAt === facts.availAt && known.facts.usedAt === facts.usedAt)
      return known.told.get();
    const told = new Paced(() => this.#ask(seen, facts));
    this.#queues.set(key, { facts, told });
    return told.get();
  }

  async #ask(seen: SeenDevice, facts: QueueFacts): Promise<Told> {
    const used = await this.#target.look((memory) => usedIndex(memory, seen, facts));
    const queue = await askQueue(this.#target, seen.device.path, facts.index);
    return { side: queue?.device ?? facts.device, used: used.ok ? used.value : undefined };
  }
}

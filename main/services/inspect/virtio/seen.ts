import type { DriverSide, VirtioDevice, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import type { DeviceFacts, QueueFacts } from '../../../../app/virtio/queue-view.ts';
import type { ProcessorFacts } from '../../../../app/virtio/verdict/index.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import type { PagingRegisters } from '../../../../app/x86/paging.ts';

/** A device without its verdicts, with what is needed to read its queues again. */
export interface SeenDevice {
  readonly device: Omit<VirtioDevice, 'verdicts' | 'queues'>;
  readonly accepted: bigint;
  readonly queues: readonly QueueFacts[];
  /** Number of its driver's entry in the registry. */
  readonly entry: number | null;
}

/** What its queues are read by. */
export const deviceFacts = ({ device, accepted, queues }: SeenDevice): DeviceFacts => {
  return { type: device.type, queueCount: queues.length, features: accepted };
};

/** A queue among all of a machine, `PATH QUEUE`: what is known of queues is kept by it. */
export const queueKey = (path: string, queue: number) => `${path} ${queue}`;

/** What variables that a person has named say of a queue. */
export interface NamedSide {
  readonly side: DriverSide;
  /** Guest-physical address of the driver's index into the used ring, now; null where a number was given, or nothing. */
  lastUsedAt(memory: GuestMemory): bigint | null;
}

/** One look: all that QEMU, the registry and the processors tell. The rings are read afterwards, by `ringsNow`. */
export interface Look {
  readonly at: number;
  /** Of the monotonic clock. */
  readonly atMs: number;
  readonly source: VirtioReport['source'];
  readonly devices: readonly SeenDevice[];
  readonly processors: readonly ProcessorFacts[];
  readonly running: boolean;
  readonly paging: PagingRegisters | null;
  /** Linear address of the driver registry by the image; null without one. */
  readonly registryAt: bigint | null;
  /** Slots of the registry that describe a queue, by `ENTRY QUEUE`. */
  readonly slots: ReadonlyMap<string, number>;
  /** Of queues whose driver's variables a person has named, by `queueKey`. */
  readonly named: ReadonlyMap<string, NamedSide>;
  readonly problems: readonly string[];
}

/** A device with its rings, before anybody judges it. */
export type WholeDevice = Omit<VirtioDevice, 'verdicts'>;

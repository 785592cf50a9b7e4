import type { Verdict, VirtioDevice, VirtioQueue } from '../../contract/inspect/virtio.ts';
import { distance } from '../split-ring.ts';

/** A processor, as far as a hang depends on it. */
export interface ProcessorFacts {
  readonly index: number;
  /** RFLAGS.IF. */
  readonly interruptsEnabled: boolean;
  readonly halted: boolean;
  readonly rip: bigint;
  /** At the look before. */
  readonly ripBefore: bigint | null;
  /** Function and line, where the image tells. */
  readonly symbol: string | null;
  /** Vectors that its local APIC has in service and waiting (Intel SDM Vol. 3A §11.8.4); null where nobody told. */
  readonly inService: readonly number[] | null;
  readonly requested: readonly number[] | null;
}

/** All that a rule may look at: one look at a device, or two at different times. */
export interface Evidence {
  readonly device: Omit<VirtioDevice, 'verdicts'>;
  /** The same at an earlier time. Only two looks tell what stands still from what is busy. */
  readonly before: Omit<VirtioDevice, 'verdicts'> | null;
  readonly apartMs: number;
  readonly processors: readonly ProcessorFacts[];
  /** Whether the guest's processors run; a paused machine proves nothing by standing still. */
  readonly running: boolean;
  /** Where the running kernel's page tables lead; undefined if nowhere. */
  readonly toPhysical: (address: bigint) => bigint | undefined;
  /** Whether it is guest RAM. */
  readonly isRam: (address: bigint, size: number) => boolean;
}

export type Finding = Pick<Verdict, 'severity' | 'confidence' | 'title' | 'explanation' | 'fix'> & {
  readonly id: string;
  readonly section: string;
  readonly evidence: readonly (readonly [what: string, value: string])[];
};

export interface DeviceRule {
  readonly about: 'device';
  readonly look: (evidence: Evidence) => Finding | undefined;
}

export interface QueueRule {
  readonly about: 'queue';
  readonly look: (evidence: Evidence, queue: VirtioQueue, facts: QueueProgress) => Finding | undefined;
}

/** A queue's indices, and whether they moved between the two looks. */
export interface QueueProgress {
  readonly before: VirtioQueue | undefined;
  /** A, L, U, S of facts/virtqueues.md; null where nobody told. */
  readonly avail: number;
  readonly lastAvail: number | null;
  readonly used: number;
  readonly lastUsed: number | null;
  /** Published and not taken by the device; taken and not given back; given back and not taken by the driver. */
  readonly pending: number;
  readonly inFlight: number;
  readonly returned: number | null;
  /** None of the indices moved between two looks at a running guest. */
  readonly stuck: boolean;
  /** They did. */
  readonly moved: boolean;
}

export function progressOf(evidence: Evidence, queue: VirtioQueue): QueueProgress {
  const before = evidence.before?.queues.find((it) => it.index === queue.index);
  const indices = (it: VirtioQueue) => ({
    avail: it.avail?.index ?? 0,
    lastAvail: it.device?.lastAvail ?? null,
    used: it.used?.index ?? 0,
    lastUsed: it.driver?.lastUsed ?? null,
  });
  const now = indices(queue);
  const same = before !== undefined && JSON.stringify(indices(before)) === JSON.stringify(now);
  const split = queue.layout === 'split';
  return {
    before,
    ...now,
    pending: split ? distance(now.lastAvail ?? now.used, now.avail) : queue.counts.published,
    inFlight: split && now.lastAvail !== null ? distance(now.used, now.lastAvail) : (queue.device?.inFlight ?? 0),
    returned: now.lastUsed === null ? null : distance(now.lastUsed, now.used),
    stuck: same && evidence.running && evidence.apartMs > 0,
    moved: before !== undefined && !same,
  };
}

/** How long nothing moved, as evidence. */
export function stillness({ apartMs }: Evidence): readonly [string, string] {
  return ['between two looks', `no index moved in ${apartMs.toFixed(0)} ms`];
}

/** A machine with one virtio-rng device, for tests of what follows it: its rings are a `SampleQueue`, and QEMU's answers are put in its mouth. */
import { fail, ok, type Result } from '../../../../app/base/result.ts';
import type { QueryArguments } from '../../../../app/contract/index.ts';
import { SampleQueue } from '../../../../app/virtio/sample.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import type { InspectTarget, ScannableMemory } from '../target.ts';

const PATH = '/machine/peripheral/rng0/virtio-backend';
const NOTHING = fail('not-there', 'Nothing of the kind is there.', 'this is a sample', '');

export class SampleTarget implements InspectTarget {
  readonly kind = 'live';
  readonly access = 'ram-file';
  readonly info = null;
  readonly kept = null;
  readonly still: boolean;
  readonly queue = new SampleQueue();
  readonly scannable: ScannableMemory;
  readonly asked: string[] = [];
  /** The driver has set the queue up. */
  configured = true;
  /** QEMU answers. */
  alive = true;
  packed = false;
  /** How long QEMU takes for an answer, which tells how things stood when it was asked. */
  answersAfterMs = 0;
  /** What QEMU says of used.idx, whatever stands in the ring. */
  usedSaid: number | undefined;

  constructor({ still = false } = {}) {
    this.still = still;
    const { memory } = this.queue;
    this.scannable = {
      regions: memory.regions,
      read: (address, size) => memory.read(address, size),
      async *findInPages() {},
    };
    for (let n = 0; n < this.queue.size; n++) this.queue.descriptor(n, [BUFFERS + BigInt(n * 64), 64, 2]);
  }

  get regions() {
    return this.scannable.regions;
  }

  look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    return Promise.resolve(ok(decode(this.scannable)));
  }

  bytes(address: bigint, size: number) {
    return Promise.resolve(ok(this.scannable.read(address, size)));
  }

  processors() {
    return Promise.resolve(NOTHING);
  }

  monitor() {
    return Promise.resolve(NOTHING);
  }

  image() {
    return Promise.resolve(NOTHING);
  }

  async query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    this.asked.push(command);
    if (!this.alive) return fail('qmp-closed', 'QEMU is gone.', 'it was switched off', '');
    const answer = this.#answer(command, args);
    if (this.answersAfterMs > 0) await new Promise((resolve) => setTimeout(resolve, this.answersAfterMs));
    return ok(answer);
  }

  dispose(): void {}

  #answer(command: string, args: QueryArguments | undefined): unknown {
    const { queue } = this;
    if (command === 'x-query-virtio') return [{ path: PATH, name: 'virtio-rng' }];
    if (command === 'x-query-virtio-status') {
      const features = {
        transports: [
          'VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)',
          ...(this.packed ? ['VIRTIO_F_RING_PACKED: Device supports packed virtqueue layout'] : []),
        ],
      };
      return {
        ...{ name: 'virtio-rng', 'device-id': 4, 'num-vqs': 1, isr: 0, started: true },
        ...{ status: { statuses: [] }, 'guest-features': features, 'host-features': features },
      };
    }
    const place = this.configured
      ? { desc: queue.descriptorsAt, avail: queue.availAt, used: queue.usedAt }
      : { desc: 0n, avail: 0n, used: 0n };
    return {
      ...{ 'queue-index': Number(args?.queue ?? 0), 'vring-num': queue.size },
      ...{ 'vring-desc': place.desc, 'vring-avail': place.avail, 'vring-used': place.used },
      ...{
        'last-avail-idx': queue.lastAvail,
        'used-idx': this.usedSaid ?? queue.used,
        inuse: queue.deviceSide().inFlight,
      },
    };
  }
}

/** Where the chains' buffers are: behind the rings. */
const BUFFERS = 0x11_0000n;

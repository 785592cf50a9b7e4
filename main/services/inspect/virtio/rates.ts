import type { RingEvent, RingRate } from '../../../../app/contract/inspect/virtio.ts';

/** Times of one point that the median is taken of. */
const MAX_TIMES = 2048;

/** Counts a queue's events between two points of its curves. */
export class RateMeter {
  readonly #device: string;
  readonly #queue: number;
  #published = 0;
  #used = 0;
  #bytes = 0;
  #times: number[] = [];

  constructor(device: string, queue: number) {
    this.#device = device;
    this.#queue = queue;
  }

  add(event: RingEvent): void {
    if (event.kind === 'published') {
      this.#published += 1;
      this.#bytes += event.chain.readableBytes;
    } else if (event.kind === 'used') {
      this.#used += 1;
      this.#bytes += event.length;
      if (event.inFlightUs !== null && this.#times.length < MAX_TIMES) this.#times.push(event.inFlightUs);
    } else if (event.kind === 'snapshot') this.#published += event.lost;
  }

  /** The point for what was counted since the last one. */
  point(atUs: number, depth: number): RingRate {
    const times = this.#times.sort((a, b) => a - b);
    const point: RingRate = {
      device: this.#device,
      queue: this.#queue,
      atUs,
      published: this.#published,
      used: this.#used,
      bytes: this.#bytes,
      depth,
      medianUs: times[Math.floor(times.length / 2)] ?? null,
      longestUs: times.at(-1) ?? null,
    };
    this.#published = 0;
    this.#used = 0;
    this.#bytes = 0;
    this.#times = [];
    return point;
  }
}

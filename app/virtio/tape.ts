import type { RingEvent, RingRate, VirtioQueue } from '../contract/inspect/virtio.ts';
import { QueueFilm } from './film.ts';

/** Events of one queue that are kept, and points of its curves. */
export const KEPT_EVENTS = 4096;
const KEPT_RATES = 240;

/** A queue's last few thousand events, and the queue before and after each of them. */
export class QueueTape {
  readonly device: string;
  readonly queue: number;
  readonly events: RingEvent[] = [];
  readonly rates: RingRate[] = [];
  /** The queue before the oldest event that is kept. */
  #base = new QueueFilm();
  readonly #live = new QueueFilm();

  constructor(device: string, queue: number) {
    this.device = device;
    this.queue = queue;
  }

  /** Whether the queue can be shown: a snapshot has come. */
  get started(): boolean {
    return this.#live.started;
  }

  add(event: RingEvent): void {
    this.events.push(event);
    this.#live.apply(event);
    if (this.events.length <= KEPT_EVENTS) return;
    const dropped = this.events.shift();
    if (dropped !== undefined) this.#base.apply(dropped);
  }

  addRate(rate: RingRate): void {
    this.rates.push(rate);
    if (this.rates.length > KEPT_RATES) this.rates.shift();
  }

  /** The queue as it was before the oldest event that is kept, as an event; undefined if nothing was dropped. */
  beginning(next: number, nowUs: number): RingEvent | undefined {
    if (!this.#base.started) return undefined;
    const first = this.events[0];
    const snapshot = this.#base.snapshot('before the oldest event that is kept');
    const { device, queue } = this;
    return { ...snapshot, device, queue, number: (first?.number ?? next) - 1, atUs: first?.atUs ?? nowUs };
  }

  /** The queue after event `count` of those that are kept; null: now. `now`: what the last report says of it. */
  view(count: number | null, now: VirtioQueue): VirtioQueue {
    if (count === null || count >= this.events.length) return this.#live.view(now);
    const film = this.#base.copy();
    for (let n = 0; n < count; n++) {
      const event = this.events[n];
      if (event !== undefined) film.apply(event);
    }
    // A moment before the first snapshot shows nothing.
    return film.started ? film.view(now) : { ...now, descriptors: [], availRing: [], usedRing: [], chains: [] };
  }
}

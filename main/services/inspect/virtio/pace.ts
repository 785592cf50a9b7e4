/** Least and longest pause between two looks at the rings. */
const LEAST_MS = 1;
const MOST_MS = 16;
/** The longest before a queue is known: what a boot does with a new queue is over soon. */
const WAITING_MS = 4;
/** Events that one look may find. A ring of 256 entries keeps what happened long enough, unless a driver takes its memory away at once. */
const WANTED = 4;

/**
 * How long a recorder waits before it looks again: as often as something happens. Rings that rest are looked at sixty times a second, since
 * every look wakes a processor that the guest may want.
 */
export class SamplingPace {
  #pauseMs = LEAST_MS;

  /**
   * @param events that the last look found
   * @param isWaiting no queue is known yet
   * @returns milliseconds until the next
   */
  after(events: number, isWaiting: boolean): number {
    if (events > WANTED) this.#pauseMs = Math.max(LEAST_MS, this.#pauseMs / 2);
    else if (events === 0) this.#pauseMs = Math.min(isWaiting ? WAITING_MS : MOST_MS, this.#pauseMs * 1.5);
    return this.#pauseMs;
  }
}

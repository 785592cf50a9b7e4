/** Asking again takes at most this share of the time: what QEMU and we do for an answer is done beside the guest, on the same computer. */
const SHARE = 1 / 100;
/** But nobody waits longer for news, however slow an answer was. */
const MAX_AGE_MS = 1000;
/** A look that comes later than this after the last is none of a row: it gets what is true now. */
const IN_A_ROW_MS = 250;

/** How long to wait after something that took so long. */
export function pauseAfter(tookMs: number): number {
  return Math.min(tookMs / SHARE, MAX_AGE_MS);
}

/**
 * An answer of QEMU's that a pane which looks thirty times a second shares with its next looks: QEMU reads its questions byte by byte
 * and takes up to a millisecond for one. Who looks now and then gets a new answer each time.
 */
export class Paced<T> {
  readonly #ask: () => Promise<T>;
  #answer: Promise<T> | undefined;
  #validUntil = 0;
  #lastUse = Number.NEGATIVE_INFINITY;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  get(): Promise<T> {
    const now = performance.now();
    const inARow = now - this.#lastUse < IN_A_ROW_MS;
    this.#lastUse = now;
    if (this.#answer !== undefined && inARow && now < this.#validUntil) return this.#answer;
    // Until it has come, all who ask wait for the same.
    this.#validUntil = Number.POSITIVE_INFINITY;
    this.#answer = this.#ask().finally(() => {
      const end = performance.now();
      this.#validUntil = end + pauseAfter(end - now);
    });
    return this.#answer;
  }
}

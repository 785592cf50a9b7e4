/** Asking again takes at most this share of the time: what QEMU and we do for an answer is done beside the guest, on the same computer. */
const SHARE = 1 / 200;
/** A look that comes later than this after the last is none of a row: it gets what is true now. */
const IN_A_ROW_MS = 250;

/**
 * An answer that costs more than it changes, such as what a driver has set up. Panes that look thirty times a second share one, for two
 * hundred times as long as it took to get; who looks now and then gets a new one each time.
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
    const answer = this.#ask().finally(() => {
      const end = performance.now();
      this.#validUntil = end + (end - now) / SHARE;
    });
    this.#answer = answer;
    return answer;
  }
}

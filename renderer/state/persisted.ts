import { messageOf } from '../../app/base/result.ts';
import { studio } from '../host/client.ts';

const DELAY_MS = 400;

/** A value that the host keeps for this workspace: read once, written a moment after the last change. */
export class PersistedValue {
  readonly #key: string;
  #pending: { readonly value: unknown } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `key` is as `StateKeySchema` says: `layout.last`. */
  constructor(key: string) {
    this.#key = key;
    // The page may be closed within the delay.
    window.addEventListener('pagehide', () => void this.flush());
  }

  /** Null if nothing was kept or the host does not answer. */
  async read(): Promise<unknown> {
    try {
      return (await studio.state.get({ key: this.#key })).value ?? null;
    } catch (thrown) {
      console.warn(`state ${this.#key} could not be read: ${messageOf(thrown)}`);
      return null;
    }
  }

  write(value: unknown): void {
    this.#pending = { value };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), DELAY_MS);
  }

  async flush(): Promise<void> {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    clearTimeout(this.#timer);
    try {
      await studio.state.put({ key: this.#key, value: pending.value });
    } catch (thrown) {
      // Kept for the next change: losing a layout is not worth a message.
      this.#pending ??= pending;
      console.warn(`state ${this.#key} could not be kept: ${messageOf(thrown)}`);
    }
  }
}

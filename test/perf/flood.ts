import type { FakeMachine } from '../support/fake-studio.ts';

const TICK_MS = 20;

/** Prints coloured lines of a log to a machine's console at a steady rate, as a guest in a loop does. */
export class Flood {
  readonly #machine: FakeMachine;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(machine: FakeMachine, bytesPerSecond: number) {
    this.#machine = machine;
    this.#timer = setInterval(() => {
      const due = ((performance.now() - this.#started) / 1000) * bytesPerSecond;
      // A late timer catches up, but not with more than a serial line could have held back.
      for (let left = Math.min(due - this.#bytes, 64 << 10); left > 0; left -= this.#line()) {}
    }, TICK_MS);
  }

  /** Stops; what went out, and in which time. */
  end(): { readonly bytes: number; readonly seconds: number } {
    clearInterval(this.#timer);
    return { bytes: this.#bytes, seconds: (performance.now() - this.#started) / 1000 };
  }

  #line(): number {
    const text = `\x1b[3${1 + (this.#bytes % 6)}mring0\x1b[0m: [${this.#bytes}] page fault at 0xffffffff80201234 in ring0/src/main.rs:120:9, retried\r\n`;
    this.#machine.print(text);
    this.#bytes += text.length;
    return text.length;
  }
}

/**
 * What stands between a flood of output and a terminal that a person types into: pieces wait here and go out once a frame, one frame's
 * worth at a time, the next only when the terminal has taken the last. What waits is bounded; the oldest gives way.
 */
export interface OutputQueueOptions {
  /** Gives bytes to the terminal; calls back when it has parsed them. */
  readonly write: (bytes: Uint8Array, taken: () => void) => void;
  /** Runs something in the next frame. */
  readonly nextFrame: (run: () => void) => void;
  /** Told how many bytes were left out, before what follows them is written. */
  readonly onSkipped: (bytes: number) => void;
  /** Told how many bytes are through: parsed, or left out. */
  readonly onTaken?: ((bytes: number) => void) | undefined;
}

/** About 15 MB/s at 60 frames: above every serial line, and parsed within a frame. */
const FRAME_BYTES = 256 << 10;
const MAX_WAITING_BYTES = 2 << 20;

export class OutputQueue {
  readonly #options: OutputQueueOptions;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #skipped = 0;
  /** Whether a frame has been asked for or the terminal is still parsing. */
  #busy = false;
  #disposed = false;

  constructor(options: OutputQueueOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#disposed) return;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes > MAX_WAITING_BYTES) {
      const oldest = this.#waiting.shift();
      if (oldest === undefined) break;
      this.#bytes -= oldest.length;
      this.#skipped += oldest.length;
    }
    this.#schedule();
  }

  /** Forgets what waits, when another machine is shown. */
  clear(): void {
    const gone = this.#bytes + this.#skipped;
    this.#waiting = [];
    this.#bytes = 0;
    this.#skipped = 0;
    if (gone > 0) this.#options.onTaken?.(gone);
  }

  dispose(): void {
    this.#disposed = true;
    this.clear();
  }

  #schedule(): void {
    if (this.#busy || this.#bytes === 0 || this.#disposed) return;
    this.#busy = true;
    this.#options.nextFrame(() => this.#flush());
  }

  #flush(): void {
    const { write, onSkipped } = this.#options;
    if (this.#disposed) return;
    const skipped = this.#skipped;
    this.#skipped = 0;
    if (skipped > 0) onSkipped(skipped);
    const bytes = this.#take();
    write(bytes, () => {
      this.#busy = false;
      this.#options.onTaken?.(skipped + bytes.length);
      this.#schedule();
    });
  }

  /** The next frame's bytes in one piece. */
  #take(): Uint8Array {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let next = this.#waiting[0]; next !== undefined && size < FRAME_BYTES; next = this.#waiting[0]) {
      const room = FRAME_BYTES - size;
      const piece = next.subarray(0, room);
      pieces.push(piece);
      size += piece.length;
      if (next.length > room) this.#waiting[0] = next.subarray(room);
      else this.#waiting.shift();
    }
    this.#bytes -= size;
    const all = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

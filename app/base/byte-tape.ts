import { type CancelSignal, isCancelled } from './cancel.ts';
import type { Disposable } from './disposable.ts';

/** A piece of a byte stream; `offset` counts from the stream's beginning. */
export interface TapePiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ReadOptions {
  readonly signal?: CancelSignal | undefined;
  /** The most that a piece has. */
  readonly maxBytes?: number | undefined;
  /** Awaited after each piece, so that a flood comes in few large ones; typing is echoed at once all the same. */
  readonly breathe?: (() => Promise<void>) | undefined;
}

/** Writers that write byte by byte make many small pieces; so many are made one. */
const MAX_PIECES = 4096;
const CHUNK_BYTES = 128 * 1024;

/** The end of a byte stream, with a position for every byte, so that each reader has its own place on it and may come back to it. */
export class ByteTape implements Disposable {
  readonly #keptLimit: number;
  readonly #readers = new Set<() => void>();
  #pieces: Uint8Array[] = [];
  #kept = 0;
  #end = 0;
  #finished = false;

  /** @param keptBytes about so much of the past stays readable */
  constructor(keptBytes: number) {
    this.#keptLimit = keptBytes;
  }

  /** How many bytes have been written in all. */
  get end(): number {
    return this.#end;
  }

  /** The oldest byte that is kept. */
  get start(): number {
    return this.#end - this.#kept;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#kept += bytes.length;
    this.#end += bytes.length;
    while (this.#kept > this.#keptLimit && this.#pieces.length > 1) this.#kept -= this.#pieces.shift()?.length ?? 0;
    if (this.#pieces.length > MAX_PIECES) this.#pieces = [concat(this.#pieces)];
    this.#wake();
  }

  /** Nothing more will come: readers end after the last byte. */
  finish(): void {
    this.#finished = true;
    this.#wake();
  }

  /** From byte `from` on, or from the oldest that is kept; a place beyond the end is the end. */
  async *read(from: number, { signal, maxBytes = CHUNK_BYTES, breathe }: ReadOptions = {}): AsyncGenerator<TapePiece> {
    let at = Math.min(from, this.#end);
    let wake = () => {};
    const ring = () => wake();
    this.#readers.add(ring);
    signal?.addEventListener('abort', ring);
    try {
      while (!isCancelled(signal)) {
        const piece = this.#slice(at, maxBytes);
        if (piece.bytes.length > 0) {
          at = piece.offset + piece.bytes.length;
          yield piece;
          await breathe?.();
        } else if (this.#finished) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#readers.delete(ring);
      signal?.removeEventListener('abort', ring);
    }
  }

  /** All that is there now of what comes after byte `from`, for a reader that will not wait for more. */
  rest(from: number): TapePiece {
    return this.#slice(Math.min(from, this.#end), Number.POSITIVE_INFINITY);
  }

  dispose(): void {
    this.finish();
  }

  #slice(from: number, maxBytes: number): TapePiece {
    const offset = Math.max(from, this.start);
    const wanted: Uint8Array[] = [];
    let position = this.start;
    let taken = 0;
    for (const piece of this.#pieces) {
      const skip = Math.max(0, offset - position);
      position += piece.length;
      if (skip >= piece.length) continue;
      const part = piece.subarray(skip, skip + maxBytes - taken);
      wanted.push(part);
      taken += part.length;
      if (taken >= maxBytes) break;
    }
    return { offset, bytes: wanted.length === 1 && wanted[0] !== undefined ? wanted[0] : concat(wanted) };
  }

  #wake(): void {
    for (const ring of [...this.#readers]) ring();
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

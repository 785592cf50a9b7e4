import { type CancelSignal, isCancelled } from '../../app/base/cancel.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import type { Machine } from '../../app/contract/index.ts';
import type { SerialChunk } from '../../app/contract/studio.ts';
import { isEnded } from '../../app/machine/state.ts';

/** What of the console stays for readers who come late. */
const KEPT_BYTES = 1 << 20;
const CHUNK_BYTES = 128 * 1024;
/** Output is gathered for so long, so that a flood comes in few large pieces and typing is still echoed at once to the eye. */
const GATHER_MS = 12;

/** A machine's serial console with a position for every byte, so that each reader has its own place on it. */
export class SerialTape implements Disposable {
  readonly #machine: Machine;
  readonly #subscriptions: readonly Disposable[];
  readonly #readers = new Set<() => void>();
  #pieces: Uint8Array[] = [];
  #kept = 0;
  #end = 0;
  #disposed = false;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#append(machine.serialScrollback());
    this.#subscriptions = [
      machine.onDidReceiveSerial((bytes) => this.#append(bytes)),
      machine.onDidChangeState(() => this.#wake()),
    ];
  }

  /** From byte `from` on, or from the oldest that is kept. Ends after the machine's end, and with the signal. */
  async *read(from: number, signal: CancelSignal | undefined): AsyncGenerator<SerialChunk> {
    let at = Math.min(from, this.#end);
    let wake = () => {};
    const ring = () => wake();
    this.#readers.add(ring);
    signal?.addEventListener('abort', ring);
    try {
      while (!isCancelled(signal)) {
        const { offset, bytes } = this.#slice(at);
        if (bytes.length > 0) {
          at = offset + bytes.length;
          yield { offset, data: bytes.toString('base64'), ended: false };
          await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
        } else if (this.#disposed || isEnded(this.#machine.state)) {
          yield { offset: at, data: '', ended: true };
          return;
        } else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#readers.delete(ring);
      signal?.removeEventListener('abort', ring);
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#wake();
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#kept += bytes.length;
    this.#end += bytes.length;
    while (this.#kept > KEPT_BYTES && this.#pieces.length > 1) this.#kept -= this.#pieces.shift()?.length ?? 0;
    // A guest that prints byte by byte makes many small pieces.
    if (this.#pieces.length > 4096) this.#pieces = [Buffer.concat(this.#pieces)];
    this.#wake();
  }

  #slice(from: number): { offset: number; bytes: Buffer } {
    const start = this.#end - this.#kept;
    const offset = Math.max(from, start);
    const wanted: Uint8Array[] = [];
    let position = start;
    let taken = 0;
    for (const piece of this.#pieces) {
      const skip = Math.max(0, offset - position);
      position += piece.length;
      if (skip >= piece.length) continue;
      const part = piece.subarray(skip, skip + CHUNK_BYTES - taken);
      wanted.push(part);
      taken += part.length;
      if (taken >= CHUNK_BYTES) break;
    }
    return { offset, bytes: Buffer.concat(wanted) };
  }

  #wake(): void {
    for (const ring of [...this.#readers]) ring();
  }
}

import type { TapePiece } from '../../app/base/byte-tape.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import type { AppError } from '../../app/base/result.ts';
import type { SerialLog } from '../../app/contract/studio.ts';
import type { GrowingFile } from '../../app/contract/workspace.ts';
import type { SerialTape } from './serial-tape.ts';

/** A guest that prints without end must not fill a disk that nobody looks at. */
const MAX_LOG_BYTES = 2 ** 30;

/**
 * A console that goes on into a file, byte for byte, until it is stopped, the machine ends, or the file takes no more. It reads the
 * tape as every other reader does, so a reset of the machine is nothing to it, and a disk that is slow costs no memory beyond the
 * tape: what was overtaken is named in the file.
 */
export class RunningLog implements Disposable {
  readonly #file: GrowingFile;
  readonly #limit: number;
  readonly #controller = new AbortController();
  readonly #onChange: () => void;
  readonly #ended: Promise<void>;
  #bytes = 0;
  #done = false;
  #error: AppError | null = null;

  /** @param from a place on the tape; @param onChange called when it stops by itself */
  constructor(tape: SerialTape, file: GrowingFile, from: number, onChange: () => void, limit = MAX_LOG_BYTES) {
    this.#file = file;
    this.#limit = limit;
    this.#onChange = onChange;
    this.#ended = this.#write(tape, from);
  }

  /** Null once the machine has ended: then the file is whole. */
  get state(): SerialLog | null {
    return this.#done && this.#error === null ? null : { path: this.#file.path, error: this.#error };
  }

  /** Returns when all that had come is in the file. */
  async stop(): Promise<{ path: string; bytes: number }> {
    this.#controller.abort();
    await this.#ended;
    return { path: this.#file.path, bytes: this.#bytes };
  }

  dispose(): void {
    this.#controller.abort();
  }

  async #write(tape: SerialTape, from: number): Promise<void> {
    let at = from;
    for await (const piece of tape.bytes(from, this.#controller.signal)) {
      await this.#append(piece, at > from ? at : piece.offset);
      at = piece.offset + piece.bytes.length;
      if (this.#error !== null) break;
    }
    if (this.#controller.signal.aborted && this.#error === null) await this.#append(tape.rest(at), at);
    await this.#file.close();
    this.#done = true;
    this.#onChange();
  }

  async #append({ offset, bytes }: TapePiece, expected: number): Promise<void> {
    if (offset > expected) {
      const gap = `\n--- ${offset - expected} bytes came too fast and are left out here ---\n`;
      const noted = await this.#file.append(Buffer.from(gap));
      if (!noted.ok) return this.#fail(noted.error);
    }
    const part = bytes.subarray(0, this.#limit - this.#bytes);
    const written = await this.#file.append(part);
    if (!written.ok) return this.#fail(written.error);
    this.#bytes += part.length;
    if (this.#bytes >= this.#limit)
      this.#fail({
        code: 'log-limit',
        what: `${this.#file.path} has reached ${this.#limit} bytes and grows no more.`,
        why: 'a console that is never silent would fill the disk',
        fix: 'Start again with another file.',
      });
  }

  #fail(error: AppError): void {
    this.#error = error;
  }
}

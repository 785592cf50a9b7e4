import { closeSync, openSync, writeSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import { RECORDS_LINES, SerialText } from './serial-text.ts';

/** Bytes of scrollback that are kept in memory; the log file has them all, up to its own bound. */
const SCROLLBACK_BYTES = 1 << 20;
/** A guest that prints without end fills no disk. */
const MAX_LOG_BYTES = 64 << 20;

/** The guest's serial port: everybody sees all bytes, the last mebibyte stays at hand, the log file has the beginning. */
export class SerialConsole implements Disposable {
  readonly #stream: Duplex;
  readonly #received = new Emitter<Uint8Array>();
  readonly #line = new Emitter<string>();
  readonly #text = new SerialText();
  #log: number | undefined;
  #logBytes = 0;
  #scrollback: Buffer[] = [];
  #scrollbackBytes = 0;

  readonly onDidReceive = this.#received.event;
  /** Whole lines, without their ends and without escape sequences. */
  readonly onDidReceiveLine = this.#line.event;

  constructor(stream: Duplex, logPath: string) {
    this.#stream = stream;
    this.#log = openSync(logPath, 'w', 0o600);
    stream.on('data', (bytes: Buffer) => this.#receive(bytes));
    // The process's end is what ends a machine; a broken socket says nothing more.
    stream.on('error', () => {});
  }

  write(bytes: Uint8Array): void {
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  scrollback(): Uint8Array {
    return Buffer.concat(this.#scrollback);
  }

  /** The last lines, the unfinished one included. */
  tail(lines = RECORDS_LINES): string[] {
    return this.#text.tail(lines);
  }

  dispose(): void {
    this.#received.dispose();
    this.#line.dispose();
    this.#stream.destroy();
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  #receive(bytes: Buffer): void {
    if (this.#log !== undefined && this.#logBytes < MAX_LOG_BYTES) this.#logBytes += writeSync(this.#log, bytes);
    this.#scrollback.push(bytes);
    this.#scrollbackBytes += bytes.length;
    while (this.#scrollbackBytes > SCROLLBACK_BYTES && this.#scrollback.length > 1) {
      this.#scrollbackBytes -= this.#scrollback.shift()?.length ?? 0;
    }
    this.#received.fire(bytes);
    for (const line of this.#text.push(bytes)) this.#line.fire(line);
  }
}

import { ByteTape, type TapePiece } from '../../app/base/byte-tape.ts';
import { type CancelSignal, isCancelled } from '../../app/base/cancel.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import type { Machine } from '../../app/contract/index.ts';
import type { SerialChunk } from '../../app/contract/studio.ts';
import { isEnded } from '../../app/machine/state.ts';

/** What of the console stays for readers who come late. */
const KEPT_BYTES = 1 << 20;
const GATHER_MS = 12;

/** A machine's serial console with a position for every byte. */
export class SerialTape implements Disposable {
  readonly #tape = new ByteTape(KEPT_BYTES);
  readonly #subscriptions: readonly Disposable[];

  constructor(machine: Machine) {
    this.#tape.append(machine.serialScrollback());
    const finishAtEnd = () => {
      if (isEnded(machine.state)) this.#tape.finish();
    };
    this.#subscriptions = [
      machine.onDidReceiveSerial((bytes) => this.#tape.append(bytes)),
      machine.onDidChangeState(finishAtEnd),
    ];
    finishAtEnd();
  }

  /** How far it is. */
  get end(): number {
    return this.#tape.end;
  }

  /** The bytes themselves, from `from` on, or from the oldest that is kept. Ends with the machine, and with the signal. */
  bytes(from: number, signal: CancelSignal): AsyncGenerator<TapePiece> {
    return this.#tape.read(from, { signal });
  }

  /** What is there of them now. */
  rest(from: number): TapePiece {
    return this.#tape.rest(from);
  }

  /** From byte `from` on, or from the oldest that is kept. Ends after the machine's end, and with the signal. */
  async *read(from: number, signal: CancelSignal | undefined): AsyncGenerator<SerialChunk> {
    let at = Math.min(from, this.#tape.end);
    const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS));
    for await (const { offset, bytes } of this.#tape.read(from, { signal, breathe })) {
      at = offset + bytes.length;
      yield { offset, data: Buffer.from(bytes).toString('base64'), ended: false };
    }
    if (!isCancelled(signal)) yield { offset: at, data: '', ended: true };
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#tape.dispose();
  }
}

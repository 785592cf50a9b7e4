import { type CancelSignal, isCancelled } from '../../../app/base/cancel.ts';
import type { Disposable } from '../../../app/base/disposable.ts';
import { encodeFrame, FrameReader } from './frames.ts';

/** What the server sends by itself. */
export interface ServerMessages {
  readonly onNotification: (method: string, params: unknown) => void;
  /** Answers what the server asks; what it does not know is answered with null, which LSP allows for all that we announce. */
  readonly onRequest: (method: string, params: unknown) => unknown;
  /** The stream is not LSP: nothing more can be understood. */
  readonly onBroken: (why: string) => void;
}

/** An error of the server's own, with its code (LSP 3.17, "Error Codes"). */
export class ServerError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Codes that say "not now" rather than "wrong": the question was overtaken by a change, or cancelled. */
export const OVERTAKEN: ReadonlySet<number> = new Set([-32801, -32802, -32800]);

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** JSON-RPC 2.0 over the bytes of a process; knows nothing of what is said. */
export class Connection implements Disposable {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #messages: ServerMessages;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended = false;

  constructor(write: (bytes: Uint8Array) => void, messages: ServerMessages) {
    this.#write = write;
    this.#messages = messages;
  }

  /** Bytes from the server. */
  receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    try {
      for (const message of this.#reader.push(bytes)) this.#take(message);
    } catch (thrown) {
      this.dispose();
      this.#messages.onBroken(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** Rejects with a `ServerError`, or because the connection or the question ended. */
  request(method: string, params: unknown, signal?: CancelSignal): Promise<unknown> {
    if (this.#ended || isCancelled(signal)) return Promise.reject(new ServerError(-32800, 'it was cancelled'));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(id);
        this.notify('$/cancelRequest', { id });
        reject(new ServerError(-32800, 'it was cancelled'));
      };
      const end = () => signal?.removeEventListener('abort', abort);
      this.#waiting.set(id, {
        resolve: (result) => {
          end();
          resolve(result);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort);
      this.#send({ id, method, params });
    });
  }

  notify(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the language server has ended'));
    this.#waiting.clear();
  }

  #send(message: object): void {
    if (!this.#ended) this.#write(encodeFrame({ jsonrpc: '2.0', ...message }));
  }

  #take(message: unknown): void {
    if (!isRecord(message)) return;
    const { id, method, params } = message;
    if (typeof method === 'string') {
      if (id === undefined) this.#messages.onNotification(method, params);
      else this.#send({ id, result: this.#messages.onRequest(method, params) ?? null });
      return;
    }
    if (typeof id !== 'number') return;
    const waiting = this.#waiting.get(id);
    // A question that was cancelled is answered all the same.
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (isRecord(message.error)) {
      const { code, message: text } = message.error;
      waiting.reject(
        new ServerError(typeof code === 'number' ? code : 0, typeof text === 'string' ? text : 'no reason given'),
      );
    } else waiting.resolve(message.result ?? null);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

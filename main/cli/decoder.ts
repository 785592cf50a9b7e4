import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Disposable } from '../../app/base/disposable.ts';
import { giveUp } from './failure.ts';

/** No answer of a guest that works takes so long. */
const PATIENCE_MS = 120_000;

const AnswerSchema = z.object({
  timings: z.object({ predicted_per_second: z.number(), predicted_n: z.number().int() }),
});

/** What a guest says of an answer of its own. */
export interface Decoded {
  readonly tokensPerSecond: number;
  readonly tokens: number;
}

interface Question {
  readonly url: string;
  readonly body: string;
  readonly patienceMs: number;
  /** Becomes 1 when the answer is there. */
  readonly flag: SharedArrayBuffer;
}

/**
 * Has a guest decode, asked from a thread of its own, so that this thread can stand still until the answer is there: whatever looks at
 * the guest from here does not look meanwhile, and is as it was afterwards. Answers come greedily and in one piece: a streamed one keeps
 * QEMU's network busy with every token.
 */
export class Decoder implements Disposable {
  readonly #worker: Worker;
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));

  constructor(apiUrl: string, prompt: string, tokens: number) {
    const workerData: Question = {
      url: `${apiUrl}/v1/completions`,
      body: JSON.stringify({ prompt, max_tokens: tokens, temperature: 0 }),
      patienceMs: PATIENCE_MS,
      flag: this.#flag.buffer,
    };
    this.#worker = new Worker(`(${askAndAsk})()`, { eval: true, workerData });
  }

  /** @param standStill until the answer is there */
  async decode(standStill: boolean): Promise<Decoded> {
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#worker.once('message', resolve).once('error', reject);
    });
    Atomics.store(this.#flag, 0, 0);
    this.#worker.postMessage('ask');
    if (standStill) Atomics.wait(this.#flag, 0, 0, PATIENCE_MS);
    const parsed = AnswerSchema.safeParse(await answered);
    this.#worker.removeAllListeners('error');
    if (!parsed.success) {
      const why = z.prettifyError(parsed.error);
      return giveUp('bad-answer', 'the guest does not say how fast it decodes', why, 'try again');
    }
    const { predicted_per_second: tokensPerSecond, predicted_n: tokens } = parsed.data.timings;
    return { tokensPerSecond, tokens };
  }

  dispose(): void {
    void this.#worker.terminate();
  }
}

/** The thread's program, which has nothing of this file: it is handed over as text. */
function askAndAsk(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const { url, body, patienceMs, flag } = workerData as Question;
  const answer = async () => {
    const headers = { 'content-type': 'application/json' };
    try {
      const signal = AbortSignal.timeout(patienceMs);
      return await (await fetch(url, { method: 'POST', headers, body, signal })).json();
    } catch (error) {
      return { error: String(error) };
    }
  };
  parentPort?.on('message', async () => {
    const answered = await answer();
    const answeredAt = new Int32Array(flag);
    Atomics.store(answeredAt, 0, 1);
    Atomics.notify(answeredAt, 0);
    parentPort.postMessage(answered);
  });
}

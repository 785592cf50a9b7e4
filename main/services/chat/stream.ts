import { z } from 'zod';
import { type AppError, fail, messageOf } from '../../../app/base/result.ts';
import type { AnswerToken, ChatEvent, ChatTiming } from '../../../app/contract/index.ts';
import { SseParser } from '../../../app/wire/sse.ts';
import { errorMessage, request } from './http.ts';

const count = z.number().nonnegative().nullish();
const NamedTokenSchema = z.object({ token: z.string(), logprob: z.number() });
const ScoredTokenSchema = NamedTokenSchema.extend({
  bytes: z.array(z.number().int().min(0).max(255)).nullish(),
  top_logprobs: z.array(NamedTokenSchema).default([]),
});

/** A chunk of either endpoint: chat has `delta`, completion `text`. `timings` are llama.cpp's. */
const ChunkSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).optional(),
        text: z.string().nullish(),
        finish_reason: z.string().nullish(),
        // Completions have another shape, which nobody asks for.
        logprobs: z.object({ content: z.array(ScoredTokenSchema).nullish() }).nullish(),
      }),
    )
    .default([]),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish(),
  prompt_progress: z.object({ total: z.number().nonnegative(), processed: z.number().nonnegative() }).nullish(),
  timings: z
    .object({ prompt_n: count, predicted_n: count, prompt_per_second: count, predicted_per_second: count })
    .partial()
    .nullish(),
});
type Chunk = z.infer<typeof ChunkSchema>;

export interface StreamOptions {
  /** Whether to yield the answer's data as it came, too. */
  readonly raw: boolean;
  /** May know better why a request broke off. */
  readonly explain: (error: AppError) => AppError;
}

/** Asks for a streamed answer and yields its pieces; the last event is `finished` or `failed`. */
export async function* streamChat(
  url: string,
  body: object,
  signal: AbortSignal,
  { raw, explain }: StreamOptions,
): AsyncGenerator<ChatEvent> {
  const meter = new Meter();
  const failed = (error: AppError): ChatEvent => ({ kind: 'failed', error: explain(error) });
  const response = await request(url, body, signal);
  if (!response.ok) return yield failed(response.error);
  let text = '';
  let reason: string | undefined;
  try {
    for await (const data of sseData(response.value)) {
      if (raw) yield { kind: 'raw', data };
      if (data === '[DONE]') break;
      const chunk = ChunkSchema.safeParse(JSON.parse(data));
      if (!chunk.success || data.startsWith('{"error"')) {
        return yield failed(
          fail(
            'api-failed',
            'The guest broke off its answer.',
            errorMessage(data).slice(0, 500),
            "Ask again; if it stays, look at the guest's console.",
          ).error,
        );
      }
      const choice = chunk.data.choices[0];
      const piece = choice?.delta?.content ?? choice?.text ?? '';
      meter.take(chunk.data, piece);
      reason = choice?.finish_reason ?? reason;
      const progress = chunk.data.prompt_progress ?? undefined;
      if (progress !== undefined) yield { kind: 'progress', done: progress.processed, total: progress.total };
      const tokens = (choice?.logprobs?.content ?? []).map(toAnswerToken);
      if (tokens.length > 0) yield { kind: 'tokens', tokens };
      if (piece === '') continue;
      text += piece;
      yield { kind: 'text', text: piece };
    }
  } catch (error) {
    return yield failed(
      fail(
        'api-broken',
        'The connection to the guest broke.',
        messageOf(error),
        "Look at the guest's console; ask again.",
      ).error,
    );
  }
  if (reason === undefined) {
    return yield failed(
      fail(
        'api-broken',
        "The guest's answer ended in the middle.",
        'the stream closed without a finish_reason',
        "Look at the guest's console; ask again.",
      ).error,
    );
  }
  yield { kind: 'finished', reason, text, timing: meter.timing() };
}

function toAnswerToken({ token, logprob, bytes, top_logprobs }: z.infer<typeof ScoredTokenSchema>): AnswerToken {
  return {
    text: token,
    logprob,
    bytes: bytes ?? [...new TextEncoder().encode(token)],
    alternatives: top_logprobs.map((other) => ({ text: other.token, logprob: other.logprob })),
  };
}

async function* sseData(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const parser = new SseParser();
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    for (const { data } of parser.push(decoder.decode(bytes, { stream: true }))) yield data;
  }
}

/** Times an answer as its reader sees it, and takes the guest's own numbers where it sends them. */
class Meter {
  readonly #start = performance.now();
  #first: number | undefined;
  #last = 0;
  #pieces = 0;
  #usage: Chunk['usage'];
  #timings: Chunk['timings'];

  take(chunk: Chunk, piece: string): void {
    this.#usage = chunk.usage ?? this.#usage;
    this.#timings = chunk.timings ?? this.#timings;
    if (piece === '') return;
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#pieces++;
  }

  timing(): ChatTiming {
    const completionTokens = this.#usage?.completion_tokens ?? this.#timings?.predicted_n ?? null;
    const guest = this.#timings?.predicted_per_second ?? null;
    // Between the first and the last piece lie one token fewer than there are.
    const tokens = (completionTokens ?? this.#pieces) - 1;
    const seconds = (this.#last - (this.#first ?? 0)) / 1000;
    const client = tokens > 0 && seconds > 0 ? tokens / seconds : null;
    return {
      timeToFirstTokenMs: this.#first === undefined ? null : this.#first - this.#start,
      totalMs: performance.now() - this.#start,
      promptTokens: this.#usage?.prompt_tokens ?? this.#timings?.prompt_n ?? null,
      completionTokens,
      tokensPerSecond: guest ?? client,
      promptTokensPerSecond: this.#timings?.prompt_per_second ?? null,
      measuredBy: guest === null ? 'client' : 'guest',
    };
  }
}

import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema } from './common.ts';
import type { Machine } from './machine.ts';

export const ChatMessageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type ChatMessage = z.infer<typeof ChatMessageSchema>;

/** Sampling; what is absent takes the server's default. */
const sampling = {
  maxTokens: z.number().int().positive().optional(),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().min(0).max(1).optional(),
  topK: z.number().int().min(0).optional(),
  minP: z.number().min(0).max(1).optional(),
  seed: z.number().int().min(0).optional(),
  stop: z.array(z.string()).max(4).optional(),
};

/** What a reader may want to know beside the text; each brings events of its own kind. */
const reports = {
  /** `tokens` events: each token's probability, and those of so many others that it was chosen over. */
  alternatives: z.number().int().min(0).max(20).optional(),
  /** `progress` events while the prompt is read. */
  progress: z.boolean().optional(),
  /** `raw` events: the answer as the guest wrote it. */
  raw: z.boolean().optional(),
};

export const ChatRequestSchema = z.strictObject({
  messages: z.array(ChatMessageSchema).min(1),
  ...sampling,
  ...reports,
});
export type ChatRequest = z.infer<typeof ChatRequestSchema>;

export const CompletionRequestSchema = z.strictObject({ prompt: z.string(), ...sampling, raw: reports.raw });
export type CompletionRequest = z.infer<typeof CompletionRequestSchema>;

export const ChatTimingSchema = z.object({
  /** From sending the request to the first piece of text, as the client saw it. */
  timeToFirstTokenMs: z.number().nullable(),
  totalMs: z.number(),
  promptTokens: z.number().int().nullable(),
  completionTokens: z.number().int().nullable(),
  /** The guest's own clock if it sends `timings`, else measured here between first and last piece. */
  tokensPerSecond: z.number().nullable(),
  promptTokensPerSecond: z.number().nullable(),
  measuredBy: z.enum(['guest', 'client']),
});
export type ChatTiming = z.infer<typeof ChatTimingSchema>;

const TokenChoiceSchema = z.object({
  /** The token's text; bytes that are no whole character are written as `\\xe2`. */
  text: z.string(),
  /** Natural logarithm of its probability. */
  logprob: z.number(),
});

/** One token of an answer, and what else it might have been, the likeliest first. */
export const AnswerTokenSchema = TokenChoiceSchema.extend({
  /** Its bytes: a token may be a part of a character only. */
  bytes: z.array(z.number().int().min(0).max(255)),
  alternatives: z.array(TokenChoiceSchema),
});
export type AnswerToken = z.infer<typeof AnswerTokenSchema>;

export const ChatEventSchema = z.discriminatedUnion('kind', [
  /** How much of the prompt has been read. */
  z.object({ kind: z.literal('progress'), done: z.number(), total: z.number() }),
  z.object({ kind: z.literal('text'), text: z.string() }),
  z.object({ kind: z.literal('tokens'), tokens: z.array(AnswerTokenSchema) }),
  /** The data of one server-sent event. */
  z.object({ kind: z.literal('raw'), data: z.string() }),
  z.object({ kind: z.literal('finished'), reason: z.string(), text: z.string(), timing: ChatTimingSchema }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type ChatEvent = z.infer<typeof ChatEventSchema>;

/** What happens between power-on and the first request. `ready` or `failed` is the last. */
export const ReadyEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('waiting'), stage: z.string(), elapsedMs: z.number() }),
  z.object({ kind: z.literal('ready'), elapsedMs: z.number() }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type ReadyEvent = z.infer<typeof ReadyEventSchema>;

export const ServedModelSchema = z.object({
  id: z.string(),
  ownedBy: z.string(),
  contextLength: z.number().nullable(),
});
export type ServedModel = z.infer<typeof ServedModelSchema>;

/** Whom to talk to. With a machine, its death ends the waiting at once, with the end of its console. */
export interface ChatTarget {
  readonly apiUrl: string;
  readonly machine?: Machine | undefined;
}

export interface WaitOptions extends LongOperation {
  /** Default 120 s: UEFI under TCG with a large model is slow. */
  readonly timeoutMs?: number | undefined;
}

export interface ChatService {
  waitUntilReady(target: ChatTarget, options?: WaitOptions): AsyncIterable<ReadyEvent>;
  models(target: ChatTarget, options?: LongOperation): Promise<Result<ServedModel[]>>;
  chat(target: ChatTarget, request: ChatRequest, options?: LongOperation): AsyncIterable<ChatEvent>;
  complete(target: ChatTarget, request: CompletionRequest, options?: LongOperation): AsyncIterable<ChatEvent>;
}

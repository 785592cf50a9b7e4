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

export const ChatRequestSchema = z.strictObject({ messages: z.array(ChatMessageSchema).min(1), ...sampling });
export type ChatRequest = z.infer<typeof ChatRequestSchema>;

export const CompletionRequestSchema = z.strictObject({ prompt: z.string(), ...sampling });
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

export const ChatEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: z.string() }),
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

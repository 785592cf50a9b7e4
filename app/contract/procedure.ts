import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { AppErrorSchema } from './common.ts';

/** What the contract of the page is made of. */

const failure = z.object({ ok: z.literal(false), error: AppErrorSchema });

/** `Result<T>` on the wire. */
export function result<T extends z.ZodType>(value: T) {
  return z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), value }), failure]);
}

/** `Result<void>` on the wire. */
export const done = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.undefined().optional() }),
  failure,
]);

/** A procedure with one answer. */
export function ask<I extends z.ZodType, O extends z.ZodType>(input: I, output: O) {
  return oc.input(input).output(output);
}

/** A procedure that answers with a stream. */
export function follow<I extends z.ZodType, O extends z.ZodType>(input: I, event: O) {
  return oc.input(input).output(eventIterator(event));
}

/**
 * What the service host and the process that holds the pseudo-terminals say to each other: one JSON object a line, over stdin and stdout.
 * A process apart, because the native module throws where nobody can catch it (resizing a terminal whose child has just ended is
 * EBADF out of an event of libuv), and because somebody must be left to end the shells when the service host is killed.
 */
import { z } from 'zod';
import { TerminalSizeSchema } from '../../../app/contract/terminal.ts';

const id = z.string();

export const PtyCommandSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('open'),
    id,
    file: z.string(),
    args: z.array(z.string()),
    directory: z.string(),
    environment: z.record(z.string(), z.string()),
    size: TerminalSizeSchema,
  }),
  z.strictObject({ op: z.literal('write'), id, text: z.string() }),
  z.strictObject({ op: z.literal('resize'), id, size: TerminalSizeSchema }),
  z.strictObject({ op: z.enum(['pause', 'resume', 'kill']), id }),
]);
export type PtyCommand = z.infer<typeof PtyCommandSchema>;

export const PtyEventSchema = z.discriminatedUnion('kind', [
  /** First of all: the module is there, or it is not. */
  z.object({ kind: z.literal('ready'), module: z.string() }),
  z.object({ kind: z.literal('unavailable'), why: z.string() }),
  z.object({ kind: z.literal('opened'), id, pid: z.number().int() }),
  z.object({ kind: z.literal('refused'), id, why: z.string() }),
  /** `data` is base64. */
  z.object({ kind: z.literal('data'), id, data: z.string() }),
  z.object({ kind: z.literal('exit'), id, code: z.number().int().nullable(), signal: z.string().nullable() }),
]);
export type PtyEvent = z.infer<typeof PtyEventSchema>;

/** A line beyond this is no line of ours. */
const MAX_LINE = 4 << 20;

/** Cuts a byte stream into lines. @throws when a line does not end */
export class LineCutter {
  #rest = '';
  readonly #decoder = new TextDecoder();

  push(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE) throw new Error(`a line of more than ${MAX_LINE} characters`);
    return lines;
  }
}

import { z } from 'zod';
import { fail, messageOf, ok, type Result } from '../base/result.ts';

/**
 * QEMU Machine Protocol: JSON objects, one a line (docs/interop/qmp-spec.rst in QEMU). Integers beyond 2^53 come as `bigint`, since
 * QMP carries 64-bit guest addresses that JSON.parse would round.
 */

/** The longest line that is taken from QEMU. */
export const MAX_MESSAGE_CHARACTERS = 16 << 20;

export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'return'; readonly id: number | null; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number | null; readonly errorClass: string; readonly description: string }
  | { readonly kind: 'event'; readonly name: string; readonly data: Readonly<Record<string, unknown>> };

const integer = z.union([z.number().int(), z.bigint()]);
const id = z.number().int().optional();
const GreetingSchema = z.object({
  QMP: z.object({ version: z.object({ qemu: z.object({ major: integer, minor: integer, micro: integer }) }) }),
});
const EventSchema = z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) });
const ErrorSchema = z.object({ error: z.object({ class: z.string(), desc: z.string() }), id });
const ReturnSchema = z.object({ return: z.unknown(), id });

/** One line from QEMU. */
export function parseQmp(line: string): Result<QmpMessage> {
  let json: unknown;
  try {
    json = parseJsonWithBigints(line);
  } catch (error) {
    return badMessage(line, messageOf(error));
  }
  // Answers come by the hundred a second, the others now and then.
  if (typeof json === 'object' && json !== null && 'return' in json) {
    const returned = ReturnSchema.safeParse(json);
    if (returned.success) return ok({ kind: 'return', id: returned.data.id ?? null, value: returned.data.return });
  }
  const event = EventSchema.safeParse(json);
  if (event.success) return ok({ kind: 'event', name: event.data.event, data: event.data.data });
  const error = ErrorSchema.safeParse(json);
  if (error.success) {
    const { error: it, id } = error.data;
    return ok({ kind: 'error', id: id ?? null, errorClass: it.class, description: it.desc });
  }
  const greeting = GreetingSchema.safeParse(json);
  if (greeting.success) {
    const { major, minor, micro } = greeting.data.QMP.version.qemu;
    return ok({ kind: 'greeting', version: `${major}.${minor}.${micro}` });
  }
  return badMessage(line, 'neither greeting, event, error nor return');
}

function badMessage(line: string, why: string) {
  return fail(
    'qmp-bad-message',
    'QEMU sent something that is not QMP.',
    `${why}: ${line.slice(0, 200)}`,
    'Report this with the QEMU version.',
  );
}

/** A command as the line that QEMU reads, newline included. */
export function formatCommand(
  command: string,
  args: Readonly<Record<string, unknown>> | undefined,
  id: number,
): string {
  const body = args === undefined ? { execute: command, id } : { execute: command, arguments: args, id };
  return `${formatJsonWithBigints(body)}\n`;
}

/** The question that a line answers, by the end of the line: QEMU writes `"id": 5}` last. */
export function idAtEnd(tail: string): number | undefined {
  const digits = /"id": ?(\d{1,15})\}\s*$/.exec(tail)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Characters of a line that is too long which are kept from its end: QEMU writes there which question it answers. */
const TAIL_CHARACTERS = 200;

/**
 * Cuts a stream of text into lines. A line that grows beyond the bound throws, unless somebody wants to hear of it: then it is dropped
 * but for its end, and the next line is read as ever.
 */
export class LineSplitter {
  #rest = '';
  /** The end of the line that is being dropped. */
  #dropped: string | null = null;
  readonly #limit: number;
  readonly #onTooLong: ((tail: string) => void) | undefined;

  constructor(limit = MAX_MESSAGE_CHARACTERS, onTooLong?: (tail: string) => void) {
    this.#limit = limit;
    this.#onTooLong = onTooLong;
  }

  /** The lines that `text` completes, without their ends; empty ones are left out. */
  push(text: string): string[] {
    const whole = this.#dropped === null ? text : this.#drop(text, this.#dropped);
    const parts = (this.#rest + whole).split('\n');
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > this.#limit) {
      if (this.#onTooLong === undefined) throw new Error(`a line of more than ${this.#limit} characters`);
      this.#dropped = this.#rest.slice(-TAIL_CHARACTERS);
      this.#rest = '';
    }
    return parts.map((line) => line.replace(/\r$/, '')).filter((line) => line !== '');
  }

  /** @returns what comes after the line that is dropped */
  #drop(text: string, before: string): string {
    const end = text.indexOf('\n');
    const tail = (before + text.slice(0, end === -1 ? undefined : end)).slice(-TAIL_CHARACTERS);
    this.#dropped = end === -1 ? tail : null;
    if (end === -1) return '';
    this.#onTooLong?.(tail.replace(/\r$/, ''));
    return text.slice(end + 1);
  }

  /** What is left when the stream has ended. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? [] : [rest];
  }
}

/** Stands before the digits of an integer that was put into a string; NUL cannot stand unescaped in JSON. */
const MARK = '\u0000int:';

/** JSON.parse, with integers beyond ±2^53 as `bigint`. */
export function parseJsonWithBigints(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  let found = false;
  // Strings are matched first so that digits within them stay as they are.
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) => {
    if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token;
    found = true;
    return `"\\u0000int:${token}"`;
  });
  // A reviver is called for every value, which costs more than all the rest.
  if (!found) return JSON.parse(text);
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
    const digits = value.slice(MARK.length);
    return /^-?\d+$/.test(digits) ? BigInt(digits) : value;
  });
}

/** JSON.stringify, with `bigint` as an integer. */
export function formatJsonWithBigints(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? `${MARK}${item}` : item));
  return text.replace(/"\\u0000int:(-?\d+)"/g, '$1');
}

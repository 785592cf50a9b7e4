import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Result } from '../base/result.ts';
import { EpochMsSchema } from './common.ts';

/** Shells of the host, each in a pseudo-terminal. They belong to the service host: a page that goes and comes finds them again. */

/** Never the same twice, so that a page does not take a new host's terminal for the one it knew. */
export const TerminalIdSchema = z.string().regex(/^t[0-9a-f]{12}$/);

/** Of a terminal's grid, in cells. What the kernel's `struct winsize` could hold more is no screen. */
export const TerminalSizeSchema = z.strictObject({
  columns: z.number().int().min(2).max(1000),
  rows: z.number().int().min(1).max(1000),
});
export type TerminalSize = z.infer<typeof TerminalSizeSchema>;

export const TerminalNameSchema = z.string().trim().min(1).max(60);

export const TerminalStateSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('running'), pid: z.number().int() }),
  /** `signal` is a name such as `SIGHUP`; then `code` is null. Both null: nobody saw how it ended. */
  z.object({ phase: z.literal('exited'), code: z.number().int().nullable(), signal: z.string().nullable() }),
]);
export type TerminalState = z.infer<typeof TerminalStateSchema>;

export const TerminalInfoSchema = z.object({
  id: TerminalIdSchema,
  /** As a person named it, else the shell's name. */
  name: z.string(),
  /** The program, by its path. */
  shell: z.string(),
  /** Where it started. */
  directory: z.string(),
  startedAt: EpochMsSchema,
  state: TerminalStateSchema,
});
export type TerminalInfo = z.infer<typeof TerminalInfoSchema>;

/** `offset` counts bytes since the terminal was made; a gap means that the reader came too late for what lay between. */
export const TerminalChunkSchema = z.object({
  offset: z.number().int().nonnegative(),
  /** Base64. */
  data: z.string(),
  /** Printed before the reader came: what in it asks the terminal for something has had its answer. */
  replay: z.boolean(),
});
export type TerminalChunk = z.infer<typeof TerminalChunkSchema>;

export const MAX_TERMINALS = 32;
/** While somebody reads, a terminal whose output is so far ahead of what its readers have acknowledged waits for them. */
export const TERMINAL_WINDOW_BYTES = 512 << 10;

export interface TerminalService extends Disposable {
  /** In the order in which they were made. */
  list(): readonly TerminalInfo[];
  readonly onDidChange: Event<readonly TerminalInfo[]>;
  create(size: TerminalSize, name?: string): Promise<Result<TerminalInfo>>;
  /** Types. What is typed at a shell that has ended is an error. */
  write(id: string, text: string): Result<void>;
  resize(id: string, size: TerminalSize): Result<void>;
  rename(id: string, name: string): Result<void>;
  /** A new shell in a terminal whose shell has ended; what was printed stays. */
  restart(id: string, size: TerminalSize): Promise<Result<TerminalInfo>>;
  /** Ends the shell, and everything that was started in it and has not made a session of its own; takes the terminal off the list. */
  kill(id: string): Result<void>;
  /** Scrollback from byte `from` on, then what comes; ends when the terminal is killed. Its reader must `acknowledge`. */
  output(id: string, from: number, options?: LongOperation): AsyncIterable<TerminalChunk>;
  /** A reader has shown everything up to here. The reader that is furthest ahead counts. */
  acknowledge(id: string, offset: number): void;
}

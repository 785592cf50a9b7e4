import { z } from 'zod';
import { AppErrorSchema } from './common.ts';
import { MachineInfoSchema, MachineStateSchema } from './machine.ts';

/**
 * What a second terminal and a machine's owner say to each other over the run directory's `control.sock`: one JSON object a line.
 * The owner speaks first (`hello`), then sends `state` and `serial` as they happen and one `reply` for each request.
 */
export const ControlRequestSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.enum(['pause', 'resume', 'reset', 'stop']), id: z.number().int() }),
  /** `arguments` is JSON with integers of any size, as `app/wire/qmp` writes it. */
  z.strictObject({
    op: z.literal('query'),
    id: z.number().int(),
    command: z.string().max(128),
    arguments: z.string().max(4096).nullable(),
  }),
  /** Bytes for the serial port, base64. */
  z.strictObject({ op: z.literal('write'), data: z.string().max(65536) }),
]);
export type ControlRequest = z.infer<typeof ControlRequestSchema>;

export const ControlMessageSchema = z.discriminatedUnion('kind', [
  /** `scrollback` is base64. */
  z.object({ kind: z.literal('hello'), info: MachineInfoSchema, state: MachineStateSchema, scrollback: z.string() }),
  z.object({ kind: z.literal('state'), state: MachineStateSchema }),
  z.object({ kind: z.literal('serial'), data: z.string() }),
  /** `text` is the answer to `query`, as JSON with integers of any size. */
  z.object({
    kind: z.literal('reply'),
    id: z.number().int(),
    error: AppErrorSchema.nullable(),
    text: z.string().default(''),
  }),
]);
export type ControlMessage = z.infer<typeof ControlMessageSchema>;

/** `machine.tson` in a run directory. The start times make process ids unique. */
export const RunRecordSchema = z.object({
  version: z.literal(1),
  owner: z.object({ pid: z.number().int(), started: z.string() }),
  qemu: z.object({ pid: z.number().int(), started: z.string() }),
  info: MachineInfoSchema,
});
export type RunRecord = z.infer<typeof RunRecordSchema>;

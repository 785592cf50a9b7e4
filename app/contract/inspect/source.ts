import { z } from 'zod';
import type { MachineInfo } from '../machine.ts';

/** What is looked at: a machine that runs or stands still, or a dump of one. */
export type InspectSource =
  | { readonly machine: MachineInfo }
  | { readonly dump: string }
  | { readonly gdb: GdbAddress; readonly kernel: string | null };

/** Where a gdb stub listens, of a machine that the studio did not start. Only the command line looks there: it stops the machine. */
export type GdbAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Tells sources apart. */
export function sourceKey(source: InspectSource): string {
  if ('machine' in source) return `machine:${source.machine.id}`;
  if ('dump' in source) return `dump:${source.dump}`;
  return `gdb:${'path' in source.gdb ? source.gdb.path : `${source.gdb.host}:${source.gdb.port}`}`;
}

/** The same on the wire, where a machine is its id. */
export const MachineIdSchema = z.string().min(1).max(64);
export const DumpPathSchema = z.string().min(1).max(4096);

/** The input of a question about a source: `{ id, … }` or `{ dump, … }`. */
export function withSource<S extends z.ZodRawShape>(shape: S) {
  return z.union([
    z.strictObject({ id: MachineIdSchema, ...shape }),
    z.strictObject({ dump: DumpPathSchema, ...shape }),
  ]);
}
export const SourceRefSchema = withSource({});
export type SourceRef = z.infer<typeof SourceRefSchema>;

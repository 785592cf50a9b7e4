import { z } from 'zod';
import type { LongOperation } from '../../base/cancel.ts';
import { AppErrorSchema, HexSchema, type Progress, ProgressSchema } from '../common.ts';

/** Memory as it is looked at, searched and changed. */

export const MemorySpaceSchema = z.enum(['virtual', 'physical']);
export type MemorySpace = z.infer<typeof MemorySpaceSchema>;

/** The most that one look takes. */
export const MAX_LOOK_BYTES = 1 << 20;

export const MemoryViewSchema = z.object({
  space: MemorySpaceSchema,
  address: HexSchema,
  size: z.number().int(),
  /** `size` bytes, base64; zero where there is none. */
  data: z.string(),
  /** Where there is memory, in order: offsets into `data`. */
  present: z.array(z.object({ offset: z.number().int(), bytes: z.number().int() })),
  /** Guest-physical address of the first byte; null where it is not mapped. */
  physical: HexSchema.nullable(),
  /** Object or function of the image at the first byte. */
  symbol: z.string().nullable(),
});
export type MemoryView = z.infer<typeof MemoryViewSchema>;

/** Bytes to look for, hex. */
export const PatternSchema = z.string().regex(/^([0-9a-f]{2}){1,64}$/);

export const MemorySearchEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number(), total: z.number() }),
  /** `context`: the bytes from the match on, hex. */
  z.object({ kind: z.literal('match'), address: HexSchema, context: z.string() }),
  /** `more`: it was ended because there were so many. */
  z.object({ kind: z.literal('finished'), matches: z.number().int(), more: z.boolean() }),
  z.object({
    kind: z.literal('failed'),
    error: AppErrorSchema,
  }),
]);
export type MemorySearchEvent = z.infer<typeof MemorySearchEventSchema>;

export const MAX_WRITE_BYTES = 4096;
export const BytesSchema = z.string().regex(/^([0-9a-f]{2}){1,4096}$/);

/** A change of memory: what stood there, for taking it back. */
export const MemoryWriteSchema = z.object({
  address: HexSchema,
  space: MemorySpaceSchema,
  before: z.string(),
  after: z.string(),
});
export type MemoryWrite = z.infer<typeof MemoryWriteSchema>;

/** An address by the name that a person typed. */
export const ResolvedSchema = z.object({
  address: HexSchema,
  /** The whole name, demangled; of a register, its name. */
  name: z.string(),
  size: z.number().nullable(),
});
export type Resolved = z.infer<typeof ResolvedSchema>;

export const SymbolEntrySchema = z.object({
  name: z.string(),
  address: HexSchema,
  size: z.number(),
  kind: z.enum(['function', 'object', 'other']),
});
export type SymbolEntry = z.infer<typeof SymbolEntrySchema>;

/** A dump that was written. */
export const DumpWrittenSchema = z.object({
  path: z.string(),
  bytes: z.number(),
  /** The answers of QEMU that were kept beside it. */
  sidecar: z.string(),
  recorded: z.number().int(),
  /** What could not be known of the machine, in words. */
  lacks: z.array(z.string()),
});
export type DumpWritten = z.infer<typeof DumpWrittenSchema>;

/** A dump as it is written. Leaving the stream cancels it; nothing stays then. */
export const DumpEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), progress: ProgressSchema }),
  z.object({ kind: z.literal('finished'), dump: DumpWrittenSchema }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type DumpEvent = z.infer<typeof DumpEventSchema>;

export interface DumpOptions extends LongOperation {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What a dump is, and what it lacks. */
export const DumpInfoSchema = z.object({
  path: z.string(),
  bytes: z.number(),
  processors: z.number().int(),
  memoryBytes: HexSchema,
  /** Made by the studio, with QEMU's answers beside it. */
  recorded: z.boolean(),
  madeAt: z.number().nullable(),
  kernel: z.string().nullable(),
  /** The profile of the machine that it was made of. */
  profile: z.string().nullable(),
  /** In words, for people. */
  lacks: z.array(z.string()),
});
export type DumpInfo = z.infer<typeof DumpInfoSchema>;

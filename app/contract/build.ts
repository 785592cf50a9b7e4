import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema } from './common.ts';

/** A place in a source file. Lines and columns count from 1, columns in characters; the end column is exclusive. */
export const SourceSpanSchema = z.object({
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
  endLine: z.number().int(),
  endColumn: z.number().int(),
  primary: z.boolean(),
  label: z.string().nullable(),
});
export type SourceSpan = z.infer<typeof SourceSpanSchema>;

export const SuggestionSchema = z.object({
  message: z.string(),
  span: SourceSpanSchema,
  replacement: z.string(),
  /** Whether the compiler is sure that the replacement is right. */
  machineApplicable: z.boolean(),
});

export const DiagnosticSchema = z.object({
  severity: z.enum(['error', 'warning', 'note', 'help']),
  message: z.string(),
  /** `E0308`, or a lint's name; null where there is none. */
  code: z.string().nullable(),
  packageName: z.string(),
  spans: z.array(SourceSpanSchema),
  notes: z.array(z.string()),
  suggestions: z.array(SuggestionSchema),
  /** The compiler's own text, with its drawing. */
  rendered: z.string(),
});
export type Diagnostic = z.infer<typeof DiagnosticSchema>;

export const BuildResultSchema = z.object({
  elfPath: z.string(),
  efiPath: z.string(),
  elfBytes: z.number(),
  efiBytes: z.number(),
  durationMs: z.number(),
  /** Nothing had changed. */
  fresh: z.boolean(),
  errors: z.number().int(),
  warnings: z.number().int(),
});
export type BuildResult = z.infer<typeof BuildResultSchema>;

export const BuildEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('step'), title: z.string(), command: z.array(z.string()) }),
  z.object({ kind: z.literal('diagnostic'), diagnostic: DiagnosticSchema }),
  z.object({ kind: z.literal('artifact'), packageName: z.string(), fresh: z.boolean(), count: z.number().int() }),
  z.object({ kind: z.literal('output'), line: z.string() }),
  z.object({ kind: z.literal('finished'), result: BuildResultSchema }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema, errors: z.number().int() }),
]);
export type BuildEvent = z.infer<typeof BuildEventSchema>;

export const SizeSectionSchema = z.object({
  name: z.string(),
  bytes: z.number(),
  /** What it is at run time; `debug` is not loaded. */
  kind: z.enum(['code', 'constant', 'data', 'zeroed', 'debug']),
});
export type SizeSection = z.infer<typeof SizeSectionSchema>;

export const SizeSymbolSchema = z.object({
  /** Demangled. */
  name: z.string(),
  bytes: z.number(),
  kind: z.enum(['function', 'object', 'other']),
  section: z.string(),
  /** Empty where the name does not say so. */
  crate: z.string(),
});
export type SizeSymbol = z.infer<typeof SizeSymbolSchema>;

/** What an image is made of. */
export const ImageSizeSchema = z.object({
  fileBytes: z.number(),
  /** Taken in memory when it runs, and of the file what is never loaded. */
  memoryBytes: z.number(),
  debugBytes: z.number(),
  sections: z.array(SizeSectionSchema),
  /** The largest, largest first. */
  symbols: z.array(SizeSymbolSchema),
  /** Of all that have a size. */
  symbolCount: z.number().int(),
});
export type ImageSize = z.infer<typeof ImageSizeSchema>;

export interface BuildService {
  /** Builds the kernel. The last event is `finished` or `failed`; one build runs at a time, a second waits. */
  build(options?: LongOperation): AsyncIterable<BuildEvent>;
  /** What a built image is made of. */
  size(elfPath: string): Promise<Result<ImageSize>>;
}

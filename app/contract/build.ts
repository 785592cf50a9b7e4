import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
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

export interface BuildService {
  /** Builds the kernel. The last event is `finished` or `failed`; one build runs at a time, a second waits. */
  build(options?: LongOperation): AsyncIterable<BuildEvent>;
}

import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Result } from '../base/result.ts';
import type { Progress } from './common.ts';

/** What a GGUF header says about a model. */
export const ModelFactsSchema = z.object({
  title: z.string(),
  architecture: z.string(),
  parameters: z.number(),
  /** The type that most weights have: `Q8_0`. */
  quantisation: z.string(),
  contextLength: z.number().nullable(),
  tensors: z.number(),
  chatTemplate: z.boolean(),
  /** Empty if the kernel can run it, else why it cannot. */
  unsupported: z.string(),
});
export type ModelFacts = z.infer<typeof ModelFactsSchema>;

export const ModelEntrySchema = z.object({
  /** What `--model` takes: the file name without `.gguf`, or `demo`. */
  name: z.string(),
  path: z.string(),
  source: z.enum(['builtin', 'library', 'file']),
  sizeBytes: z.number(),
  /** Null if the file is not a GGUF that can be read; then `problem` says why. */
  facts: ModelFactsSchema.nullable(),
  problem: z.string(),
});
export type ModelEntry = z.infer<typeof ModelEntrySchema>;

export const CatalogueEntrySchema = z.object({
  name: z.string(),
  title: z.string(),
  url: z.string(),
  fileName: z.string(),
  approximateBytes: z.number(),
  licence: z.string(),
  installed: z.boolean(),
  /** Bytes that an interrupted download has left; `get` goes on from there. */
  partBytes: z.number(),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntrySchema>;

export interface ModelOptions extends LongOperation {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ModelService {
  /** Where the library is. */
  readonly directory: string;
  list(): Promise<ModelEntry[]>;
  catalogue(): Promise<CatalogueEntry[]>;
  /** A path, the name of a library model, or without name the demo model. */
  resolve(nameOrPath?: string): Promise<Result<ModelEntry>>;
  /** Takes a GGUF file into the library: a hard link where possible, else a copy. */
  add(file: string, options?: ModelOptions): Promise<Result<ModelEntry>>;
  /** Downloads a model of the catalogue; an interrupted download goes on where it stopped. */
  get(name: string, options?: ModelOptions): Promise<Result<ModelEntry>>;
  /** Takes a model out of the library. It can be put back until the next one is removed. */
  remove(name: string): Promise<Result<void>>;
  /** Puts back what was removed last. */
  restore(name: string): Promise<Result<ModelEntry>>;
}

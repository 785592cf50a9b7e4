import { z } from 'zod';
import { HexSchema } from './common.ts';

/** What the image says about an address of the kernel. */
export const CodePlaceSchema = z.object({
  address: HexSchema,
  /** `function+0x12`; null outside of every function. */
  symbol: z.string().nullable(),
  /** The source of the innermost code there, inlined or not; null where the image does not say. */
  source: z
    .object({
      /** Absolute, or as the compiler wrote it. */
      file: z.string(),
      /** The same inside the workspace; null if it lies outside, as the standard library's does. */
      path: z.string().nullable(),
      line: z.number().int(),
      /** From 1; 0 is unknown. */
      column: z.number().int(),
    })
    .nullable(),
  /** Where the source lies outside: the last place of the workspace before it in the same function, which the foreign code is part of. */
  caller: z.object({ path: z.string(), line: z.number().int(), column: z.number().int() }).nullable(),
});
export type CodePlace = z.infer<typeof CodePlaceSchema>;

/** Most addresses that are asked for at once. */
export const MAX_PLACES = 256;

export const CodePlacesSchema = z.object({
  places: z.array(CodePlaceSchema),
  /** The image was built again since the machine started: names and lines may be those of other code. */
  rebuilt: z.boolean(),
  /** Why there are no lines; empty if there are. */
  problem: z.string(),
});
export type CodePlaces = z.infer<typeof CodePlacesSchema>;

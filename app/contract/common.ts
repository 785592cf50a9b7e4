import { z } from 'zod';

/** An `AppError` on the wire. */
export const AppErrorSchema = z.object({ code: z.string(), what: z.string(), why: z.string(), fix: z.string() });

/** A 64-bit address or register on the wire: `0x` and hex digits. `app/base/address` converts. */
export const HexSchema = z.string().regex(/^0x[0-9a-f]{1,16}$/);

/** A moment, milliseconds since 1970. */
export const EpochMsSchema = z.number().int().nonnegative();

/** Progress of a long operation. `total` is null where it is not known. */
export const ProgressSchema = z.object({
  message: z.string(),
  done: z.number().nonnegative(),
  total: z.number().nonnegative().nullable(),
  unit: z.enum(['bytes', 'steps']),
});
export type Progress = z.infer<typeof ProgressSchema>;

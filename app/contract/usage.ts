import { z } from 'zod';

/**
 * What a machine's QEMU process has cost the host so far. Readers that ask twice get rates: processor time over `atMs`, both by clocks
 * that never jump.
 */
export const MachineUsageSchema = z.object({
  /** When it was measured; only differences mean something. */
  atMs: z.number(),
  /** Processor time of all threads since QEMU's start. */
  cpuMs: z.number().nonnegative(),
  /** Processors of the host: what 100 % of everything would be. */
  hostProcessors: z.number().int().positive(),
  threads: z.number().int().nullable(),
  /** Memory that is in RAM now, the guest's touched pages included. */
  residentBytes: z.number().nonnegative(),
  /** Of it, shared memory: the guest's RAM; null where the system does not tell. */
  guestBytes: z.number().nonnegative().nullable(),
  /** How fast the guest made its last tokens, by the kernel's own trace; null before the first, or without a trace. */
  tokensPerSecond: z.number().nullable(),
  /** Tokens that the kernel has worked on since boot. */
  tokens: z.number().nullable(),
});
export type MachineUsage = z.infer<typeof MachineUsageSchema>;

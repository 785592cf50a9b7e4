import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** One station of an interrupt's way. */
export const HopSchema = z.object({
  station: z.enum(['source', 'message', 'lapic', 'processor', 'gate', 'handler', 'eoi']),
  /** `broken`: here it stops. `waiting`: it is here now. `off`: nobody has switched it on. `unknown`: QEMU does not say. */
  state: z.enum(['ok', 'waiting', 'off', 'broken', 'unknown']),
  text: z.string(),
  /** Registers and bytes that say so. */
  evidence: z.string(),
});
export type Hop = z.infer<typeof HopSchema>;

export const IrqRouteSchema = z.object({
  /** Stable: `ioapic 4`, `msi-x 00:01.0 1`, `lvt 0 LVTT`, `pic0 0`, `pci 00:01.0`. */
  id: z.string(),
  /** `IOAPIC pin 4, serial port COM1`. */
  title: z.string(),
  device: z.string(),
  vector: z.number().int().nullable(),
  processors: z.array(z.number().int()),
  /** How often its line was raised, where QEMU counts. */
  raised: z.number().int().nullable(),
  hops: z.array(HopSchema),
  verdict: z.enum(['ok', 'waiting', 'off', 'broken', 'unknown']),
});
export type IrqRoute = z.infer<typeof IrqRouteSchema>;

export const LocalApicViewSchema = z.object({
  processor: z.number().int(),
  enabled: z.boolean(),
  /** RFLAGS.IF. */
  interruptsOn: z.boolean(),
  halted: z.boolean(),
  tpr: HexSchema,
  ppr: HexSchema,
  spurious: z.number().int(),
  requested: z.array(z.number().int()),
  inService: z.array(z.number().int()),
});
export type LocalApicView = z.infer<typeof LocalApicViewSchema>;

export const IrqViewSchema = z.object({
  lapics: z.array(LocalApicViewSchema),
  routes: z.array(IrqRouteSchema),
  /** Pins, entries and lines that are masked and have nothing to say, which are not among the routes. */
  silent: z.number().int(),
  unknown: z.array(z.string()),
});
export type IrqView = z.infer<typeof IrqViewSchema>;

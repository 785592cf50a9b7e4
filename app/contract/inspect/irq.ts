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

/** A pin of an IOAPIC. */
export const IrqPinSchema = z.object({
  /** `index` of its IOAPIC. */
  ioapic: z.number().int().nonnegative(),
  pin: z.number().int().nonnegative(),
  /** The global system interrupt (ACPI 6.5 §5.2.13); null where it is not known which IOAPIC this is. */
  gsi: z.number().int().nonnegative().nullable(),
});

export const IrqRouteSchema = z.object({
  /** Stable: `ioapic 4` (of several IOAPICs `ioapic1 22`), `msi-x 00:01.0 1`, `lvt 0 LVTT`, `pic0 0`, `pci 00:01.0`. */
  id: z.string(),
  /** `IOAPIC pin 4`; of several IOAPICs `IOAPIC 1 pin 22 (GSI 46)`. */
  title: z.string(),
  device: z.string(),
  /** Null of what does not come through an IOAPIC. */
  pin: IrqPinSchema.nullable(),
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

export const IoApicViewSchema = z.object({
  /** In the order of their interrupts. */
  index: z.number().int().nonnegative(),
  /** Guest-physical, of its registers; null of one that is alone, and where it is not known. */
  address: HexSchema.nullable(),
  /** Global system interrupt of its first pin. */
  firstInterrupt: z.number().int().nonnegative().nullable(),
  /** Who says so: ACPI's MADT; or QEMU's own order of addresses, where there is no MADT. Null of one that is alone: it begins at 0. */
  from: z.enum(['acpi', 'order']).nullable(),
  pins: z.number().int().nonnegative(),
});
export type IoApicView = z.infer<typeof IoApicViewSchema>;

export const IrqViewSchema = z.object({
  lapics: z.array(LocalApicViewSchema),
  ioapics: z.array(IoApicViewSchema),
  routes: z.array(IrqRouteSchema),
  /** Pins, entries and lines that are masked and have nothing to say, which are not among the routes. */
  silent: z.number().int(),
  unknown: z.array(z.string()),
});
export type IrqView = z.infer<typeof IrqViewSchema>;

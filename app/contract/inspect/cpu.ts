import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** One field of a register; `app/x86/registers` says what it means. */
export const BitValueSchema = z.object({
  name: z.string(),
  low: z.number().int(),
  width: z.number().int(),
  value: HexSchema,
  /** The value in words, where it is more than a number: `write-back`. */
  says: z.string().optional(),
});

/** What our kernel wrote down of a register (`kernel/abi`, `MsrRecord`). */
export const WrittenDownSchema = z.object({
  value: HexSchema,
  /** When it was read, in milliseconds after power-on; null while the TSC's frequency is unknown. */
  readMs: z.number().nullable(),
  /** How often the kernel has written it since the bring-up of its core: with 0 the value is of the bring-up. */
  changes: z.number().int(),
});
export type WrittenDown = z.infer<typeof WrittenDownSchema>;

export const RegisterViewSchema = z.object({
  /** By QEMU's name: `cr0`, `efer`, `rfl`, `dr7`. */
  name: z.string(),
  value: HexSchema,
  /** Bits of `value` that are known; of a register that QEMU does not tell, what follows from others. */
  known: HexSchema,
  bits: z.array(BitValueSchema),
  /** `now`: it was asked. `kernel`: nobody tells what it is now, and `value` is what our kernel wrote down. */
  from: z.enum(['now', 'kernel']),
  /** What our kernel wrote down; of a register that is asked now only if that is another value. */
  written: WrittenDownSchema.nullable(),
});
export type RegisterView = z.infer<typeof RegisterViewSchema>;

/** A model-specific register: `pat`, `mtrr_physbase0`. */
export const MsrViewSchema = RegisterViewSchema.extend({
  number: HexSchema,
  /** What it comes to, in words. */
  says: z.string().nullable(),
});
export type MsrView = z.infer<typeof MsrViewSchema>;

export const MsrsViewSchema = z.object({
  /** Another for every other content. */
  revision: z.string(),
  processors: z.array(
    z.object({
      index: z.number().int(),
      /** The kernel's number of it. */
      core: z.number().int(),
      /** End of its bring-up, in milliseconds after power-on. */
      readMs: z.number().nullable(),
      registers: z.array(MsrViewSchema),
    }),
  ),
  /** What does not hold in what the kernel wrote down. */
  problems: z.array(z.string()),
});
export type MsrsView = z.infer<typeof MsrsViewSchema>;

export const SegmentViewSchema = z.object({
  name: z.string(),
  selector: HexSchema,
  base: HexSchema,
  /** In bytes. */
  limit: HexSchema,
  /** In the manual's words: `code64 execute/read`. */
  type: z.string(),
  present: z.boolean(),
  dpl: z.number().int(),
  long: z.boolean(),
  big: z.boolean(),
  granular: z.boolean(),
  accessed: z.boolean(),
  /** What a reader might take amiss, such as a TSS in use whose copy says available. */
  note: z.string().nullable(),
});
export type SegmentView = z.infer<typeof SegmentViewSchema>;

export const TableRegisterSchema = z.object({ base: HexSchema, limit: HexSchema });

export const ProcessorViewSchema = z.object({
  index: z.number().int(),
  halted: z.boolean(),
  /** What the processor executes now. */
  mode: z.enum([
    'real',
    'protected 16-bit',
    'protected 32-bit',
    'virtual-8086',
    'compatibility 16-bit',
    'compatibility 32-bit',
    '64-bit',
  ]),
  paging: z.enum(['none', '32-bit', 'pae', '4-level', '5-level']),
  cpl: z.number().int(),
  /** General registers and the instruction pointer, in the manual's order. */
  general: z.array(z.object({ name: z.string(), value: HexSchema })),
  /** Where the instruction pointer is, if the image says. */
  place: z.string().nullable(),
  segments: z.array(SegmentViewSchema),
  gdt: TableRegisterSchema,
  idt: TableRegisterSchema,
  /** CR0, CR3, CR4, EFER, XCR0, RFLAGS, DR6, DR7 bit by bit. */
  registers: z.array(RegisterViewSchema),
  /** Registers that are addresses: CR2, DR0 to DR3. */
  addresses: z.array(z.object({ name: z.string(), value: HexSchema })),
});
export type ProcessorView = z.infer<typeof ProcessorViewSchema>;

export const CpuViewSchema = z.object({
  processors: z.array(ProcessorViewSchema),
  /** What started processors have differently, beside general registers: `cr4`, `idt.limit`. */
  differences: z.array(
    z.object({ name: z.string(), values: z.array(z.object({ processor: z.number().int(), value: HexSchema })) }),
  ),
  /** Model-specific registers; null where `unknown` says why. */
  msrs: MsrsViewSchema.nullable(),
  /** What cannot be had from this source, and why. */
  unknown: z.array(z.string()),
});
export type CpuView = z.infer<typeof CpuViewSchema>;

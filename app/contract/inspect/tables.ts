import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** Bytes in the order of memory, two digits each, no spaces. */
export const HexBytesSchema = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .max(32);

export const DescriptorViewSchema = z.object({
  index: z.number().int(),
  selector: HexSchema,
  kind: z.enum(['null', 'segment', 'tss', 'ldt', 'call-gate', 'gate', 'reserved', 'upper']),
  /** The manual's words: `code64 execute/read`, `TSS64 busy`. */
  type: z.string(),
  /** 8 bytes, or 16 with the upper half. */
  bytes: HexBytesSchema,
  present: z.boolean(),
  dpl: z.number().int(),
  /** Null where the kind has none. Of a call gate the offset. */
  base: HexSchema.nullable(),
  /** In bytes. */
  limit: HexSchema.nullable(),
  /** Set bits among `L D G A AVL`; of a call gate the selector of its code, `→ 0x8`. */
  flags: z.string(),
  /** Registers whose selector names it. */
  users: z.array(z.string()),
});
export type DescriptorView = z.infer<typeof DescriptorViewSchema>;

export const GateViewSchema = z.object({
  vector: z.number().int(),
  /** `#PF page fault`; of others empty. */
  name: z.string(),
  bytes: HexBytesSchema,
  present: z.boolean(),
  empty: z.boolean(),
  type: z.string(),
  dpl: z.number().int(),
  ist: z.number().int(),
  selector: HexSchema,
  offset: HexSchema,
  /** The handler by the image's symbols: `trap_stubs+0xe0`. */
  symbol: z.string().nullable(),
});
export type GateView = z.infer<typeof GateViewSchema>;

/** A stack that the TSS names. */
export const StackViewSchema = z.object({
  /** `RSP0`, `IST1`. */
  name: z.string(),
  /** Where the first push goes below. */
  top: HexSchema,
  symbol: z.string().nullable(),
  /** Bytes below the top that are mapped and writable, up to 64 KiB. */
  mappedBytes: z.number().int(),
  /** Whether the page below these is not mapped; false where more than 64 KiB are. */
  guarded: z.boolean(),
  /** Vectors whose gates use it. */
  vectors: z.array(z.number().int()),
});
export type StackView = z.infer<typeof StackViewSchema>;

export const TssViewSchema = z.object({
  selector: HexSchema,
  base: HexSchema,
  limit: HexSchema,
  /** RSP0 to 2 and IST1 to 7; null beyond the limit or where memory cannot be read. */
  rsp: z.array(HexSchema.nullable()),
  ist: z.array(HexSchema.nullable()),
  ioMap: z.number().int().nullable(),
  stacks: z.array(StackViewSchema),
});
export type TssView = z.infer<typeof TssViewSchema>;

const SubjectSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['gdt', 'ldt', 'idt', 'tss', 'processor']) }),
  /** Of the GDT; of the LDT. */
  z.object({ kind: z.enum(['descriptor', 'ldt-descriptor']), index: z.number().int() }),
  z.object({ kind: z.literal('gate'), vector: z.number().int() }),
  z.object({ kind: z.literal('ist'), number: z.number().int() }),
  z.object({ kind: z.literal('register'), name: z.string() }),
]);

/** A mistake that the linter has found (`app/x86/lint`). */
export const TableFindingSchema = z.object({
  rule: z.string(),
  severity: z.enum(['error', 'warning', 'note']),
  title: z.string(),
  evidence: z.string(),
  fix: z.string(),
  section: z.string(),
  processors: z.array(z.number().int()),
  subject: SubjectSchema,
});
export type TableFinding = z.infer<typeof TableFindingSchema>;

/** The GDT, or an LDT. */
const DescriptorTableSchema = z.object({
  base: HexSchema,
  /** As the register has it. Of an LDT it may be beyond 0xffff, where no selector reaches. */
  limit: HexSchema,
  /** Bytes that are mapped to RAM, from the base on. */
  readableBytes: z.number().int(),
  descriptors: z.array(DescriptorViewSchema),
  /** Descriptors that are not listed: null ones at the end, and what is beyond the first 256. */
  omitted: z.number().int(),
});

export const TablesViewSchema = z.object({
  processor: z.number().int(),
  /** How many there are to choose from. */
  processors: z.number().int(),
  /** IA-32e mode: gates and system descriptors have their long form. */
  long: z.boolean(),
  gdt: DescriptorTableSchema,
  /** By LDTR's hidden part, with the selector of its descriptor in the GDT. Null if LDTR is: no LDT is in use. */
  ldt: DescriptorTableSchema.extend({ selector: HexSchema }).nullable(),
  idt: z.object({ base: HexSchema, limit: HexSchema, readableBytes: z.number().int(), gates: z.array(GateViewSchema) }),
  /** Null if TR is 0, or outside of IA-32e mode. */
  tss: TssViewSchema.nullable(),
  findings: z.array(TableFindingSchema),
  /** The guest wrote to the tables at every look. */
  torn: z.boolean(),
});
export type TablesView = z.infer<typeof TablesViewSchema>;

/** A change to a table that is only thought of. */
export const TableEditSchema = z.strictObject({
  table: z.enum(['gdt', 'ldt', 'idt', 'tss']),
  offset: z.number().int().min(0).max(65535),
  bytes: z.string().regex(/^([0-9a-f]{2}){1,16}$/),
});
export type TableEdit = z.infer<typeof TableEditSchema>;

export const WhatIfQuestionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('load'),
    register: z.enum(['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'tr', 'ldtr']),
    selector: z.number().int().min(0).max(65535),
  }),
  z.strictObject({
    kind: z.literal('deliver'),
    vector: z.number().int().min(0).max(255),
    source: z.enum(['exception', 'software', 'external']),
  }),
]);
export type WhatIfQuestion = z.infer<typeof WhatIfQuestionSchema>;

export const WhatIfRequestSchema = z.strictObject({
  processor: z.number().int().min(0).max(1023).default(0),
  edits: z.array(TableEditSchema).max(64),
  question: WhatIfQuestionSchema,
});
export type WhatIfRequest = z.infer<typeof WhatIfRequestSchema>;

const CheckSchema = z.object({
  what: z.string(),
  passed: z.boolean(),
  section: z.string(),
  /** What QEMU's emulator does otherwise than hardware; empty if nothing is known. */
  emulator: z.string(),
});

/** What the processor would do: the checks of each attempt, and how it ends. */
export const PredictionViewSchema = z.object({
  attempts: z.array(z.object({ event: z.string(), checks: z.array(CheckSchema), outcome: z.string() })),
  kind: z.enum(['loaded', 'handler', 'fault', 'triple-fault']),
  /** One line: how it ends. */
  outcome: z.string(),
  handler: z
    .object({
      vector: z.number().int(),
      rip: HexSchema,
      rsp: HexSchema,
      ist: z.number().int(),
      symbol: z.string().nullable(),
    })
    .nullable(),
});
export type PredictionView = z.infer<typeof PredictionViewSchema>;

export const WhatIfViewSchema = z.object({
  /** With the tables as they are, and with the edits. */
  before: PredictionViewSchema,
  after: PredictionViewSchema,
  /** What the linter would say that it does not say now. */
  findings: z.array(TableFindingSchema),
});
export type WhatIfView = z.infer<typeof WhatIfViewSchema>;

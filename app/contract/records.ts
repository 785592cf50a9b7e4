import { z } from 'zod';
import { EpochMsSchema, HexSchema } from './common.ts';

/**
 * The kernel's records (`kernel/abi`) as they are drawn, printed and asserted. `problems` says in words what does not hold
 * in the bytes: a hostile or half-written record is shown, not refused.
 */

const problems = z.array(z.string());
/** A TSC value; raw, 64 bits. */
const tsc = HexSchema;

export const PhaseSchema = z.object({
  name: z.string(),
  startTsc: tsc,
  /** Null while the phase runs. */
  endTsc: tsc.nullable(),
  /** Milliseconds since the kernel's first instruction; null while the TSC's frequency is unknown. */
  startMs: z.number().nullable(),
  durationMs: z.number().nullable(),
});

export const BootReportSchema = z.object({
  version: z.number(),
  tscHz: z.number().nullable(),
  entryTsc: tsc,
  source: z.enum(['unknown', 'pvh', 'uefi', 'invalid']),
  coresFound: z.number(),
  coresOnline: z.number(),
  memoryBytes: z.number(),
  /** From entry to the first token of the first request; null before. */
  firstTokenMs: z.number().nullable(),
  engine: z.string(),
  model: z.string(),
  phases: z.array(PhaseSchema),
  phasesDropped: z.number(),
  problems,
});
export type BootReport = z.infer<typeof BootReportSchema>;

/** What the owner of a machine saw of its start; `stamps.json` in the run directory. */
export const HostStampsSchema = z.object({
  /** QEMU was started. */
  spawnedAt: EpochMsSchema,
  /** The guest was let run. */
  poweredOnAt: EpochMsSchema,
  /** Something came from the serial port, firmware's output included; null before. */
  firstByteAt: EpochMsSchema.nullable(),
  /** Resets since, wanted ones and a BIOS's own. */
  resets: z.number().int().nonnegative(),
});
export type HostStamps = z.infer<typeof HostStampsSchema>;

/** A boot on one axis: milliseconds from QEMU's start. */
export const BootTimelineSchema = z.object({
  /** The kernel's first instruction; null where `problems` says why. The kernel's spans are absent then. */
  entryMs: z.number().nullable(),
  /** In order of their start; `durationMs` is null while a span runs. */
  spans: z.array(
    z.object({
      name: z.string(),
      by: z.enum(['host', 'firmware', 'kernel']),
      startMs: z.number(),
      durationMs: z.number().nullable(),
    }),
  ),
  marks: z.array(z.object({ name: z.string(), atMs: z.number() })),
  problems,
});
export type BootTimeline = z.infer<typeof BootTimelineSchema>;

export const OPERATIONS = [
  'embed',
  'attention-norm',
  'qkv',
  'rope',
  'attention',
  'attention-output',
  'ffn-norm',
  'gate-up',
  'activation',
  'down',
  'output-norm',
  'logits',
  'sample',
  'barrier',
  'forward',
] as const;

export const TraceSpanSchema = z.object({
  /** Number of the span since boot, decimal. */
  number: z.number(),
  token: z.number(),
  position: z.number(),
  /** Null outside of transformer blocks. */
  layer: z.number().nullable(),
  /** One of `OPERATIONS`, or `operation-N` for one that this studio does not know. */
  operation: z.string(),
  core: z.number(),
  startTsc: tsc,
  endTsc: tsc,
  durationNs: z.number().nullable(),
});
export type TraceSpan = z.infer<typeof TraceSpanSchema>;

export const TraceSpansSchema = z.object({
  version: z.number(),
  tscHz: z.number().nullable(),
  enabled: z.boolean(),
  capacity: z.number(),
  /** Spans begun since boot; those older than `capacity` are gone. */
  written: z.number(),
  /** Slots that were being written or overwritten while they were read. */
  torn: z.number(),
  /** Oldest first. */
  spans: z.array(TraceSpanSchema),
  problems,
});
export type TraceSpans = z.infer<typeof TraceSpansSchema>;

export const EPITAPH_REGISTERS = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
  ...['rip', 'rflags', 'cs', 'ss', 'cr0', 'cr2', 'cr3', 'cr4', 'efer'],
] as const;

export const EpitaphSchema = z.object({
  version: z.number(),
  /** `alive`: nothing happened. `writing`: the fields may be half written. */
  state: z.enum(['alive', 'writing', 'written', 'invalid']),
  cause: z.enum(['none', 'exception', 'panic', 'invalid']),
  vector: z.number(),
  core: z.number(),
  errorCode: HexSchema,
  tsc,
  registers: z.record(z.string(), HexSchema),
  /** Return addresses, innermost first, with the symbol where one is known. */
  frames: z.array(z.object({ address: HexSchema, symbol: z.string().nullable() })),
  message: z.string(),
  problems,
});
export type Epitaph = z.infer<typeof EpitaphSchema>;

export const DriverQueueSchema = z.object({
  index: z.number(),
  size: z.number(),
  deviceSize: z.number(),
  layout: z.enum(['split', 'packed', 'invalid']),
  descGpa: HexSchema,
  availGpa: HexSchema,
  usedGpa: HexSchema,
  nextAvail: z.number(),
  lastUsed: z.number(),
  freeDescriptors: z.number(),
  /** Null where the driver polls. */
  vector: z.number().nullable(),
  notifications: z.number(),
  completed: z.number(),
});

export const DriverSchema = z.object({
  name: z.string(),
  transport: z.enum(['none', 'pci-modern', 'pci-legacy', 'mmio', 'invalid']),
  deviceClass: z.enum(['none', 'network', 'block', 'invalid']),
  status: z.number(),
  /** `00:04.0` for PCI, an address for MMIO. */
  location: z.string(),
  featuresOffered: HexSchema,
  featuresAccepted: HexSchema,
  queues: z.array(DriverQueueSchema),
});

export const DriverRegistrySchema = z.object({ version: z.number(), devices: z.array(DriverSchema), problems });
export type DriverRegistry = z.infer<typeof DriverRegistrySchema>;

export const WrittenRegisterSchema = z.object({
  /** Of the register, as RDMSR takes it. */
  number: HexSchema,
  value: HexSchema,
  tsc,
  /** Milliseconds from power-on to when it was read; null while the TSC's frequency is unknown. */
  readMs: z.number().nullable(),
  /** How often the kernel has written it since the bring-up of its core. */
  changes: z.number(),
});

export const WrittenCoreSchema = z.object({
  /** The kernel's number of it. */
  core: z.number(),
  apicId: z.number(),
  /** The end of its bring-up. */
  tsc,
  readMs: z.number().nullable(),
  /** Null where CR4.OSXSAVE is off. */
  xcr0: HexSchema.nullable(),
  /** Registers that found no room. */
  dropped: z.number(),
  registers: z.array(WrittenRegisterSchema),
});
export type WrittenCore = z.infer<typeof WrittenCoreSchema>;

/** Model-specific registers as each core read them at the end of its bring-up. Cores that have not come up are not there. */
export const MsrRecordSchema = z.object({
  version: z.number(),
  tscHz: z.number().nullable(),
  cores: z.array(WrittenCoreSchema),
  problems,
});
export type MsrRecord = z.infer<typeof MsrRecordSchema>;

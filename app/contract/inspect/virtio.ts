import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** What is seen of virtio devices and their queues. Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2". */

const u16 = z.number().int().min(0).max(0xffff);
const count = z.number().int().nonnegative();

/** Who may touch a buffer now. */
export const BufferOwnerSchema = z.enum([
  /** The driver's, to fill. */
  'free',
  /** In the avail ring, not yet taken by the device. */
  'published',
  /** Taken by the device. */
  'in-flight',
  /** In the used ring, not yet taken back by the driver. */
  'returned',
]);
export type BufferOwner = z.infer<typeof BufferOwnerSchema>;

/** §2.2, §5.x.3, §6. */
export const VirtioFeatureSchema = z.object({
  bit: z.number().int().min(0).max(127),
  /** As the specification has it, `VIRTIO_` and the device left out: `EVENT_IDX`; `bit 41` for one that is not known. */
  name: z.string(),
  meaning: z.string(),
  kind: z.enum(['device', 'ring', 'transport', 'unknown']),
  offered: z.boolean(),
  accepted: z.boolean(),
});
export type VirtioFeature = z.infer<typeof VirtioFeatureSchema>;

/** §2.1. */
export const VirtioStatusSchema = z.object({ value: z.number().int().min(0).max(255), names: z.array(z.string()) });

/** An entry of the MSI-X table (PCI Local Bus 3.0 §6.8.2) and its message (Intel SDM Vol. 3A §11.11). */
export const MsixEntrySchema = z.object({
  index: u16,
  masked: z.boolean(),
  pending: z.boolean(),
  address: HexSchema,
  data: z.number().int().nonnegative(),
  /** Processor vector; null where the address is none of an interrupt message. */
  vector: z.number().int().min(0).max(255).nullable(),
  /** An APIC id, or with `logical` a set of them as their LDR registers have it. */
  destination: z.number().int().nullable(),
  logical: z.boolean(),
});
export type MsixEntry = z.infer<typeof MsixEntrySchema>;

/** Null is what could not be known; `unknown` says why. */
export const VirtioPciSchema = z.object({
  /**
   * Where it was read. `ecam`: configuration space in memory. `ports`: the same through 0xCF8 and 0xCFC, of a machine that stands still
   * and has nothing else. `map`: what QEMU's memory map tells of it, of one that runs.
   */
  from: z.enum(['ecam', 'ports', 'map']),
  command: u16.nullable(),
  memorySpace: z.boolean().nullable(),
  busMaster: z.boolean().nullable(),
  intxDisabled: z.boolean().nullable(),
  msix: z
    .object({
      enabled: z.boolean().nullable(),
      functionMasked: z.boolean().nullable(),
      entries: z.array(MsixEntrySchema),
    })
    .nullable(),
  /** The device's `config_msix_vector`, and the vector of the queue that `queue_select` names (§4.1.4.3); 0xffff is "no vector". */
  configVector: u16.nullable(),
  selectedQueue: u16.nullable(),
  selectedVector: u16.nullable(),
  unknown: z.array(z.string()),
});
export type VirtioPci = z.infer<typeof VirtioPciSchema>;

/** The driver's own idea of a queue; what nobody told is null. */
export const DriverSideSchema = z.object({
  /** `registry`: our kernel's; `symbols`: variables that a person named. */
  source: z.enum(['registry', 'symbols']),
  size: z.number().int().nullable(),
  descriptors: HexSchema.nullable(),
  avail: HexSchema.nullable(),
  used: HexSchema.nullable(),
  nextAvail: u16.nullable(),
  lastUsed: u16.nullable(),
  free: count.nullable(),
  /** Processor vector; null where the driver polls, or where nobody told. */
  vector: z.number().int().nullable(),
  notifications: count.nullable(),
  completed: count.nullable(),
});
export type DriverSide = z.infer<typeof DriverSideSchema>;

/** What QEMU tells of a queue: `x-query-virtio-queue-status`. */
export const DeviceSideSchema = z.object({
  lastAvail: u16,
  /** The avail index as the device has read it last; not kept by every QEMU. */
  shadowAvail: u16.nullable(),
  used: u16,
  /** The used index of the last interrupt. */
  signalledUsed: u16.nullable(),
  inFlight: count,
});
export type DeviceSide = z.infer<typeof DeviceSideSchema>;

export const RingDescriptorSchema = z.object({
  index: u16,
  address: HexSchema,
  length: z.number().int().nonnegative(),
  flags: u16,
  /** Split: the next field. Packed: the buffer id. */
  next: u16,
  owner: BufferOwnerSchema,
  /** Head of the chain that it is part of; null where it is free. */
  chain: count.nullable(),
});
export type RingDescriptor = z.infer<typeof RingDescriptorSchema>;

/** A piece of memory in a chain. */
export const ChainElementSchema = z.object({
  /** Number in the table that holds it. */
  index: u16,
  /** It lies in an indirect table (§2.7.5.3). */
  indirect: z.boolean(),
  address: HexSchema,
  length: z.number().int().nonnegative(),
  /** The device writes it. */
  write: z.boolean(),
});
export type ChainElement = z.infer<typeof ChainElementSchema>;

export const ChainProblemSchema = z.object({
  kind: z.enum(['loop', 'out-of-range', 'not-ram', 'empty', 'too-long', 'write-order', 'indirect', 'reserved-flags']),
  /** With number and address of the descriptor. */
  text: z.string(),
});
export type ChainProblem = z.infer<typeof ChainProblemSchema>;

export const ChainSchema = z.object({
  /** Beyond 65535 only where a device put nonsense into the used ring. */
  head: count,
  owner: BufferOwnerSchema,
  /** Descriptors of the queue's own table, in order. */
  descriptors: z.array(u16),
  /** The indirect table, where there is one. */
  table: z.object({ address: HexSchema, entries: count }).nullable(),
  /** At most `MAX_ELEMENTS_SHOWN`; `elementCount` are there. */
  elements: z.array(ChainElementSchema),
  elementCount: count,
  readableBytes: count,
  writableBytes: count,
  /** One line: `IN sector 2048, 64 KiB`. Empty where the contents say nothing. */
  summary: z.string(),
  problems: z.array(ChainProblemSchema),
});
export type Chain = z.infer<typeof ChainSchema>;

export const VirtioQueueSchema = z.object({
  index: u16,
  /** By the device's section of the specification: `requestq`, `receiveq1`. */
  name: z.string(),
  /** `request`: the driver asks, the device answers soon. `receive`: buffers wait for what comes from outside. */
  role: z.enum(['request', 'receive']),
  layout: z.enum(['split', 'packed']),
  /** Entries, as the device has it. */
  size: count,
  /** It has addresses. */
  configured: z.boolean(),
  /** Guest-physical, as given to the device: descriptor table, avail ring, used ring; packed: ring, driver and device event. */
  descriptorsAt: HexSchema,
  availAt: HexSchema,
  usedAt: HexSchema,
  device: DeviceSideSchema.nullable(),
  driver: DriverSideSchema.nullable(),
  /** Null where the ring cannot be read. `event` is used_event (§2.7.7), null without EVENT_IDX; packed: the event structure's words. */
  avail: z.object({ flags: u16, index: u16, event: u16.nullable() }).nullable(),
  used: z.object({ flags: u16, index: u16, event: u16.nullable() }).nullable(),
  descriptors: z.array(RingDescriptorSchema),
  /** Heads by slot; empty for packed rings. */
  availRing: z.array(u16),
  usedRing: z.array(z.object({ id: z.number().int(), length: z.number().int() })),
  /** Chains that are not free, oldest first. */
  chains: z.array(ChainSchema),
  counts: z.object({ free: count, published: count, 'in-flight': count, returned: count }),
  /** What about the rings themselves cannot be. */
  problems: z.array(z.string()),
  /** The guest wrote meanwhile, each time that it was read. */
  torn: z.boolean(),
});
export type VirtioQueue = z.infer<typeof VirtioQueueSchema>;

/** A judgement: what is wrong (or right), why it is believed, what to do. */
export const VerdictSchema = z.object({
  /** Stable, for scripts: `queue-size-mismatch`. */
  id: z.string(),
  severity: z.enum(['error', 'warning', 'ok']),
  confidence: z.enum(['certain', 'likely', 'possible']),
  /** Null: the device as a whole. */
  queue: u16.nullable(),
  title: z.string(),
  /** What happens, in words for somebody who writes drivers. */
  explanation: z.string(),
  evidence: z.array(z.object({ what: z.string(), value: z.string() })),
  /** Empty where there is nothing to do. */
  fix: z.string(),
  section: z.string(),
});
export type Verdict = z.infer<typeof VerdictSchema>;

export const VirtioDeviceSchema = z.object({
  /** QEMU's path of the device, or `registry/NAME` of a dump. */
  path: z.string(),
  /** What people name it by: `model0`, `virtio-blk`. */
  id: z.string(),
  /** `virtio-blk`. */
  name: z.string(),
  /** §5: 1 network, 2 block. */
  type: z.number().int().nonnegative(),
  typeName: z.string(),
  transport: z.enum(['pci-modern', 'pci-transitional', 'pci-legacy', 'mmio', 'unknown']),
  /** `00:04.0`, or the address of the registers; empty where it is not known. */
  location: z.string(),
  status: VirtioStatusSchema,
  offered: HexSchema,
  accepted: HexSchema,
  features: z.array(VirtioFeatureSchema),
  /** Null where nobody told. */
  isr: z.number().int().nullable(),
  broken: z.boolean(),
  started: z.boolean(),
  pci: VirtioPciSchema.nullable(),
  queues: z.array(VirtioQueueSchema),
  verdicts: z.array(VerdictSchema),
});
export type VirtioDevice = z.infer<typeof VirtioDeviceSchema>;

/**
 * How a foreign kernel's driver keeps its own idea of a queue: a place is `SYMBOL`, `SYMBOL+0x10` or `0xADDRESS`, and `PLACE->0x18`
 * follows the pointer that stands there. A symbol may be a path, `driver::QUEUE`. A size may be a number.
 */
export const DriverPlaceSchema = z
  .string()
  .max(300)
  .regex(/^[\w.$:]+(\+(0x[0-9a-f]+|\d+))?(->(0x[0-9a-f]+|\d+))*$/i);
export const DriverHintsSchema = z.strictObject({
  /** Which device, by id or name, and queue; by default the first device and queue 0. */
  device: z.string().max(200).optional(),
  queue: z.number().int().min(0).max(1023).default(0),
  lastUsed: DriverPlaceSchema.optional(),
  size: DriverPlaceSchema.optional(),
});
export type DriverHints = z.infer<typeof DriverHintsSchema>;

/** Queues whose variables one question names. */
export const MAX_HINTS = 64;

/** What `inspect.virtio` is asked. */
export const VirtioQuestionSchema = {
  /** Time between the two looks that tell stalled from busy; 0 looks once. */
  apartMs: z.number().int().min(0).max(10_000).default(0),
  /** One for each queue whose driver's variables are known. */
  hints: z.array(DriverHintsSchema).max(MAX_HINTS).default([]),
  /** The queues alone, without verdicts: for looking often. What a driver has set up may then be as old as a second. */
  ringsOnly: z.boolean().default(false),
};
export interface VirtioQuestion {
  readonly apartMs: number;
  readonly hints: readonly DriverHints[];
  readonly ringsOnly?: boolean;
}

export const VirtioReportSchema = z.object({
  /** Milliseconds since 1970 of the last look. */
  at: z.number(),
  /** Between the two looks that the verdicts compare; 0 if there was one only. */
  apartMs: z.number().nonnegative(),
  /** Where the devices' addresses come from. */
  source: z.enum(['qemu', 'registry']),
  devices: z.array(VirtioDeviceSchema),
  problems: z.array(z.string()),
});
export type VirtioReport = z.infer<typeof VirtioReportSchema>;

/** A buffer's bytes and what they mean. */
export const ContentFieldSchema = z.object({ name: z.string(), value: z.string(), note: z.string() });
export type ContentField = z.infer<typeof ContentFieldSchema>;
export const ContentLayerSchema = z.object({ name: z.string(), fields: z.array(ContentFieldSchema) });
export type ContentLayer = z.infer<typeof ContentLayerSchema>;
export const ChainContentSchema = z.object({
  chain: ChainSchema,
  summary: z.string(),
  layers: z.array(ContentLayerSchema),
  /** One for each element shown: its first bytes, hex; null where they are no RAM. */
  buffers: z.array(z.object({ element: ChainElementSchema, hex: z.string().nullable() })),
});
export type ChainContent = z.infer<typeof ChainContentSchema>;

/** What happened to a queue, as the recorder saw it. Numbers rise by one, over all queues of a machine. */
const ringEvent = { number: count, device: z.string(), queue: u16, atUs: z.number().nonnegative() };
export const RingEventSchema = z.discriminatedUnion('kind', [
  /** The avail index passed `position` (not reduced by the size). `late`: seen when the device had already given it back. */
  z.object({
    ...ringEvent,
    kind: z.literal('published'),
    position: u16,
    chain: ChainSchema,
    /** The descriptors of the queue's table that it uses, as they were: number, address, length, flags, next. */
    descriptors: z.array(z.tuple([u16, HexSchema, z.number(), u16, u16])),
    late: z.boolean(),
  }),
  /** The device has taken everything before `index`. `exact`: QEMU said so, else by avail_event. */
  z.object({ ...ringEvent, kind: z.literal('consumed'), index: u16, exact: z.boolean() }),
  /** The used index passed `position`. In flight since it was seen published; null if that was not seen. */
  z.object({
    ...ringEvent,
    kind: z.literal('used'),
    position: u16,
    id: z.number().int(),
    length: z.number().int(),
    inFlightUs: z.number().nullable(),
    summary: z.string(),
  }),
  /** The driver has taken back everything before `index`. */
  z.object({ ...ringEvent, kind: z.literal('returned'), index: u16 }),
  /** The queue was set up, reset, or ran too far between two looks: the whole of it. Base64. */
  z.object({
    ...ringEvent,
    kind: z.literal('snapshot'),
    why: z.string(),
    lost: count,
    size: count,
    descriptors: z.string(),
    avail: z.string(),
    used: z.string(),
    consumed: u16.nullable(),
    returned: u16.nullable(),
    chains: z.array(ChainSchema),
  }),
]);
export type RingEvent = z.infer<typeof RingEventSchema>;

/** One point of a queue's curves. */
export const RingRateSchema = z.object({
  device: z.string(),
  queue: u16,
  atUs: z.number(),
  /** Chains published and used since the last point, bytes moved, and the queue's depth: published and not returned. */
  published: count,
  used: count,
  bytes: count,
  depth: count,
  /** Median and longest time in flight of what ended; null if nothing did. */
  medianUs: z.number().nullable(),
  longestUs: z.number().nullable(),
});
export type RingRate = z.infer<typeof RingRateSchema>;

/** What a follower of a machine's rings gets. */
export const VirtioStreamEventSchema = z.discriminatedUnion('kind', [
  /** Devices with their features, status and verdicts; the rings within are those of that moment. */
  z.object({ kind: z.literal('report'), report: VirtioReportSchema }),
  /** `next` is the number to ask from after a break. `fresh`: all that there is, so that what a follower has kept is void. */
  z.object({
    kind: z.literal('rings'),
    fresh: z.boolean(),
    events: z.array(RingEventSchema),
    next: count,
    rates: z.array(RingRateSchema),
    samplesPerSecond: z.number(),
    /** How long the machine stood still for this look, where looking stops it. */
    heldMs: z.number().nonnegative().optional(),
  }),
  z.object({ kind: z.literal('ended'), why: z.string() }),
]);
export type VirtioStreamEvent = z.infer<typeof VirtioStreamEventSchema>;

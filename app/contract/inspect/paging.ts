import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** Page tables as they are drawn, printed and asserted: `app/x86` decodes them. */

export const PagingModeSchema = z.enum(['none', '32-bit', 'pae', '4-level', '5-level']);

export const RightsSchema = z.object({ writable: z.boolean(), user: z.boolean(), executable: z.boolean() });
export type Rights = z.infer<typeof RightsSchema>;

/** A bit of an entry that says something in its place. */
export const EntryFlagSchema = z.object({
  bit: z.number().int(),
  /** As the manual calls it: `R/W`. */
  name: z.string(),
  set: z.boolean(),
  /** What it means as it stands. */
  meaning: z.string(),
});

/** One entry that a walk has read. */
export const PageWalkStepSchema = z.object({
  level: z.number().int(),
  /** `PML4E`, `PDE`. */
  name: z.string(),
  index: z.number().int(),
  /** Guest-physical. */
  address: HexSchema,
  entry: HexSchema,
  kind: z.enum(['table', 'page', 'absent', 'reserved']),
  /** The table or page that it leads to. */
  target: HexSchema.nullable(),
  flags: z.array(EntryFlagSchema),
});
export type PageWalkStep = z.infer<typeof PageWalkStepSchema>;

export const PageWalkSchema = z.object({
  address: HexSchema,
  mode: PagingModeSchema,
  cr3: HexSchema,
  outcome: z.enum(['mapped', 'absent', 'reserved', 'unreadable', 'not-an-address']),
  /** The outcome in a sentence, with the fault that an access would raise. */
  explanation: z.string(),
  physical: HexSchema.nullable(),
  pageBytes: z.number().nullable(),
  rights: RightsSchema.nullable(),
  /** Whether what it maps to is RAM. */
  ram: z.boolean(),
  steps: z.array(PageWalkStepSchema),
  /** `function+0x12`, where the image knows it. */
  symbol: z.string().nullable(),
  /** The entries changed while they were read. */
  torn: z.boolean(),
});
export type PageWalk = z.infer<typeof PageWalkSchema>;

/** Neighbouring pages that are mapped alike. */
export const MappedRangeSchema = z.object({
  start: HexSchema,
  bytes: HexSchema,
  /** Guest-physical address of the first page. */
  target: HexSchema,
  /** Every page maps the one page at `target`. */
  repeat: z.boolean(),
  pageBytes: z.number(),
  ...RightsSchema.shape,
  /** Caching is disabled (PCD). */
  uncached: z.boolean(),
  global: z.boolean(),
  /** Whether all of it maps RAM. */
  ram: z.boolean(),
  /** What lies there: a section of the image, the direct map, devices; empty where nobody knows. */
  label: z.string(),
});
export type MappedRange = z.infer<typeof MappedRangeSchema>;

/** Something about the address space that a person should know. */
export const PagingFindingSchema = z.object({
  kind: z.enum([
    'w-and-x',
    'user',
    'alias',
    'direct-map',
    'direct-map-hole',
    'guard',
    'self-map',
    'outside-ram',
    'reserved',
  ]),
  severity: z.enum(['error', 'warning', 'info']),
  /** Linear, of the place that it is about. */
  start: HexSchema,
  bytes: HexSchema,
  text: z.string(),
});
export type PagingFinding = z.infer<typeof PagingFindingSchema>;

export const AddressSpaceSchema = z.object({
  mode: PagingModeSchema,
  cr3: HexSchema,
  addressBits: z.number().int(),
  /** In order of `start`. */
  ranges: z.array(MappedRangeSchema),
  /** More ranges than are listed, or tables than were read: what is missing in words; empty if nothing is. */
  truncated: z.string(),
  /** Mapped altogether, user pages among them, and tables that were read. */
  totals: z.object({
    mappedBytes: HexSchema,
    userBytes: HexSchema,
    writableExecutableBytes: HexSchema,
    tables: z.number().int(),
  }),
  findings: z.array(PagingFindingSchema),
  torn: z.boolean(),
});
export type AddressSpace = z.infer<typeof AddressSpaceSchema>;

/** A stretch where two address spaces differ. */
export const PagingChangeSchema = z.object({
  kind: z.enum(['added', 'removed', 'rights', 'moved']),
  start: HexSchema,
  bytes: HexSchema,
  before: MappedRangeSchema.nullable(),
  after: MappedRangeSchema.nullable(),
});
export type PagingChange = z.infer<typeof PagingChangeSchema>;

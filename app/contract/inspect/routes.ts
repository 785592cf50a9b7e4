import { z } from 'zod';
import { HexSchema } from '../common.ts';
import { CodePlacesSchema, MAX_PLACES } from '../places.ts';
import { ask, follow, result } from '../procedure.ts';
import {
  BootReportSchema,
  BootTimelineSchema,
  DriverRegistrySchema,
  EpitaphSchema,
  TraceSpansSchema,
} from '../records.ts';
import { CpuViewSchema } from './cpu.ts';
import { IrqViewSchema } from './irq.ts';
import {
  BytesSchema,
  DumpEventSchema,
  DumpInfoSchema,
  MemorySearchEventSchema,
  MemorySpaceSchema,
  MemoryViewSchema,
  MemoryWriteSchema,
  PatternSchema,
  ResolvedSchema,
  SymbolEntrySchema,
} from './memory.ts';
import { AddressSpaceSchema, PageWalkSchema } from './paging.ts';
import { LOOK, place, processor } from './questions.ts';
import { DumpPathSchema, MachineIdSchema, SourceRefSchema, withSource } from './source.ts';
import { SymbolValueSchema, TypedSymbolSchema } from './symbol.ts';
import { TablesViewSchema, WhatIfRequestSchema, WhatIfViewSchema } from './tables.ts';
import { ChainContentSchema, VirtioQuestionSchema, VirtioReportSchema, VirtioStreamEventSchema } from './virtio.ts';
import { LookSchema, PaceSchema, WatchEventSchema } from './watch.ts';

/** The questions of the page about a machine or a dump, one a subject: `inspect.*` of the contract. */
export const inspectContract = {
  boot: ask(SourceRefSchema, result(BootReportSchema)),
  trace: ask(SourceRefSchema, result(TraceSpansSchema)),
  epitaph: ask(SourceRefSchema, result(EpitaphSchema)),
  drivers: ask(SourceRefSchema, result(DriverRegistrySchema)),
  /** The boot from QEMU's start on. */
  timeline: ask(SourceRefSchema, result(BootTimelineSchema)),
  /** Every processor with its registers. */
  cpu: ask(SourceRefSchema, result(CpuViewSchema)),
  /** Descriptor tables of one processor, and what is wrong with those of all. */
  tables: ask(withSource(LOOK.tables), result(TablesViewSchema)),
  /** One of these questions again and again; leaving the stream ends it, and so does a pace of null after the first answer. */
  watch: follow(withSource({ look: LookSchema, pace: PaceSchema }), WatchEventSchema),
  /** What a processor would do with other tables. */
  whatIf: ask(withSource(WhatIfRequestSchema.shape), result(WhatIfViewSchema)),
  /** The ways of interrupts, from their sources to EOI. */
  irq: ask(SourceRefSchema, result(IrqViewSchema)),
  /** Source of an interrupt handler, and of what it calls where it is a stub. */
  handler: ask(withSource({ address: HexSchema }), result(CodePlacesSchema)),
  /** Names and source of addresses of the kernel; with `returns`, of the calls before these return addresses. */
  places: ask(
    withSource({ addresses: z.array(HexSchema).max(MAX_PLACES), returns: z.boolean().default(false) }),
    result(CodePlacesSchema),
  ),

  walk: ask(withSource(LOOK.walk), result(PageWalkSchema)),
  addressSpace: ask(withSource(LOOK.addressSpace), result(AddressSpaceSchema)),

  memory: ask(withSource(LOOK.memory), result(MemoryViewSchema)),
  /** Leaving the stream ends the search. */
  search: follow(
    withSource({
      space: MemorySpaceSchema,
      processor,
      pattern: PatternSchema,
      limit: z.number().int().min(1).max(10_000),
    }),
    MemorySearchEventSchema,
  ),
  write: ask(withSource({ ...place, bytes: BytesSchema, expected: BytesSchema }), result(MemoryWriteSchema)),
  resolve: ask(withSource({ text: z.string().min(1).max(512), processor }), result(ResolvedSchema)),
  symbols: ask(
    withSource({ query: z.string().max(512), limit: z.number().int().min(1).max(500) }),
    result(z.array(SymbolEntrySchema)),
  ),

  symbol: ask(withSource(LOOK.symbol), result(SymbolValueSchema)),
  typed: ask(
    withSource({ query: z.string().max(512), limit: z.number().int().min(1).max(500) }),
    result(z.array(TypedSymbolSchema)),
  ),

  /** Writes a dump of a machine, by a path of the host's computer; the machine stands still meanwhile. Leaving the stream cancels it. */
  dump: follow(z.strictObject({ id: MachineIdSchema, path: DumpPathSchema }), DumpEventSchema),
  describeDump: ask(z.strictObject({ path: DumpPathSchema }), result(DumpInfoSchema)),
  /** Virtio devices and queues with verdicts; see `InspectService`. */
  virtio: ask(withSource(VirtioQuestionSchema), result(VirtioReportSchema)),
  virtioChain: ask(
    withSource({
      device: z.string().min(1).max(1024),
      queue: z.number().int().min(0).max(65535),
      head: z.number().int().min(0).max(65535),
    }),
    result(ChainContentSchema),
  ),
  /** The rings as they move; ends with the machine. */
  virtioFollow: follow(withSource({ from: z.number().int().nonnegative().default(0) }), VirtioStreamEventSchema),
};

import type { CancelSignal, LongOperation } from '../base/cancel.ts';
import type { Result } from '../base/result.ts';
import type { CpuView } from './inspect/cpu.ts';
import type { IrqView } from './inspect/irq.ts';
import type {
  DumpInfo,
  DumpOptions,
  DumpWritten,
  MemorySearchEvent,
  MemorySpace,
  MemoryView,
  MemoryWrite,
  Resolved,
  SymbolEntry,
} from './inspect/memory.ts';
import type { AddressSpace, PageWalk } from './inspect/paging.ts';
import type { InspectSource } from './inspect/source.ts';
import type { ArrayWindow, SymbolValue, TypedSymbol } from './inspect/symbol.ts';
import type { TablesView, WhatIfRequest, WhatIfView } from './inspect/tables.ts';
import type { ChainContent, VirtioQuestion, VirtioReport, VirtioStreamEvent } from './inspect/virtio.ts';
import type { CodePlaces } from './places.ts';
import type { BootReport, BootTimeline, DriverRegistry, Epitaph, TraceSpans } from './records.ts';

export * from './inspect/cpu.ts';
export * from './inspect/irq.ts';
export * from './inspect/memory.ts';
export * from './inspect/paging.ts';
export * from './inspect/source.ts';
export * from './inspect/symbol.ts';
export * from './inspect/tables.ts';
export * from './inspect/virtio.ts';

/** Looks at a machine while it runs, without stopping it, or at a dump. One method a subject; each subject has a file under `inspect/`. */
export interface InspectService {
  /** The kernel's own records, through the symbols of its image. */
  boot(source: InspectSource): Promise<Result<BootReport>>;
  /** The boot report on one axis with what the host saw of the start. */
  timeline(source: InspectSource): Promise<Result<BootTimeline>>;
  trace(source: InspectSource): Promise<Result<TraceSpans>>;
  epitaph(source: InspectSource): Promise<Result<Epitaph>>;
  drivers(source: InspectSource): Promise<Result<DriverRegistry>>;
  /** Every processor with its registers. */
  cpu(source: InspectSource): Promise<Result<CpuView>>;
  /** Descriptor tables of one processor, and what is wrong with those of all. */
  tables(source: InspectSource, processor: number): Promise<Result<TablesView>>;
  /** What a processor would do if tables were otherwise. */
  whatIf(source: InspectSource, request: WhatIfRequest): Promise<Result<WhatIfView>>;
  /** The ways of interrupts: from their sources to EOI. */
  irq(source: InspectSource): Promise<Result<IrqView>>;
  /** Names and source of an interrupt handler, and of the functions that it calls where it is a stub. */
  handler(source: InspectSource, address: bigint, root: string): Promise<Result<CodePlaces>>;
  /** Names and source of addresses of the kernel. `root` is the workspace; `returns`: they are return addresses. */
  places(
    source: InspectSource,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>>;

  /** The translation of an address, entry by entry. */
  walk(source: InspectSource, tables: PagingQuestion, address: bigint): Promise<Result<PageWalk>>;
  /** All that is mapped, and what is odd about it. */
  addressSpace(source: InspectSource, tables: PagingQuestion): Promise<Result<AddressSpace>>;

  memory(source: InspectSource, place: MemoryPlace, size: number): Promise<Result<MemoryView>>;
  /** Looks for bytes from the beginning of the space on; at most `limit` places. */
  search(
    source: InspectSource,
    what: {
      readonly space: MemorySpace;
      readonly processor: number;
      readonly pattern: Uint8Array;
      readonly limit: number;
    },
    options?: LongOperation,
  ): AsyncIterable<MemorySearchEvent>;
  /** Changes memory of a machine that stands still, if `expected` is what stands there. */
  write(
    source: InspectSource,
    place: MemoryPlace,
    bytes: Uint8Array,
    expected: Uint8Array,
  ): Promise<Result<MemoryWrite>>;
  /** An address by a symbol (`NAME`, `path::NAME+0x10`) or a register (`$rsp`). */
  resolve(source: InspectSource, text: string, processor: number): Promise<Result<Resolved>>;
  /** Symbols whose names have `query` in them, best first. */
  symbols(source: InspectSource, query: string, limit: number): Promise<Result<SymbolEntry[]>>;

  /** Virtio devices, their queues and verdicts; with `apartMs`, of two looks. */
  virtio(source: InspectSource, question: VirtioQuestion): Promise<Result<VirtioReport>>;
  /** A chain's buffers as they are now. `device` is a path or an id. */
  virtioChain(source: InspectSource, device: string, queue: number, head: number): Promise<Result<ChainContent>>;
  /** Reports, and every change of the rings from event `from` on; 0 begins with all that is kept. */
  virtioFollow(
    source: InspectSource,
    from: number,
    signal: CancelSignal | undefined,
  ): AsyncGenerator<VirtioStreamEvent>;
  /** A static by its name, or an address with a type, read through the image's debug information. */
  symbol(source: InspectSource, question: SymbolQuestion): Promise<Result<SymbolValue>>;
  /** Statics and types whose paths have `query` in them, best first. */
  typed(source: InspectSource, query: string, limit: number): Promise<Result<TypedSymbol[]>>;

  /** Writes a machine's memory and state into a file; it stands still meanwhile. */
  dump(source: InspectSource, path: string, options?: DumpOptions): Promise<Result<DumpWritten>>;
  /** What a dump is, before it is looked into. */
  describeDump(path: string): Promise<Result<DumpInfo>>;
  /** Lets go of all that is kept open or goes on for a while after the last look: recordings, memory, answers. */
  rest(): void;
}

/** Whose tables: a processor's, or others by their CR3 with that processor's mode. */
export interface PagingQuestion {
  readonly processor: number;
  readonly cr3: bigint | null;
}

export interface SymbolQuestion {
  /**
   * `ring0::records::RING0_BOOT_REPORT`, the end of such a path, or an address, `0x…`; then parts of it: `.field`, `[3]`, and at the end
   * `[3..7]`, which leaves out the seventh.
   */
  readonly name: string;
  /** Path of another type to lay over it; needed for an address. */
  readonly type: string | null;
  readonly processor: number;
  /** Where long arrays begin, if not with their first element. */
  readonly windows?: readonly ArrayWindow[];
}

export interface MemoryPlace {
  readonly space: MemorySpace;
  readonly processor: number;
  readonly address: bigint;
}

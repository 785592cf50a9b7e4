import type { CancelSignal, LongOperation } from '../../../app/base/cancel.ts';
import type { Disposable } from '../../../app/base/disposable.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import type {
  AddressSpace,
  BootReport,
  BootTimeline,
  ChainContent,
  CodePlaces,
  CpuView,
  DriverRegistry,
  DumpInfo,
  DumpOptions,
  DumpWritten,
  Epitaph,
  InspectService,
  InspectSource,
  IrqView,
  MemoryPlace,
  MemorySearchEvent,
  MemoryView,
  MemoryWrite,
  PageWalk,
  PagingQuestion,
  Resolved,
  SymbolEntry,
  SymbolQuestion,
  SymbolValue,
  TablesView,
  TraceSpans,
  TypedSymbol,
  VirtioQuestion,
  VirtioReport,
  VirtioStreamEvent,
  WhatIfRequest,
  WhatIfView,
} from '../../../app/contract/index.ts';
import { readPlaces } from './code-places.ts';
import { describeDump } from './dump-info.ts';
import { type Hold, writeDump } from './dump-write.ts';
import { readIrq } from './irq.ts';
import type { Ask } from './live-target.ts';
import { readMemory, writeMemory } from './memory.ts';
import { readAddressSpace, readPageWalk } from './paging.ts';
import { readCpu, readHandler, readProcessorTables, readWhatIf } from './processor-tables.ts';
import { readBootReport, readDrivers, readEpitaph, readTimeline, readTrace } from './records.ts';
import { resolveAddress, searchSymbols } from './resolve.ts';
import { type SearchQuestion, searchMemory } from './search.ts';
import { readSymbol, searchTyped } from './symbol.ts';
import { InspectTargets } from './targets.ts';
import { followStepwise, readChain, readRingsOnly, readVirtio, VirtioRecorders } from './virtio/index.ts';

/** Looks at machines and dumps: one file a subject, which is given an open target. */
export class Inspector implements InspectService, Disposable {
  readonly #targets: InspectTargets;
  readonly #recorders: VirtioRecorders;
  readonly #hold: Hold;

  /** @param machines how QEMU is asked, and a machine made to stand still: `QemuMachines` */
  constructor(machines: { readonly ask: Ask; readonly hold: Hold }) {
    this.#targets = new InspectTargets(machines.ask);
    this.#recorders = new VirtioRecorders(this.#targets);
    this.#hold = machines.hold;
  }

  boot(source: InspectSource): Promise<Result<BootReport>> {
    return this.#targets.use(source, readBootReport);
  }

  timeline(source: InspectSource): Promise<Result<BootTimeline>> {
    return this.#targets.use(source, readTimeline);
  }

  trace(source: InspectSource): Promise<Result<TraceSpans>> {
    return this.#targets.use(source, readTrace);
  }

  epitaph(source: InspectSource): Promise<Result<Epitaph>> {
    return this.#targets.use(source, readEpitaph);
  }

  drivers(source: InspectSource): Promise<Result<DriverRegistry>> {
    return this.#targets.use(source, readDrivers);
  }

  cpu(source: InspectSource): Promise<Result<CpuView>> {
    return this.#targets.use(source, readCpu);
  }

  tables(source: InspectSource, processor: number): Promise<Result<TablesView>> {
    return this.#targets.use(source, (target) => readProcessorTables(target, processor));
  }

  whatIf(source: InspectSource, request: WhatIfRequest): Promise<Result<WhatIfView>> {
    return this.#targets.use(source, (target) => readWhatIf(target, request));
  }

  irq(source: InspectSource): Promise<Result<IrqView>> {
    return this.#targets.use(source, readIrq);
  }

  handler(source: InspectSource, address: bigint, root: string): Promise<Result<CodePlaces>> {
    const startedAt = 'machine' in source ? source.machine.startedAt : null;
    return this.#targets.use(source, (target) => readHandler(target, startedAt, address, root));
  }

  async places(
    source: InspectSource,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>> {
    const startedAt = 'machine' in source ? source.machine.startedAt : null;
    const image = await this.#targets.image(source);
    return image.ok ? ok(readPlaces(image.value, startedAt, addresses, root, returns)) : image;
  }

  walk(source: InspectSource, tables: PagingQuestion, address: bigint): Promise<Result<PageWalk>> {
    return this.#targets.use(source, (target) => readPageWalk(target, tables, address));
  }

  addressSpace(source: InspectSource, tables: PagingQuestion): Promise<Result<AddressSpace>> {
    return this.#targets.use(source, (target) => readAddressSpace(target, tables));
  }

  memory(source: InspectSource, place: MemoryPlace, size: number): Promise<Result<MemoryView>> {
    return this.#targets.use(source, (target) => readMemory(target, place, size));
  }

  async *search(
    source: InspectSource,
    what: SearchQuestion,
    options: LongOperation = {},
  ): AsyncGenerator<MemorySearchEvent> {
    const opened = await this.#targets.open(source);
    if (!opened.ok) return yield { kind: 'failed', error: opened.error };
    try {
      yield* searchMemory(opened.value.target, what, options);
    } finally {
      await this.#targets.close(opened.value);
    }
  }

  write(
    source: InspectSource,
    place: MemoryPlace,
    bytes: Uint8Array,
    expected: Uint8Array,
  ): Promise<Result<MemoryWrite>> {
    return this.#targets.use(source, (target) => writeMemory(target, place, bytes, expected));
  }

  resolve(source: InspectSource, text: string, processor: number): Promise<Result<Resolved>> {
    return this.#targets.use(source, (target) => resolveAddress(target, text, processor));
  }

  async symbols(source: InspectSource, query: string, limit: number): Promise<Result<SymbolEntry[]>> {
    const image = await this.#targets.image(source);
    return image.ok ? ok(searchSymbols(image.value.elf, query, limit)) : image;
  }

  symbol(source: InspectSource, question: SymbolQuestion): Promise<Result<SymbolValue>> {
    return this.#targets.use(source, (target) => readSymbol(target, question));
  }

  async typed(source: InspectSource, query: string, limit: number): Promise<Result<TypedSymbol[]>> {
    const image = await this.#targets.image(source);
    if (!image.ok) return image;
    const types = image.value.types();
    return types.ok ? ok(searchTyped(types.value, query, limit)) : types;
  }

  dump(source: InspectSource, path: string, options: DumpOptions = {}): Promise<Result<DumpWritten>> {
    return this.#targets.use(source, (target) => writeDump(target, this.#hold, path, options));
  }

  describeDump(path: string): Promise<Result<DumpInfo>> {
    return this.#targets.use({ dump: path }, (target) => describeDump(target, path));
  }

  virtio(source: InspectSource, question: VirtioQuestion): Promise<Result<VirtioReport>> {
    return this.#targets.use(source, (target) =>
      question.ringsOnly === true ? readRingsOnly(target) : readVirtio(target, question),
    );
  }

  virtioChain(source: InspectSource, device: string, queue: number, head: number): Promise<Result<ChainContent>> {
    return this.#targets.use(source, (target) => readChain(target, { device, queue, head }));
  }

  virtioFollow(
    source: InspectSource,
    from: number,
    signal: CancelSignal | undefined,
  ): AsyncGenerator<VirtioStreamEvent> {
    return 'gdb' in source
      ? followStepwise((act) => this.#targets.use(source, act), signal)
      : this.#recorders.follow(source, from, signal);
  }

  rest(): void {
    this.#recorders.dispose();
    this.#targets.dispose();
  }

  dispose(): void {
    this.rest();
  }
}

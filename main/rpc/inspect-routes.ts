import { resolve } from 'node:path';
import { implement } from '@orpc/server';
import type { Disposable } from '../../app/base/disposable.ts';
import { describeError, ok, type Result } from '../../app/base/result.ts';
import type {
  DumpEvent,
  DumpWritten,
  InspectService,
  InspectSource,
  Machine,
  MemoryPlace,
  MemorySearchEvent,
  MemorySpace,
  PagingQuestion,
  Progress,
  SourceRef,
  VirtioStreamEvent,
} from '../../app/contract/index.ts';
import type { Look, WatchEvent } from '../../app/contract/inspect/watch.ts';
import { studioContract } from '../../app/contract/studio.ts';
import { report } from './follow.ts';
import { freshReports } from './fresh-reports.ts';
import { watch } from './watch.ts';

export type FindMachine = (id: string) => Promise<Result<Machine>>;

/**
 * Answers `inspect.*`: finds what is meant and asks the service. `root` is the workspace. `watching` is called when a running machine is
 * watched from now on, and what it gives is disposed when it no longer is.
 */
export function inspectRoutes(
  inspect: InspectService,
  find: FindMachine,
  root: string,
  watching: () => Disposable = () => ({ dispose: () => {} }),
) {
  const os = implement(studioContract).inspect;
  const sourceOf = async (ref: SourceRef): Promise<Result<InspectSource>> => {
    if ('dump' in ref) return ok({ dump: resolve(root, ref.dump) });
    const machine = await find(ref.id);
    return machine.ok ? ok({ machine: machine.value.info }) : machine;
  };
  const on = async <T>(ref: SourceRef, look: (source: InspectSource) => Promise<Result<T>>): Promise<Result<T>> => {
    const source = await sourceOf(ref);
    return source.ok ? look(source.value) : source;
  };
  async function* during<T>(source: InspectSource, again: boolean, events: () => AsyncGenerator<T>): AsyncGenerator<T> {
    const held = again && 'machine' in source ? watching() : null;
    try {
      yield* events();
    } finally {
      held?.dispose();
    }
  }
  return {
    boot: os.boot.handler(({ input }) => on(input, (it) => inspect.boot(it))),
    trace: os.trace.handler(({ input }) => on(input, (it) => inspect.trace(it))),
    epitaph: os.epitaph.handler(({ input }) => on(input, (it) => inspect.epitaph(it))),
    drivers: os.drivers.handler(({ input }) => on(input, (it) => inspect.drivers(it))),
    timeline: os.timeline.handler(({ input }) => on(input, (it) => inspect.timeline(it))),
    cpu: os.cpu.handler(({ input }) => on(input, (it) => inspect.cpu(it))),
    tables: os.tables.handler(({ input }) => on(input, (it) => inspect.tables(it, input.processor))),
    watch: os.watch.handler(async function* ({ input, signal }): AsyncGenerator<WatchEvent> {
      const source = await sourceOf(input);
      const { look, pace } = input;
      if (source.ok)
        yield* during(source.value, pace !== null, () =>
          watch(() => answer(inspect, source.value, look), pace, signal),
        );
      else yield { kind: 'failed', at: Date.now(), error: source.error };
    }),
    whatIf: os.whatIf.handler(({ input }) => on(input, (it) => inspect.whatIf(it, input))),
    irq: os.irq.handler(({ input }) => on(input, (it) => inspect.irq(it))),
    handler: os.handler.handler(({ input }) => on(input, (it) => inspect.handler(it, BigInt(input.address), root))),
    places: os.places.handler(({ input }) =>
      on(input, (it) => inspect.places(it, input.addresses.map(BigInt), root, input.returns)),
    ),
    walk: os.walk.handler(({ input }) => on(input, (it) => inspect.walk(it, tablesOf(input), BigInt(input.address)))),
    addressSpace: os.addressSpace.handler(({ input }) => on(input, (it) => inspect.addressSpace(it, tablesOf(input)))),
    memory: os.memory.handler(({ input }) => on(input, (it) => inspect.memory(it, placeOf(input), input.size))),
    search: os.search.handler(async function* ({ input, signal }): AsyncGenerator<MemorySearchEvent> {
      const source = await sourceOf(input);
      if (!source.ok) return yield { kind: 'failed', error: source.error };
      const { space, processor, limit } = input;
      yield* inspect.search(source.value, { space, processor, limit, pattern: bytesOf(input.pattern) }, { signal });
    }),
    write: os.write.handler(({ input }) =>
      on(input, (it) => inspect.write(it, placeOf(input), bytesOf(input.bytes), bytesOf(input.expected))),
    ),
    resolve: os.resolve.handler(({ input }) => on(input, (it) => inspect.resolve(it, input.text, input.processor))),
    symbols: os.symbols.handler(({ input }) => on(input, (it) => inspect.symbols(it, input.query, input.limit))),
    symbol: os.symbol.handler(({ input }) => on(input, (it) => inspect.symbol(it, input))),
    typed: os.typed.handler(({ input }) => on(input, (it) => inspect.typed(it, input.query, input.limit))),
    dump: os.dump.handler(async function* ({ input, signal }): AsyncGenerator<DumpEvent> {
      const source = await sourceOf({ id: input.id });
      if (!source.ok) return yield { kind: 'failed', error: source.error };
      const writing = report<Progress, Result<DumpWritten>>(
        (onProgress, cancel) => inspect.dump(source.value, resolve(root, input.path), { onProgress, signal: cancel }),
        signal,
      );
      for (;;) {
        const next = await writing.next();
        if (!next.done) yield { kind: 'progress', progress: next.value };
        else
          return yield next.value.ok
            ? { kind: 'finished', dump: next.value.value }
            : { kind: 'failed', error: next.value.error };
      }
    }),
    describeDump: os.describeDump.handler(({ input }) => inspect.describeDump(resolve(root, input.path))),
    virtio: os.virtio.handler(({ input }) =>
      on(input, (it) => inspect.virtio(it, { apartMs: input.apartMs, hints: input.hints, ringsOnly: input.ringsOnly })),
    ),
    virtioChain: os.virtioChain.handler(({ input }) =>
      on(input, (it) => inspect.virtioChain(it, input.device, input.queue, input.head)),
    ),
    virtioFollow: os.virtioFollow.handler(async function* ({ input, signal }): AsyncGenerator<VirtioStreamEvent> {
      const source = await sourceOf(input);
      if (source.ok)
        yield* during(source.value, true, () => freshReports(inspect.virtioFollow(source.value, input.from, signal)));
      else yield { kind: 'ended', why: describeError(source.error) };
    }),
  };
}

function answer(inspect: InspectService, source: InspectSource, look: Look): Promise<Result<unknown>> {
  switch (look.of) {
    case 'cpu':
      return inspect.cpu(source);
    case 'tables':
      return inspect.tables(source, look.processor);
    case 'irq':
      return inspect.irq(source);
    case 'walk':
      return inspect.walk(source, tablesOf(look), BigInt(look.address));
    case 'addressSpace':
      return inspect.addressSpace(source, tablesOf(look));
    case 'memory':
      return inspect.memory(source, placeOf(look), look.size);
    case 'symbol':
      return inspect.symbol(source, look);
  }
}

function tablesOf({ processor, cr3 }: { readonly processor: number; readonly cr3: string | null }): PagingQuestion {
  return { processor, cr3: cr3 === null ? null : BigInt(cr3) };
}

function placeOf({
  space,
  processor,
  address,
}: {
  space: MemorySpace;
  processor: number;
  address: string;
}): MemoryPlace {
  return { space, processor, address: BigInt(address) };
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

import { implement } from '@orpc/server';
import { ok, type Result } from '../../app/base/result.ts';
import type { InspectService, InspectSource, Machine, SourceRef } from '../../app/contract/index.ts';
import { studioContract } from '../../app/contract/studio.ts';

export type FindMachine = (id: string) => Promise<Result<Machine>>;

/** Answers `inspect.*`: finds what is meant and asks the service. `root` is the workspace. */
export function inspectRoutes(inspect: InspectService, find: FindMachine, root: string) {
  const os = implement(studioContract).inspect;
  const on = async <T>(ref: SourceRef, look: (source: InspectSource) => Promise<Result<T>>): Promise<Result<T>> => {
    const source = await sourceOf(ref, find);
    return source.ok ? look(source.value) : source;
  };
  return {
    boot: os.boot.handler(({ input }) => on(input, (it) => inspect.boot(it))),
    trace: os.trace.handler(({ input }) => on(input, (it) => inspect.trace(it))),
    epitaph: os.epitaph.handler(({ input }) => on(input, (it) => inspect.epitaph(it))),
    drivers: os.drivers.handler(({ input }) => on(input, (it) => inspect.drivers(it))),
    places: os.places.handler(({ input }) =>
      on(input, (it) => inspect.places(it, input.addresses.map(BigInt), root, input.returns)),
    ),
  };
}

async function sourceOf(ref: SourceRef, find: FindMachine): Promise<Result<InspectSource>> {
  if ('dump' in ref) return ok({ dump: ref.dump });
  const machine = await find(ref.id);
  return machine.ok ? ok({ machine: machine.value.info }) : machine;
}

import { create } from 'zustand';
import { messageOf, type Result } from '../../app/base/result.ts';
import type { DumpInfo } from '../../app/contract/inspect/memory.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type { StudioMachine } from '../../app/contract/studio.ts';
import { studio } from '../host/client.ts';
import { chooseMachine, useMachineList, useShownMachine } from './machines.ts';
import { notifyError } from './notifications.ts';

/** What all inspecting panes look at: the machine that is shown, or a dump that a person has opened. */
export interface Inspected {
  /** Differs between any two things that can be looked at. */
  readonly key: string;
  readonly ref: SourceRef;
  /** `still`: it is there and does not change by itself. `gone`: what was seen last is all there is. */
  readonly phase: 'running' | 'still' | 'gone';
  readonly machine: StudioMachine | null;
  /** Its file, if it is a dump. */
  readonly dump: string | null;
}

interface InspectedState {
  /** Dumps that were opened, the last one first. */
  readonly dumps: readonly DumpInfo[];
  /** Path of the one that is looked at. */
  readonly dump: string | null;
}

export const useDumps = create<InspectedState>(() => ({ dumps: [], dump: null }));

/** Looks at a dump from now on, if it is one. */
export async function openDump(path: string): Promise<boolean> {
  const info = await describe(path);
  if (!info.ok) {
    notifyError(info.error);
    return false;
  }
  useDumps.setState(({ dumps }) => ({
    dumps: [info.value, ...dumps.filter((it) => it.path !== info.value.path)].slice(0, 8),
    dump: info.value.path,
  }));
  return true;
}

/** Looks at machines again. */
export function closeDump(): void {
  useDumps.setState({ dump: null });
}

async function describe(path: string): Promise<Result<DumpInfo>> {
  try {
    return await studio.inspect.describeDump({ path });
  } catch (thrown) {
    return {
      ok: false,
      error: { code: 'no-dump', what: 'The dump was not opened.', why: messageOf(thrown), fix: 'Try again.' },
    };
  }
}

/** Looks at a machine from now on. */
export function inspectMachine(id: string): void {
  useDumps.setState({ dump: null });
  chooseMachine(id);
}

export function useInspected(): Inspected | null {
  const machine = useShownMachine();
  const dump = useDumps((state) => state.dump);
  if (last === null || last.machine !== machine || last.dump !== dump)
    last = { machine, dump, inspected: inspectedOf(machine, dump) };
  return last.inspected;
}

/** All panes look at one thing, which is one object as long as it is the same: what depends on it is not drawn anew with each look. */
let last: {
  readonly machine: StudioMachine | null;
  readonly dump: string | null;
  readonly inspected: Inspected | null;
} | null = null;

export function inspectedOf(machine: StudioMachine | null, dump: string | null): Inspected | null {
  if (dump !== null) return { key: `dump:${dump}`, ref: { dump }, phase: 'still', machine: null, dump };
  if (machine === null) return null;
  const { id } = machine.info;
  const { phase } = machine.state;
  const still = phase === 'paused' || phase === 'crashed';
  return {
    key: `machine:${id}`,
    ref: { id },
    phase: phase === 'running' ? 'running' : still ? 'still' : 'gone',
    machine,
    dump: null,
  };
}

/** What is known of the dump that is looked at. */
export function useOpenDump(): DumpInfo | null {
  return useDumps(({ dumps, dump }) => dumps.find(({ path }) => path === dump) ?? null);
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export interface Inspectable {
  readonly key: string;
  readonly title: string;
  readonly choose: () => void;
}

/** Everything that can be looked at now. */
export function useInspectables(
  title: (machine: StudioMachine, all: readonly StudioMachine[]) => string,
): Inspectable[] {
  const machines = useMachineList();
  const dumps = useDumps((state) => state.dumps);
  return [
    ...machines.map((machine) => ({
      key: `machine:${machine.info.id}`,
      title: title(machine, machines),
      choose: () => inspectMachine(machine.info.id),
    })),
    ...dumps.map(({ path }) => ({
      key: `dump:${path}`,
      title: `dump ${fileName(path)}`,
      choose: () => useDumps.setState({ dump: path }),
    })),
  ];
}

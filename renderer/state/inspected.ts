import { create } from 'zustand';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type { StudioMachine } from '../../app/contract/studio.ts';
import { chooseMachine, useMachineList, useShownMachine } from './machines.ts';

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
  /** Dumps that were opened, newest first. */
  readonly dumps: readonly string[];
  readonly dump: string | null;
}

export const useDumps = create<InspectedState>(() => ({ dumps: [], dump: null }));

/** Looks at a dump from now on. */
export function openDump(path: string): void {
  useDumps.setState(({ dumps }) => ({ dumps: [path, ...dumps.filter((it) => it !== path)].slice(0, 8), dump: path }));
}

/** Looks at a machine from now on. */
export function inspectMachine(id: string): void {
  useDumps.setState({ dump: null });
  chooseMachine(id);
}

export function useInspected(): Inspected | null {
  const machine = useShownMachine();
  const dump = useDumps((state) => state.dump);
  return inspectedOf(machine, dump);
}

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
    ...dumps.map((path) => ({
      key: `dump:${path}`,
      title: `dump ${path.slice(path.lastIndexOf('/') + 1)}`,
      choose: () => useDumps.setState({ dump: path }),
    })),
  ];
}

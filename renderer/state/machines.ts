import { create } from 'zustand';
import type { Disposable } from '../../app/base/disposable.ts';
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { Accelerator, ModelEntry, ProfileListing } from '../../app/contract/index.ts';
import type { MachineStart, Registers, StudioMachine } from '../../app/contract/studio.ts';
import { studio } from '../host/client.ts';
import { followForever } from '../host/follow.ts';
import { pickMachine, pickServing } from './machine-view.ts';
import { notify, notifyError } from './notifications.ts';
import { useSettings } from './settings.ts';

/** What Run starts besides the profile and the model of the settings. */
export interface StartOverrides {
  readonly cores: number | null;
  readonly memoryMiB: number | null;
  readonly accelerator: Accelerator | 'auto' | null;
  readonly append: string;
}

interface MachinesState {
  /** Null until the host has said which there are. */
  readonly machines: readonly StudioMachine[] | null;
  /** The machine that a person chose to look at. */
  readonly chosen: string | null;
  /** Actions under way, by machine. */
  readonly pending: ReadonlyMap<string, string>;
  readonly profiles: readonly ProfileListing[];
  readonly models: readonly ModelEntry[];
  readonly overrides: StartOverrides;
}

export const useMachines = create<MachinesState>(() => ({
  machines: null,
  chosen: null,
  pending: new Map(),
  profiles: [],
  models: [],
  overrides: { cores: null, memoryMiB: null, accelerator: null, append: '' },
}));

/** Keeps the store equal to the host's machines, whoever starts them. */
export function followMachines(): Disposable {
  return followForever(
    (signal) => studio.machines.watch(undefined, { signal }),
    (machines) => useMachines.setState({ machines }),
  );
}

/** Profiles and models as they lie on the disk now. */
export async function refreshChoices(): Promise<void> {
  const [profiles, models] = await Promise.all([studio.profiles.list(), studio.models.list()]);
  useMachines.setState({ profiles, models });
}

const NONE: readonly StudioMachine[] = [];

export function useMachineList(): readonly StudioMachine[] {
  return useMachines(({ machines }) => machines ?? NONE);
}

/** The machine that serial, timeline and card show. */
export function useShownMachine(): StudioMachine | null {
  return useMachines(({ machines, chosen }) => pickMachine(machines ?? NONE, chosen));
}

export function shownMachine(): StudioMachine | null {
  const { machines, chosen } = useMachines.getState();
  return pickMachine(machines ?? NONE, chosen);
}

/** The machine that answers questions. */
export function useServingMachine(): StudioMachine | null {
  return useMachines(({ machines, chosen }) => pickServing(machines ?? NONE, chosen));
}

export function servingMachine(): StudioMachine | null {
  const { machines, chosen } = useMachines.getState();
  return pickServing(machines ?? NONE, chosen);
}

export function machineById(id: string): StudioMachine | null {
  return useMachines.getState().machines?.find(({ info }) => info.id === id) ?? null;
}

export function chooseMachine(id: string): void {
  useMachines.setState({ chosen: id });
}

export type MachineAction = 'pause' | 'resume' | 'reset' | 'stop' | 'forget';

/** Does something with a machine; what goes wrong is a notification. */
export async function actOn(id: string, action: MachineAction): Promise<void> {
  if (useMachines.getState().pending.has(id)) return;
  useMachines.setState(({ pending }) => ({ pending: new Map(pending).set(id, action) }));
  try {
    const done = await studio.machines[action]({ id });
    if (!done.ok) notifyError(done.error);
  } catch (thrown) {
    notify({ severity: 'error', message: `The machine could not be asked to ${action}`, detail: messageOf(thrown) });
  } finally {
    useMachines.setState(({ pending }) => {
      const rest = new Map(pending);
      rest.delete(id);
      return { pending: rest };
    });
  }
}

/** What Run starts now: the settings' profile and model with what was changed for this time. */
export function startRequest(): MachineStart {
  const { settings } = useSettings.getState();
  const { cores, memoryMiB, accelerator, append } = useMachines.getState().overrides;
  return {
    profile: settings.profile,
    model: settings.model === '' ? null : settings.model,
    ...(cores === null ? {} : { cores }),
    ...(memoryMiB === null ? {} : { memoryMiB }),
    ...(accelerator === null ? {} : { accelerator }),
    ...(append === '' ? {} : { append }),
  };
}

export type StartOutcome =
  | { readonly ok: true; readonly machine: StudioMachine | null; readonly id: string }
  | { readonly ok: false; readonly error: AppError };

/** Starts a machine and shows it. */
export async function startMachine(
  request: MachineStart,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<StartOutcome> {
  for await (const event of await studio.machines.start(request, { signal })) {
    if (event.kind === 'progress') onProgress(event.progress.message);
    if (event.kind === 'failed') return { ok: false, error: event.error };
    if (event.kind === 'started') {
      const { id } = event.machine.info;
      useMachines.setState({ chosen: id });
      return { ok: true, id, machine: machineById(id) };
    }
  }
  return {
    ok: false,
    error: { code: 'start-lost', what: 'The start of the machine was lost.', why: '', fix: 'Start it again.' },
  };
}

/** The registers of every processor, as they are now. */
export async function readRegisters(id: string): Promise<Registers | null> {
  const registers = await studio.machines.registers({ id });
  return registers.ok ? registers.value : null;
}

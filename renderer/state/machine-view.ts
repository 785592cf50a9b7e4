import { assertNever } from '../../app/base/result.ts';
import type { MachineState } from '../../app/contract/index.ts';
import type { StudioMachine } from '../../app/contract/studio.ts';

/** How a state is coloured. */
export type Tone = 'live' | 'busy' | 'idle' | 'bad';

export interface StateWords {
  /** One or two words. */
  readonly label: string;
  /** What more there is to say; empty if nothing. */
  readonly detail: string;
  readonly tone: Tone;
}

/** A machine's state in words. */
export function stateWords(state: MachineState): StateWords {
  switch (state.phase) {
    case 'starting':
      return { label: 'Starting', detail: state.step, tone: 'busy' };
    case 'running':
      return { label: 'Running', detail: '', tone: 'live' };
    case 'paused':
      return { label: 'Paused', detail: 'The guest stands still until it is resumed.', tone: 'busy' };
    case 'crashed':
      return { label: 'Crashed', detail: state.crash.summary, tone: 'bad' };
    case 'stopping':
      return { label: 'Stopping', detail: state.by === 'guest' ? 'The guest shuts itself down.' : '', tone: 'busy' };
    case 'stopped':
      return { label: 'Stopped', detail: stoppedBy(state.by), tone: 'idle' };
    case 'failed':
      return { label: 'Failed', detail: state.error.what, tone: 'bad' };
    default:
      return assertNever(state);
  }
}

function stoppedBy(by: 'guest' | 'user' | 'owner-lost'): string {
  if (by === 'guest') return 'The guest shut itself down.';
  return by === 'user' ? '' : 'The program that started it is gone.';
}

/** What can be done with a machine now. */
export interface Abilities {
  readonly pause: boolean;
  readonly resume: boolean;
  readonly reset: boolean;
  readonly stop: boolean;
  readonly forget: boolean;
  /** Whether keys reach the guest. */
  readonly type: boolean;
}

export function abilitiesOf({ phase }: MachineState): Abilities {
  const alive = phase === 'running' || phase === 'paused';
  return {
    pause: phase === 'running',
    resume: phase === 'paused',
    reset: alive || phase === 'crashed',
    stop: alive || phase === 'starting' || phase === 'crashed',
    forget: phase === 'stopped' || phase === 'failed',
    type: alive,
  };
}

/** Whether there is a QEMU process behind it. */
export function isAlive({ phase }: MachineState): boolean {
  return phase !== 'stopped' && phase !== 'failed';
}

/** The machine that panes show: the chosen one, else the newest that is alive, else the newest. */
export function pickMachine(machines: readonly StudioMachine[], chosen: string | null): StudioMachine | null {
  const newestFirst = machines.toSorted((a, b) => b.info.startedAt - a.info.startedAt);
  return (
    machines.find(({ info }) => info.id === chosen) ??
    newestFirst.find(({ state }) => isAlive(state)) ??
    newestFirst[0] ??
    null
  );
}

/** The machine that answers questions: the shown one if it runs and has an API, else the newest that does. */
export function pickServing(machines: readonly StudioMachine[], chosen: string | null): StudioMachine | null {
  const serving = machines.filter(({ state, info }) => state.phase === 'running' && info.apiUrl !== null);
  return pickMachine(serving, chosen);
}

/** A short name: the profile, and the id's end where several have it. */
export function machineTitle({ info }: StudioMachine, machines: readonly StudioMachine[]): string {
  const { name } = info.profile;
  const twins = machines.filter((other) => other.info.profile.name === name).length > 1;
  return twins ? `${name} ${info.id.slice(-4)}` : name;
}

/** `TCG`, `KVM`: as people write them. */
export function acceleratorName(accelerator: string): string {
  return accelerator.toUpperCase();
}

/** The model's file without folder and extension; null without a model. */
export function modelName(path: string | null): string | null {
  return path === null ? null : (path.split(/[\\/]/).pop() ?? path).replace(/\.gguf$/, '');
}

/** `512 MiB`, `4 GiB`. */
export function mebibytes(count: number): string {
  return count % 1024 === 0 ? `${count / 1024} GiB` : `${count} MiB`;
}

/** `4 s`, `3 min 12 s`, `2 h 05 min`. */
export function uptime(milliseconds: number): string {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min ${two(all % 60)} s`;
  return `${Math.floor(all / 3600)} h ${two(Math.floor((all % 3600) / 60))} min`;
}

/** Arguments as a line that a POSIX shell takes; one option a line when `separator` breaks it. */
export function shellCommand(argv: readonly string[], separator = ' '): string {
  const quoted = argv.map((word) =>
    /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return quoted.reduce((line, word) => {
    if (line === '') return word;
    return word.startsWith('-') ? `${line}${separator}${word}` : `${line} ${word}`;
  }, '');
}

/** Registers at a glance, in this order where the machine has them. */
export const GLANCE = ['rip', 'rsp', 'rfl', 'cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const;

/** QEMU calls them differently from one processor to the next. */
export function glanceRegisters(values: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return GLANCE.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [{ name, value: padHex(value) }];
  });
}

/** `0x1f` as sixteen digits in four groups would be too loud: padded only. */
export function padHex(value: string): string {
  return `0x${value.slice(2).padStart(16, '0')}`;
}

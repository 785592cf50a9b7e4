import { create } from 'zustand';
import { studio, whenConnected } from '../../host/client.ts';
import { ConsoleSessions } from '../../state/console-session.ts';
import { shownMachine, useMachines } from '../../state/machines.ts';

interface SerialState {
  /** Whether the search bar is open. */
  readonly searching: boolean;
}

export const useSerial = create<SerialState>(() => ({ searching: false }));

const sessions = new ConsoleSessions((id) => ({
  open: (from, signal) => studio.machines.serial({ id, from }, { signal }),
  write: async (text) => {
    const done = await studio.machines.serialWrite({ id, text });
    if (!done.ok) throw new Error(done.error.what);
  },
  connected: whenConnected,
}));

// Consoles are followed from power-on, whether the pane is open or not: what a machine said first is what one looks for.
useMachines.subscribe(({ machines }) => {
  if (machines === null) return;
  sessions.keepOnly(new Set(machines.map(({ info }) => info.id)));
  for (const { info } of machines) sessions.of(info.id);
});

export function sessionOf(id: string) {
  return sessions.of(id);
}

/** The console that is shown, as a file. */
export function shownLog(): { name: string; parts: Uint8Array[] } | null {
  const machine = shownMachine();
  if (machine === null) return null;
  return { name: `serial-${machine.info.id}.log`, parts: sessions.of(machine.info.id).log() };
}

/** What the commands of the pane act on: the terminal, while there is one. */
export interface SerialTerminal {
  clear(): void;
  copy(): void;
  focus(): void;
}

let terminal: SerialTerminal | null = null;

export function setTerminal(shown: SerialTerminal | null): void {
  terminal = shown;
}

export function currentTerminal(): SerialTerminal | null {
  return terminal;
}

import type { Disposable } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import { notify } from '../state/notifications.ts';
import { createRegistry } from './registry.ts';

/** Something that a person can ask for, by palette, key, menu or button. */
export interface Command {
  /** `build.start`: the owner and the action. */
  readonly id: string;
  /** As it stands in the palette: `Build Kernel`. */
  readonly title: string;
  /** Stands before the title in the palette: `Machine: Stop`. */
  readonly category?: string | undefined;
  /**
   * `Mod+Shift+P`, or a chord `Mod+K Mod+S`; several where the first is not enough. Mod is Ctrl, on macOS Command. A binding
   * has a modifier or is a function key; keys that act in one place only belong to that place's own key handler.
   */
  readonly keybinding?: string | readonly string[] | undefined;
  /** Whether the command can run now; it is hidden from the palette, and its key is not taken, where this is false. */
  readonly when?: (() => boolean) | undefined;
  /** Where its key counts, if not everywhere: the palette runs the command from anywhere. */
  readonly keyWhen?: (() => boolean) | undefined;
  /** Not in the palette: makes sense only with arguments. */
  readonly hidden?: boolean | undefined;
  readonly run: (...args: never[]) => unknown;
}

const commands = createRegistry<Command>('command');

export const useCommands = commands.useItems;
export const getCommand = commands.get;
export const allCommands = commands.all;

export function registerCommand(command: Command): Disposable {
  return commands.register(command);
}

export function isEnabled(command: Command): boolean {
  return command.when === undefined || command.when();
}

/** Runs a command by its id, if it can run now. What it throws becomes a notification. */
export async function runCommand(id: string, ...args: unknown[]): Promise<void> {
  const command = commands.get(id);
  if (command === undefined || !isEnabled(command)) return;
  try {
    await (command.run as (...values: unknown[]) => unknown)(...args);
  } catch (thrown) {
    notify({ severity: 'error', message: `${command.title} failed`, detail: messageOf(thrown) });
  }
}

/** `Machine: Stop`. */
export function commandLabel(command: Command): string {
  return command.category === undefined ? command.title : `${command.category}: ${command.title}`;
}

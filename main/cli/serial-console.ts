/**
 * A machine's serial console in this terminal.
 *
 * At a keyboard, every key goes to the guest as it is typed, Ctrl-C included: the guest's shell uses it to stop a
 * generation. Ctrl-] is ours, as in telnet. Without a keyboard, stdin is fed to the shell once it is ready, and the end of
 * stdin is no reason to stop: `ring0 run < /dev/null` serves until it is told to end.
 */
import { DisposableStore, toDisposable } from '../../app/base/disposable.ts';
import type { Machine, MachineState } from '../../app/contract/index.ts';
import { describeMachine, describeState } from './boot.ts';
import type { CommandContext } from './command.ts';
import { crashText } from './crash-text.ts';
import { EXIT } from './exit-codes.ts';

const ESCAPE_KEY = 0x1d;
/** The kernel prints this once its shell reads the serial port. */
const SHELL_READY = 'ring0: shell ready';
/** A kernel that is not ours never says so; after this long its stdin is fed anyway. */
const FEED_ANYWAY_MS = 5000;

export interface ConsoleOptions {
  /** Whether this process started the machine, so that leaving ends it. */
  readonly owner: boolean;
  /** Stay after a crash, so that the dead machine can be inspected from another terminal. */
  readonly keep: boolean;
}

/** Shows the console until the machine ends, the person leaves, or a signal comes. @returns the exit code */
export async function serialConsole(
  context: CommandContext,
  machine: Machine,
  options: ConsoleOptions,
): Promise<number> {
  const { terminal, interrupts } = context;
  const held = new DisposableStore();
  let leave: (code: number) => void = () => {};
  const left = new Promise<number>((resolve) => {
    leave = resolve;
  });
  try {
    const keyboard = terminal.interactive;
    // Before the console's past is shown: whoever sees a prompt may type at once, and the keys must be raw by then.
    if (keyboard) held.add(readKeyboard(context, machine, options, () => leave(EXIT.ok)));
    terminal.write(machine.serialScrollback());
    held.add(machine.onDidReceiveSerial((bytes) => terminal.write(bytes)));
    const onAbort = () => leave(interrupts.exitCode);
    interrupts.signal.addEventListener('abort', onAbort, { once: true });
    held.add(toDisposable(() => interrupts.signal.removeEventListener('abort', onAbort)));
    if (interrupts.signal.aborted) onAbort();

    if (!keyboard) held.add(feedStandardInput(machine));

    const ended = machine.waitForEnd().then(async (state) => {
      const code = reportEnd(context, state);
      if (state.phase === 'crashed' && (options.keep || keyboard) && options.owner) {
        terminal.hint(
          `The dead machine is kept for \`ring0 inspect epitaph\` in another terminal; ${keyboard ? 'Ctrl-] q' : 'a signal'} ends it.`,
        );
        await left;
      }
      return code;
    });
    const code = await Promise.race([ended, left]);
    // A signal that ends the wait beside a dead machine does not make the crash undone.
    return machine.state.phase === 'crashed' && options.owner ? EXIT.crashed : code;
  } finally {
    held.dispose();
  }
}

/** Says how a machine ended. @returns the exit code that this means */
export function reportEnd({ terminal }: CommandContext, state: MachineState): number {
  if (state.phase === 'crashed') {
    terminal.note(`\n${crashText(state.crash, terminal.paintError)}`);
    return EXIT.crashed;
  }
  if (state.phase === 'failed') {
    terminal.error(state.error);
    return EXIT.failed;
  }
  terminal.hint(describeState(state));
  return EXIT.ok;
}

function feedStandardInput(machine: Machine) {
  const held = new DisposableStore();
  const onData = (bytes: Buffer) => machine.writeSerial(bytes);
  const feed = () => {
    if (held.isDisposed) return;
    waiting.dispose();
    process.stdin.on('data', onData);
    held.add(toDisposable(() => process.stdin.off('data', onData).pause()));
  };
  const waiting = held.add(new DisposableStore());
  let seen = Buffer.from(machine.serialScrollback()).toString('latin1');
  if (seen.includes(SHELL_READY)) {
    feed();
    return held;
  }
  const timer = setTimeout(feed, FEED_ANYWAY_MS);
  waiting.add(toDisposable(() => clearTimeout(timer)));
  waiting.add(
    machine.onDidReceiveSerial((bytes) => {
      seen = (seen + Buffer.from(bytes).toString('latin1')).slice(-4096);
      if (seen.includes(SHELL_READY)) feed();
    }),
  );
  return held;
}

function readKeyboard(context: CommandContext, machine: Machine, options: ConsoleOptions, leave: () => void) {
  const { terminal } = context;
  terminal.hint(
    `${describeMachine(machine)}\nCtrl-] q ${options.owner ? 'ends the machine' : 'leaves it running'}, Ctrl-] h lists more; every other key, Ctrl-C too, goes to the guest.`,
  );
  let menu = false;
  const onData = (bytes: Buffer) => {
    const toGuest: number[] = [];
    for (const byte of bytes) {
      if (menu) {
        menu = false;
        if (byte === ESCAPE_KEY) toGuest.push(byte);
        else void choose(context, machine, options, String.fromCharCode(byte), leave);
      } else if (byte === ESCAPE_KEY) {
        menu = true;
      } else {
        toGuest.push(byte);
      }
    }
    if (toGuest.length > 0) machine.writeSerial(Uint8Array.from(toGuest));
  };
  process.stdin.setRawMode(true);
  process.stdin.on('data', onData);
  process.stdin.resume();
  return toDisposable(() => {
    process.stdin.off('data', onData);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  });
}

/** One key after Ctrl-]. */
async function choose(
  context: CommandContext,
  machine: Machine,
  options: ConsoleOptions,
  key: string,
  leave: () => void,
): Promise<void> {
  const { terminal } = context;
  const say = (text: string) => terminal.note(`\r\n${terminal.paintError('dim', text.replaceAll('\n', '\r\n'))}\r`);
  const act = async (what: string, action: Promise<{ ok: boolean; error?: { what: string } }>) => {
    const result = await action;
    say(result.ok ? what : (result.error?.what ?? 'failed'));
  };
  switch (key.toLowerCase()) {
    case 'q':
    case '\x03':
      leave();
      return;
    case 'p':
      if (machine.state.phase === 'paused') await act('goes on', machine.resume());
      else await act('paused; Ctrl-] p goes on', machine.pause());
      return;
    case 'r':
      await act('reset', machine.reset());
      return;
    case 'i':
      say(`${describeMachine(machine)}\n${describeState(machine.state)}; files in ${machine.info.runDirectory}`);
      return;
    default:
      say(
        `Ctrl-] then: q ${options.owner ? 'end the machine' : 'leave'} · p pause or go on · r reset · i about the machine · Ctrl-] send Ctrl-] to the guest`,
      );
  }
}

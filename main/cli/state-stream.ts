import type { Machine, MachineState } from '../../app/contract/index.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-codes.ts';

/** `run --json`: the machine's life as one JSON object a line. @returns the exit code */
export async function followAsJson(
  { terminal, interrupts }: CommandContext,
  machine: Machine,
  keep: boolean,
): Promise<number> {
  terminal.jsonLine({ event: 'started', info: machine.info });
  const subscription = machine.onDidChangeState((state) => terminal.jsonLine({ event: 'state', state }));
  let onAbort = () => {};
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => resolve('aborted');
    interrupts.signal.addEventListener('abort', onAbort, { once: true });
    if (interrupts.signal.aborted) onAbort();
  });
  try {
    const end: MachineState | 'aborted' = await Promise.race([machine.waitForEnd(), aborted]);
    if (end === 'aborted') return interrupts.exitCode;
    if (end.phase === 'crashed' && keep) await aborted;
    return end.phase === 'crashed' ? EXIT.crashed : end.phase === 'failed' ? EXIT.failed : EXIT.ok;
  } finally {
    interrupts.signal.removeEventListener('abort', onAbort);
    subscription.dispose();
  }
}

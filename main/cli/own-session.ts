import { spawn } from 'node:child_process';

const IN_SESSION = 'RING0_IN_OWN_SESSION';

/** Whether this program was started by `inOwnSession`. */
export const isInOwnSession = () => process.env[IN_SESSION] !== undefined;

/**
 * Runs this program again, with other arguments, in a session of its own: that of a terminal belongs to its shell, and only a session that
 * is ours alone gives way to a machine (GiveWay). It ends when this one is told to.
 * @param argv a script of Node's, and its arguments
 * @returns its exit code
 */
export function inOwnSession(argv: readonly string[], cwd = process.cwd()): Promise<number> {
  const child = spawn(process.execPath, argv, {
    cwd,
    env: { ...process.env, [IN_SESSION]: '1' },
    stdio: 'inherit',
    detached: true,
  });
  const end = () => child.kill('SIGTERM');
  process.once('SIGINT', end).once('SIGTERM', end);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

import { AS_NODE, startProcess } from '../process/index.ts';
import { unwrap } from './failure.ts';

const IN_SESSION = 'RING0_IN_OWN_SESSION';

/** Whether this program was started by `inOwnSession`. */
export const isInOwnSession = () => process.env[IN_SESSION] !== undefined;

/**
 * Runs this program again in a session of its own: that of a terminal belongs to its shell, and only a session that is ours alone gives
 * way to a machine (GiveWay). It ends with this one, and is asked to when `signal` aborts.
 * @param argv a script of Node's, and its arguments
 * @returns its exit code
 */
export async function inOwnSession(argv: readonly string[], signal: AbortSignal, cwd?: string): Promise<number> {
  const env = { ...AS_NODE, [IN_SESSION]: '1' };
  const child = unwrap(await startProcess(process.execPath, argv, { cwd, env, guard: true, showsOutput: true }));
  const abort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const { code } = await child.exited;
  signal.removeEventListener('abort', abort);
  return code ?? 1;
}

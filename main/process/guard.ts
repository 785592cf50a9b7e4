import { spawn, spawnSync } from 'node:child_process';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';

/**
 * A guarded process dies with its owner, even when the owner is killed by SIGKILL. Two means: on Linux the kernel itself sends
 * SIGKILL when the parent ends (prctl PR_SET_PDEATHSIG through util-linux's setpriv, no extra process); elsewhere a watchdog holds
 * the reading end of a pipe whose writing end only the owner has, and kills the process group when it reads the end.
 */
export type GuardMeans = 'pdeathsig' | 'watchdog';

let detected: GuardMeans | undefined;

/** The means of this host; asked once. */
export function guardMeans(): GuardMeans {
  if (detected === undefined) {
    const works =
      process.platform === 'linux' &&
      spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0;
    detected = works ? 'pdeathsig' : 'watchdog';
  }
  return detected;
}

/** The command that runs `command` under the kernel's own guard. */
export function pdeathsigCommand(command: string, args: readonly string[]): [command: string, args: string[]] {
  return ['setpriv', ['--pdeathsig', 'KILL', '--', command, ...args]];
}

/** Reads until somebody writes a line, which means that all is well, or the pipe ends, which means that the owner is gone. */
// Without `--`, which dash takes for a number; the group first, for what the process itself has started.
const SHELL_WATCHDOG = 'read -r line && exit 0; kill -9 "-$1" 2>/dev/null || kill -9 "$1" 2>/dev/null';
const NODE_WATCHDOG = `let fine = false;
process.stdin.on('data', () => { fine = true; process.exit(0); });
process.stdin.on('end', () => { if (!fine) require('node:child_process').spawnSync('taskkill', ['/PID', process.argv[1], '/T', '/F']); });`;

/** For a child by `process.execPath`: in Electron that program is Node only when it is told to be. */
export const AS_NODE: Readonly<Record<string, string>> =
  process.versions.electron === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' };

/** Watches over the process group of `pid` until disposed. */
export function startWatchdog(pid: number): Disposable {
  const [command, args] =
    process.platform === 'win32'
      ? [process.execPath, ['-e', NODE_WATCHDOG, String(pid)]]
      : ['/bin/sh', ['-c', SHELL_WATCHDOG, 'ring0-watchdog', String(pid)]];
  // A session of its own: Ctrl-C in the terminal must not take the watchdog first.
  const watchdog = spawn(command, args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { ...process.env, ...AS_NODE },
  });
  watchdog.on('error', () => watchdog.stdin.destroy());
  // It may have ended before we say goodbye.
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  return toDisposable(() => watchdog.stdin.end('done\n'));
}

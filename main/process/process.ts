import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { type CancelSignal, isCancelled } from '../../app/base/cancel.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../app/base/result.ts';
import { descendantsOf } from './descendants.ts';
import { type GuardMeans, guardMeans, pdeathsigCommand, startWatchdog } from './guard.ts';

/** How a process ended. */
export interface ExitStatus {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface StartOptions {
  readonly cwd?: string | undefined;
  /** Added to this program's own environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly onStdout?: ((bytes: Buffer) => void) | undefined;
  readonly onStderr?: ((bytes: Buffer) => void) | undefined;
  /** What nobody listens to is written where this program writes, a terminal included, instead of being dropped. */
  readonly showsOutput?: boolean | undefined;
  /** `none` (default): /dev/null. `terminal`: ours, and the process stays in our group, so that it may ask for a password. */
  readonly stdin?: 'none' | 'pipe' | 'terminal' | undefined;
  /** The process must not outlive this one, however this one ends. */
  readonly guard?: boolean | GuardMeans | undefined;
  /** It ends by itself when its stdin does, and has something to put in order first: it is asked so rather than killed. */
  readonly endsWithStdin?: boolean | undefined;
}

/** Processes that run now: all of them are killed when this program ends in any way that lets it run code. */
const running = new Set<ManagedProcess>();
let exitHookInstalled = false;

/** How many processes run: tests assert that it is zero. */
export function runningProcessCount(): number {
  return running.size;
}

/** A child process and its whole group. */
export class ManagedProcess implements Disposable {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;
  readonly #ownGroup: boolean;
  readonly #endsWithStdin: boolean;
  #ended = false;

  constructor(
    child: ChildProcess,
    pid: number,
    { ownGroup, endsWithStdin }: { readonly ownGroup: boolean; readonly endsWithStdin: boolean },
    watchdog: Disposable | undefined,
  ) {
    this.#child = child;
    this.#ownGroup = ownGroup;
    this.#endsWithStdin = endsWithStdin;
    this.pid = pid;
    running.add(this);
    if (!exitHookInstalled) {
      exitHookInstalled = true;
      process.on('exit', () => {
        for (const it of running) it.dispose();
      });
    }
    this.exited = new Promise((resolve) => {
      const ended = (status: ExitStatus) => {
        this.#ended = true;
        running.delete(this);
        watchdog?.dispose();
        resolve(status);
      };
      // `close` comes after the last output; `exit` alone would lose it.
      child.once('close', (code, signal) => ended({ code, signal }));
    });
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Present only where the process was started with `stdin: 'pipe'`. */
  get stdin(): Writable | null {
    return this.#child.stdin;
  }

  /** Signals it with all that it has started; nothing happens if it is gone. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#ended) return;
    try {
      if (this.#ownGroup && process.platform !== 'win32') process.kill(-this.pid, signal);
      else {
        // In the group of the terminal, which is ours too.
        if (process.platform !== 'win32') for (const pid of descendantsOf(this.pid)) signalOne(pid, signal);
        this.#child.kill(signal);
      }
    } catch (error) {
      if (systemCodeOf(error) !== 'ESRCH') throw error;
    }
  }

  /** Asks the group to end, and after `graceMs` makes it. */
  async terminate(graceMs: number): Promise<ExitStatus> {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  dispose(): void {
    if (this.#endsWithStdin) this.#child.stdin?.destroy();
    else this.kill('SIGKILL');
  }
}

/** What has ended meanwhile, or has become root's through sudo, is beyond us. */
function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!['ESRCH', 'EPERM'].includes(systemCodeOf(error))) throw error;
  }
}

/** Starts a process in a group of its own. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Result<ManagedProcess>> {
  const means = options.guard === true ? guardMeans() : options.guard === false ? undefined : options.guard;
  const [file, argv] = means === 'pdeathsig' ? pdeathsigCommand(command, args) : [command, [...args]];
  const ownGroup = options.stdin !== 'terminal';
  const stdin = options.stdin === 'pipe' ? 'pipe' : options.stdin === 'terminal' ? 'inherit' : 'ignore';
  const unheard = options.showsOutput === true ? 'inherit' : 'ignore';
  let child: ChildProcess;
  try {
    child = spawn(file, argv, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      detached: ownGroup,
      stdio: [
        stdin,
        options.onStdout === undefined ? unheard : 'pipe',
        options.onStderr === undefined ? unheard : 'pipe',
      ],
    });
  } catch (error) {
    // Node refuses some arguments at once, such as one with a zero byte.
    return cannotStart(command, messageOf(error));
  }
  child.stdin?.on('error', () => {});
  if (options.onStdout !== undefined) child.stdout?.on('data', options.onStdout);
  if (options.onStderr !== undefined) child.stderr?.on('data', options.onStderr);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(cannotStart(command, messageOf(error))));
    child.once('spawn', () => {
      const pid = child.pid;
      if (pid === undefined) return resolve(cannotStart(command, 'it has no process id'));
      const watchdog = means === 'watchdog' ? startWatchdog(pid) : undefined;
      resolve(
        ok(new ManagedProcess(child, pid, { ownGroup, endsWithStdin: options.endsWithStdin === true }, watchdog)),
      );
    });
  });
}

function cannotStart(command: string, why: string) {
  return fail(
    'cannot-start-process',
    `${command} cannot be started.`,
    why,
    `Check that ${command} is installed and on the PATH; \`ring0 doctor\` says how.`,
  );
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly signal?: CancelSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Output beyond this is dropped. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  readonly guard?: boolean | undefined;
}

export interface RunResult extends ExitStatus {
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Runs a command to its end and gives its output. A non-zero exit is a result, not an error. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result<RunResult>> {
  if (isCancelled(options.signal)) return cancelled(command);
  const stdout = new Collector(options.maxBytes);
  const stderr = new Collector(options.maxBytes);
  const started = await startProcess(command, args, {
    cwd: options.cwd,
    env: options.env,
    guard: options.guard,
    onStdout: (bytes) => stdout.add(bytes),
    onStderr: (bytes) => stderr.add(bytes),
  });
  if (!started.ok) return started;
  const child = started.value;
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.kill();
        }, options.timeoutMs);
  const abort = () => child.kill();
  options.signal?.addEventListener('abort', abort);
  // The signal may have come while the process was starting.
  if (isCancelled(options.signal)) abort();
  const status = await child.exited;
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', abort);
  if (isCancelled(options.signal)) return cancelled(command);
  return ok({ ...status, stdout: stdout.text(), stderr: stderr.text(), timedOut });
}

/** The error of every operation that was cancelled. */
export function cancelled(what: string) {
  return fail('cancelled', `${what} was cancelled.`, '', '');
}

class Collector {
  readonly #parts: Buffer[] = [];
  #room: number;

  constructor(maxBytes = 1 << 20) {
    this.#room = maxBytes;
  }

  add(bytes: Buffer): void {
    const part = bytes.subarray(0, this.#room);
    this.#room -= part.length;
    if (part.length > 0) this.#parts.push(part);
  }

  text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}

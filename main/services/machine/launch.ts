import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { CancelSignal } from '../../../app/base/cancel.ts';
import { type Disposable, toDisposable } from '../../../app/base/disposable.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import { cancelled, type ExitStatus, type ManagedProcess, startProcess } from '../../process/index.ts';

/** QEMU's own messages that are kept. */
const MAX_STDERR = 16 * 1024;
const CONNECT_TIMEOUT_MS = 20_000;
const EXIT_GRACE_MS = 1000;

/** A QEMU that has connected both of its sockets and waits, stopped, for `cont`. */
export interface LaunchedQemu {
  readonly process: ManagedProcess;
  readonly qmp: Socket;
  readonly serial: Socket;
  /** What QEMU has said on stderr so far. */
  readonly stderr: () => string;
}

/** Starts QEMU and waits until it has connected to both sockets. On failure nothing is left running. */
export async function launchQemu(
  program: string,
  argv: readonly string[],
  sockets: { readonly qmp: string; readonly serial: string },
  signal: CancelSignal | undefined,
): Promise<Result<LaunchedQemu>> {
  const qmp = await listenForOne(sockets.qmp);
  const serial = await listenForOne(sockets.serial);
  try {
    let stderr = '';
    const started = await startProcess(program, argv, {
      guard: true,
      onStderr: (bytes) => {
        stderr = (stderr + bytes.toString('utf8')).slice(-MAX_STDERR);
      },
    });
    if (!started.ok) return started;
    const process = started.value;
    const outcome = await firstOf(Promise.all([qmp.connection, serial.connection]), process, signal);
    if (Array.isArray(outcome)) return ok({ process, qmp: outcome[0], serial: outcome[1], stderr: () => stderr });
    if (outcome === 'cancelled' || outcome === 'timeout') process.kill();
    const status = await process.exited;
    if (outcome === 'cancelled') return cancelled('Starting the machine');
    const why =
      outcome === 'timeout'
        ? `it did not connect its sockets within ${CONNECT_TIMEOUT_MS / 1000} s`
        : `it ended with ${describeExit(status)}`;
    return refused(why, stderr);
  } finally {
    qmp.dispose();
    serial.dispose();
  }
}

/** The failure of a QEMU that connected its sockets and then found fault with an option: it ends by itself, or is ended. */
export async function launchFailure({ process, stderr }: LaunchedQemu): Promise<Result<never>> {
  const status = await process.terminate(EXIT_GRACE_MS);
  return refused(`it ended with ${describeExit(status)}`, stderr());
}

function refused(why: string, stderr: string) {
  const fix = "The message above is QEMU's own; `ring0 doctor` checks the installation.";
  return fail('qemu-failed', 'QEMU does not start.', `${why}\n${stderr.trim()}`, fix);
}

export function describeExit({ code, signal }: ExitStatus): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

type Outcome = [Socket, Socket] | ExitStatus | 'timeout' | 'cancelled';

async function firstOf(
  connected: Promise<[Socket, Socket]>,
  process: ManagedProcess,
  signal: CancelSignal | undefined,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  const timeout = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), CONNECT_TIMEOUT_MS);
  });
  const aborted = new Promise<Outcome>((resolve) => {
    abort = () => resolve('cancelled');
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
  });
  try {
    return await Promise.race<Outcome>([connected, process.exited, timeout, aborted]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** A listening socket that takes one connection. */
async function listenForOne(path: string): Promise<Disposable & { readonly connection: Promise<Socket> }> {
  const server: Server = createServer();
  const connection = new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });
  server.listen(path);
  await once(server, 'listening');
  const end = toDisposable(() => server.close());
  return { connection, dispose: () => end.dispose() };
}

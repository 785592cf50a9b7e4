import { type CancelSignal, isCancelled } from '../../../app/base/cancel.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import { LineSplitter } from '../../../app/wire/qmp.ts';
import { cancelled, type ExitStatus, startProcess } from '../../process/index.ts';

/**
 * Runs a command and yields the lines of its stdout and stderr as they come; returns its exit status, or the error that it was
 * cancelled or did not start. Leaving the loop early kills it.
 */
export async function* streamLines(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly signal?: CancelSignal | undefined },
): AsyncGenerator<string, Result<ExitStatus>> {
  if (isCancelled(options.signal)) return cancelled(command);
  const queue: string[] = [];
  let wake = () => {};
  const splitters = [new LineSplitter(), new LineSplitter()] as const;
  const collect = (splitter: LineSplitter) => (bytes: Buffer) => {
    queue.push(...splitter.push(bytes.toString('utf8')));
    wake();
  };
  const started = await startProcess(command, args, {
    cwd: options.cwd,
    // The whole group: what hangs is seldom cargo itself but a build script below it.
    guard: 'watchdog',
    onStdout: collect(splitters[0]),
    onStderr: collect(splitters[1]),
  });
  if (!started.ok) return started;
  const child = started.value;
  const abort = () => child.kill('SIGTERM');
  options.signal?.addEventListener('abort', abort);
  if (isCancelled(options.signal)) abort();
  let status: ExitStatus | undefined;
  void child.exited.then((ended) => {
    queue.push(...splitters.flatMap((splitter) => splitter.end()));
    status = ended;
    wake();
  });
  try {
    for (;;) {
      const line = queue.shift();
      if (line !== undefined) yield line;
      else if (status !== undefined) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    options.signal?.removeEventListener('abort', abort);
    child.dispose();
  }
  return isCancelled(options.signal) ? cancelled(command) : ok(status);
}

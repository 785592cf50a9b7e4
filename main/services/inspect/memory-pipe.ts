import { constants, createWriteStream, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { isCancelled } from '../../../app/base/cancel.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { DumpOptions, MachineInfo } from '../../../app/contract/index.ts';
import { cancelled, runProcess } from '../../process/index.ts';
import type { InspectTarget } from './target.ts';

const STATUS = z.object({
  status: z.enum(['none', 'active', 'completed', 'failed']),
  completed: z.number().nonnegative().default(0),
  total: z.number().nonnegative().default(0),
});
const PATIENCE_MS = 30_000;
const LOOK_MS = 20;
/** Often enough for whoever watches. */
const PROGRESS_BYTES = 4 << 20;

let pipes = 0;

/**
 * Has QEMU write all memory as an ELF core into `path`, an empty file. QEMU has no command that ends a dump and would go on to the end
 * of memory with the machine standing still: so it writes into a pipe, and who cancels closes the other end. It also tells how far it is.
 */
export async function pourMemory(
  target: InspectTarget,
  info: MachineInfo,
  path: string,
  { signal, onProgress }: DumpOptions,
): Promise<Result<void>> {
  const pipe = join(info.runDirectory, `.memory-${process.pid}-pipe${++pipes}.part`);
  const made = await runProcess('mkfifo', ['-m', '600', pipe]);
  if (!made.ok || made.value.code !== 0) return pourDirectly(target, path, { signal, onProgress });
  // Without waiting for the writer, who may never come.
  const source = new Socket({
    fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  const total = Number(target.regions.reduce((sum, { bytes }) => sum + bytes, 0n));
  const abort = () => source.destroy(new Error('cancelled'));
  signal?.addEventListener('abort', abort);
  try {
    const asked = await target.query('dump-guest-memory', { paging: false, protocol: `file:${pipe}`, detach: true });
    if (!asked.ok) return asked;
    if (isCancelled(signal)) abort();
    await pipeline(source, meter(total, onProgress), createWriteStream(path));
    return await endOfDump(target);
  } catch (error) {
    source.destroy();
    // QEMU notices at its next write; until then the machine could not go on.
    await endOfDump(target);
    return isCancelled(signal)
      ? cancelled('The dump')
      : fail(
          'not-written',
          'The dump cannot be written.',
          messageOf(error),
          'Free some space, or choose another folder.',
        );
  } finally {
    signal?.removeEventListener('abort', abort);
    source.destroy();
    rmSync(pipe, { force: true });
  }
}

/** Where there are no named pipes. Who cancels gets no dump, but the machine goes on only when QEMU has come to the end of memory. */
async function pourDirectly(
  target: InspectTarget,
  path: string,
  { signal, onProgress }: DumpOptions,
): Promise<Result<void>> {
  const asked = await target.query('dump-guest-memory', { paging: false, protocol: `file:${path}`, detach: true });
  if (!asked.ok) return asked;
  const ended = await endOfDump(target, (done, total) => {
    const message = isCancelled(signal) ? 'cancelled; QEMU has to come to the end of memory first' : 'writing memory';
    onProgress?.({ message, done, total, unit: 'bytes' });
  });
  return isCancelled(signal) ? cancelled('The dump') : ended;
}

function meter(total: number, onProgress: DumpOptions['onProgress']): Transform {
  let [done, told] = [0, 0];
  return new Transform({
    transform(bytes: Uint8Array, _encoding, next) {
      done += bytes.length;
      if (done - told >= PROGRESS_BYTES) {
        told = done;
        // Headers and registers come on top of memory.
        onProgress?.({ message: 'writing memory', done: Math.min(done, total), total, unit: 'bytes' });
      }
      next(null, bytes);
    },
  });
}

/** Waits until QEMU says how it went, for as long as it gets on. */
async function endOfDump(
  target: InspectTarget,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Result<void>> {
  let [deadline, before] = [Date.now() + PATIENCE_MS, -1];
  for (;;) {
    const answer = await target.query('query-dump');
    if (!answer.ok) return answer;
    const state = STATUS.safeParse(answer.value).data;
    if (state?.status === 'completed') return ok();
    if (state?.status !== 'active' || Date.now() > deadline)
      return fail(
        'not-written',
        'QEMU did not write the dump.',
        `it says: ${state?.status}`,
        'Free some space, and try again.',
      );
    if (state.completed !== before) {
      [deadline, before] = [Date.now() + PATIENCE_MS, state.completed];
      onProgress(Math.min(state.completed, state.total), state.total);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

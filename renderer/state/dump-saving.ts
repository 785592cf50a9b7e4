import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { DumpWritten } from '../../app/contract/inspect/memory.ts';
import { studio } from '../host/client.ts';

/** A dump that is being written. One at a time: the machine stands still meanwhile. */
export interface DumpSaving {
  readonly machine: string;
  readonly path: string;
  /** 0 to 1; null until QEMU has begun. */
  readonly share: number | null;
}

export const useDumpSaving = create<{ readonly saving: DumpSaving | null }>(() => ({ saving: null }));

let controller: AbortController | null = null;

/** Writes a dump of a machine; null where one is being written already, and where it was cancelled. */
export async function saveDump(
  machine: string,
  path: string,
): Promise<{ readonly dump: DumpWritten } | { readonly error: AppError } | null> {
  if (controller !== null) return null;
  const own = new AbortController();
  controller = own;
  const tell = (share: number | null) => useDumpSaving.setState({ saving: { machine, path, share } });
  tell(null);
  try {
    for await (const event of await studio.inspect.dump({ id: machine, path }, { signal: own.signal })) {
      if (event.kind === 'progress') tell(event.progress.done / (event.progress.total ?? event.progress.done));
      else if (event.kind === 'failed') return event.error.code === 'cancelled' ? null : { error: event.error };
      else return { dump: event.dump };
    }
    return { error: lost('the studio did not say how it ended') };
  } catch (thrown) {
    return own.signal.aborted ? null : { error: lost(messageOf(thrown)) };
  } finally {
    controller = null;
    useDumpSaving.setState({ saving: null });
  }
}

export function cancelDump(): void {
  controller?.abort();
}

const lost = (why: string): AppError => ({
  code: 'not-written',
  what: 'Nobody knows whether the dump was written.',
  why,
  fix: 'Look whether the file is there, or save it again.',
});

/** `dumps/smp4-20261126-211500.elf`, in the workspace. */
export function dumpName(profile: string, now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `${DUMPS}/${profile.replace(/[^\w-]+/g, '-')}-${day}-${time}.elf`;
}

/** The folder of the workspace where dumps go unless a person says otherwise. */
export const DUMPS = 'dumps';

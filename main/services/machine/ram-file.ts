import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { ramFileName } from '../../../app/machine/ram-layout.ts';

/** Where RAM files may lie, best first: memory, then disk. */
const PLACES = ['/dev/shm', tmpdir()];

/** Makes the file that is to be the guest's RAM: sparse, 0600, removed by whoever ends the machine. */
export function createRamFile(id: string, memoryMiB: number): Result<string> {
  const bytes = memoryMiB * 1024 * 1024;
  const reasons: string[] = [];
  for (const place of PLACES) {
    const path = join(place, ramFileName(id));
    try {
      const { bavail, bsize } = statfsSync(place);
      if (bavail * bsize < bytes) {
        reasons.push(`${place} has ${Math.floor((bavail * bsize) / 1048576)} MiB left`);
        continue;
      }
      const file = openSync(path, 'wx', 0o600);
      ftruncateSync(file, bytes);
      closeSync(file);
      return ok(path);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  return fail(
    'no-room-for-ram',
    `There is no room for ${memoryMiB} MiB of guest RAM.`,
    reasons.join('; '),
    'Free some space, or give the guest less with --memory.',
  );
}

/**
 * Takes away the name of a RAM file that QEMU has open, so that the memory goes with QEMU however the owner ends. Linux only: there
 * `/proc/PID/fd/N` (proc(5)) opens the nameless file for every process of this user. Elsewhere, and where /proc is closed to us, the
 * file keeps its name.
 *
 * @returns the path by which the memory is read from now on
 */
export function hideRamFile(path: string, qemuPid: number): string {
  if (process.platform !== 'linux') return path;
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    const descriptors = `/proc/${qemuPid}/fd`;
    const open = readdirSync(descriptors)
      .map((number) => join(descriptors, number))
      .find((link) => {
        const target = statSync(link, { bigint: true, throwIfNoEntry: false });
        return target?.ino === ino && target.dev === dev;
      });
    if (open === undefined) return path;
    // What cannot be opened now could not be opened without its name either.
    closeSync(openSync(open, 'r'));
    rmSync(path);
    return open;
  } catch {
    return path;
  }
}

/** Removes a machine's RAM file. `path` is removed only if its name is the one that the machine's file must have. */
export function removeRamFile(id: string, path: string | undefined): void {
  const name = ramFileName(id);
  const named = path !== undefined && basename(path) === name ? [path] : [];
  // An owner that was killed before it registered the machine told nobody where its file is.
  for (const file of new Set([...named, ...PLACES.map((place) => join(place, name))])) rmSync(file, { force: true });
}

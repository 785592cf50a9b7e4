import { closeSync, ftruncateSync, openSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { ramFileName } from './run-directory.ts';

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

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { type RunRecord, RunRecordSchema } from '../../../app/contract/control.ts';
import type { HostStamps } from '../../../app/contract/records.ts';
import { isSameProcess, killStamped, type ProcessStamp } from './process-stamp.ts';
import { removeRamFile } from './ram-file.ts';

/** Unix socket paths end at 107 bytes (unix(7)); the longest name below a run directory is `/control.sock`. */
const MAX_DIRECTORY_BYTES = 107 - '/control.sock'.length;
const MAX_RECORD_BYTES = 256 * 1024;

/** Where machines of this user are registered: one directory each, readable by nobody else. */
export function runRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const runtime = environment.XDG_RUNTIME_DIR;
  const cache = environment.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const wanted = runtime !== undefined && runtime !== '' ? join(runtime, 'ring0') : join(cache, 'ring0', 'run');
  // An id is at most 40 characters long.
  return Buffer.byteLength(wanted) + 41 <= MAX_DIRECTORY_BYTES ? wanted : join(tmpdir(), `ring0-${userInfo().uid}`);
}

/** Makes the directory of a new machine, 0700. */
export function createRunDirectory(root: string, profileName: string): Result<{ id: string; directory: string }> {
  const id = `${profileName}-${randomBytes(3).toString('hex')}`;
  const directory = join(root, id);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(root);
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o077) !== 0)) {
      return fail(
        'unsafe-run-directory',
        'Other users could reach the machines of this one.',
        `${root} is not owned by you with mode 0700`,
        `chmod 700 ${root}, or set XDG_RUNTIME_DIR to a directory of your own`,
      );
    }
    mkdirSync(directory, { mode: 0o700 });
    return ok({ id, directory });
  } catch (error) {
    return fail(
      'no-run-directory',
      'The machine has no place for its sockets.',
      messageOf(error),
      `Make ${root} writable, or set XDG_RUNTIME_DIR to a directory of your own.`,
    );
  }
}

/** Registers the machine; a reader sees all of the record or none. */
export function writeRunRecord(directory: string, record: RunRecord): void {
  writeWhole(join(directory, 'machine.json'), record);
}

/** Notes what the owner has seen of the machine's start. */
export function writeStamps(directory: string, stamps: HostStamps): void {
  try {
    writeWhole(join(directory, 'stamps.json'), stamps);
  } catch {
    // A full disk costs the picture of the boot, not the machine.
  }
}

function writeWhole(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Removes a machine's directory, and its RAM file where that still has a name. */
export function removeRun(directory: string, ramPath: string | undefined): void {
  removeRamFile(basename(directory), ramPath);
  rmSync(directory, { recursive: true, force: true });
}

/** Age at which a directory without a record is no start in progress any more. */
const UNFINISHED_MS = 60_000;

/** The registered machines whose owner lives; what dead owners left is removed, a QEMU of theirs killed. */
export async function liveRuns(root: string): Promise<RunRecord[]> {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  const runs = await Promise.all(names.map((name) => checkRun(join(root, name))));
  return runs.filter((run) => run !== undefined).sort((a, b) => a.info.startedAt - b.info.startedAt);
}

async function checkRun(directory: string): Promise<RunRecord | undefined> {
  const record = readRunRecord(directory);
  if (record === undefined) {
    if (isOld(directory)) removeRun(directory, undefined);
    return undefined;
  }
  if (await isSameProcess(record.owner)) return record;
  await killStamped(record.qemu);
  removeRun(directory, record.info.ramPath);
  return undefined;
}

function isOld(directory: string): boolean {
  try {
    return Date.now() - statSync(directory).mtimeMs > UNFINISHED_MS;
  } catch {
    return false;
  }
}

function readRunRecord(directory: string): RunRecord | undefined {
  const path = join(directory, 'machine.json');
  try {
    if (statSync(path).size > MAX_RECORD_BYTES) return undefined;
    const record = RunRecordSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return record.success && record.data.info.runDirectory === directory ? record.data : undefined;
  } catch {
    // Not there yet, or not a record: a start in progress, or an old version's.
    return undefined;
  }
}

export type { ProcessStamp };

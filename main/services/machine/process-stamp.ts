import { readFileSync } from 'node:fs';
import { systemCodeOf } from '../../../app/base/result.ts';
import { runProcess } from '../../process/index.ts';

/** A process id with its start time: ids are used again, the pair is not. */
export interface ProcessStamp {
  readonly pid: number;
  readonly started: string;
}

/** The stamp of a living process; `started` is empty if there is none. */
export async function stampOf(pid: number): Promise<ProcessStamp> {
  return { pid, started: await startTimeOf(pid) };
}

export async function isSameProcess(stamp: ProcessStamp): Promise<boolean> {
  return stamp.started !== '' && (await startTimeOf(stamp.pid)) === stamp.started;
}

/** Kills a process if it is still the one that was stamped. */
export async function killStamped(stamp: ProcessStamp): Promise<void> {
  if (!(await isSameProcess(stamp))) return;
  try {
    process.kill(stamp.pid, 'SIGKILL');
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}

async function startTimeOf(pid: number): Promise<string> {
  if (!Number.isSafeInteger(pid) || pid <= 1) return '';
  if (process.platform === 'linux') {
    try {
      // Field 22 of proc(5) stat; the name in field 2 may hold spaces and parentheses.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return fields[0] === 'Z' ? '' : (fields[19] ?? '');
    } catch {
      return '';
    }
  }
  const listed = await runProcess('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return listed.ok && listed.value.code === 0 ? listed.value.stdout.trim() : '';
}

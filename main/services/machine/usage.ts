import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { MachineUsage } from '../../../app/contract/index.ts';
import { runProcess } from '../../process/index.ts';

/** proc(5): times are in `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const KIB = 1024;

export type ProcessUsage = Omit<MachineUsage, 'tokensPerSecond' | 'tokens'>;

/** What a process has cost so far: from /proc on Linux, from ps(1) where there is one. */
export async function processUsage(pid: number): Promise<Result<ProcessUsage>> {
  try {
    if (process.platform === 'linux') return ok({ ...common(), ...(await readProc(pid)) });
    if (process.platform !== 'win32') return ok({ ...common(), ...(await askPs(pid)) });
    return unknown('Windows does not tell it without a helper program');
  } catch (error) {
    return unknown(messageOf(error));
  }
}

const common = () => ({ atMs: performance.now(), hostProcessors: availableParallelism() });

function unknown(why: string) {
  return fail('no-usage', 'What the machine costs the host is not known.', why, '');
}

async function readProc(pid: number) {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  return { ...parseStat(stat), ...parseStatus(status) };
}

/** Fields 14, 15 and 20 of proc(5) stat; the name in field 2 may hold spaces and parentheses. */
export function parseStat(text: string): { cpuMs: number; threads: number } {
  const fields = text.replace(/^.*\) /s, '').split(' ');
  const [user, system, threads] = [fields[11], fields[12], fields[17]].map(Number);
  if (user === undefined || system === undefined || threads === undefined || Number.isNaN(user + system + threads))
    throw new Error('/proc/PID/stat is not as proc(5) says');
  return { cpuMs: (user + system) * TICK_MS, threads };
}

/** The guest's RAM is memory without a name, or a file: shared either way. */
export function parseStatus(text: string): { residentBytes: number; guestBytes: number } {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * KIB;
  return { residentBytes: field('VmRSS'), guestBytes: field('RssShmem') };
}

async function askPs(pid: number) {
  const listed = await runProcess('ps', ['-o', 'time=,rss=', '-p', String(pid)], { timeoutMs: 5000 });
  if (!listed.ok) throw new Error(listed.error.why);
  return { ...parsePs(listed.value.stdout), threads: null, guestBytes: null };
}

/** `  1:02.50  123456`, `01:01:02 5`, `2-01:00:00 5`. */
export function parsePs(text: string): { cpuMs: number; residentBytes: number } {
  const [, days, time = '', kib] = /^\s*(?:(\d+)-)?([\d:.]+)\s+(\d+)\s*$/.exec(text) ?? [];
  if (kib === undefined) throw new Error('ps(1) does not know the process');
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: (Number(days ?? 0) * 86_400 + seconds) * 1000, residentBytes: Number(kib) * KIB };
}

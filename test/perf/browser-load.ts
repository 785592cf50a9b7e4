import { readFileSync } from 'node:fs';
import { hostLoad } from '../../main/cli/host-load.ts';
import type { FreeChromium } from './chromium.ts';

/** Whose processor time is told apart. Without a GPU, the compositor's pixels are the work of Chromium's GPU process. */
export const PARTIES = ['page', 'compositor', 'browser', 'service host', 'qemu beside the guest', 'all'] as const;
type Party = (typeof PARTIES)[number];
/** Shares of one processor. */
export type Shares = Readonly<Record<Party, number>>;

export interface Spent {
  readonly atMs: number;
  readonly ms: Shares;
}

/** proc(5): utime and stime, in hundredths of a second, are fields 14 and 15; the name before them may hold spaces. */
function processMs(pid: number): number {
  const [, rest = ''] = /\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Processor time so far. */
export function spent(chromium: FreeChromium, hostPid: number, qemuPid: number): Spent {
  const processes = chromium.processes();
  const of = (wanted: (type: string) => boolean) =>
    processes.filter(({ type }) => wanted(type)).reduce((sum, { pid }) => sum + processMs(pid), 0);
  const { atMs, besideGuestMs, allMs } = hostLoad(qemuPid);
  return {
    atMs,
    ms: {
      page: of((type) => type === 'renderer'),
      compositor: of((type) => type === 'gpu-process'),
      browser: of((type) => type !== 'renderer' && type !== 'gpu-process'),
      'service host': processMs(hostPid),
      'qemu beside the guest': besideGuestMs ?? Number.NaN,
      all: allMs ?? Number.NaN,
    },
  };
}

export function sharesOf(before: Spent, after: Spent): Shares {
  const ms = Math.max(1, after.atMs - before.atMs);
  return Object.fromEntries(PARTIES.map((it) => [it, (after.ms[it] - before.ms[it]) / ms])) as Record<Party, number>;
}

export function meanShares(all: readonly Shares[]): Shares {
  const mean = (party: Party) => all.reduce((sum, it) => sum + it[party], 0) / Math.max(1, all.length);
  return Object.fromEntries(PARTIES.map((it) => [it, mean(it)])) as Record<Party, number>;
}

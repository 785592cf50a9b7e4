import { readFileSync } from 'node:fs';
import { hostLoad } from '../../main/cli/host-load.ts';
import type { FreeChromium } from './chromium.ts';

/** Whose processor time is told apart. Without a GPU, the compositor's pixels are the work of Chromium's GPU process. */
export const PARTIES = [
  'page',
  'compositor',
  'browser',
  'service host',
  'qemu beside the guest',
  'all',
  // No processor time: for how long the guest could have run and had no processor.
  'guest waits for one',
] as const;
type Party = (typeof PARTIES)[number];
/** Shares of one processor. */
export type Shares = Readonly<Record<Party, number>>;

export interface Spent {
  readonly atMs: number;
  /** Of each process of Chromium's. */
  readonly chromium: ReadonlyMap<number, { readonly type: string; readonly ms: number }>;
  readonly hostMs: number;
  readonly besideGuestMs: number;
  readonly allMs: number;
  readonly guestWaitedMs: number;
}

/**
 * proc(5): utime and stime, in hundredths of a second, are fields 14 and 15; the name before them may hold spaces. Of a process that has
 * just ended nothing.
 */
function processMs(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 0;
  }
  const [, rest = ''] = /\) (.*)/s.exec(stat) ?? [];
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Processor time so far. What a process of Chromium's has spent that is gone at the end is not known, and left out. */
export function spent(chromium: FreeChromium, hostPid: number, qemuPid: number): Spent {
  const processes = chromium.processes();
  const ms = new Map(processes.map(({ pid, type }) => [pid, { type, ms: processMs(pid) }]));
  const { atMs, besideGuestMs, allMs, guestWaitedMs } = hostLoad(qemuPid);
  return {
    ...{ atMs, chromium: ms, hostMs: processMs(hostPid) },
    ...{ besideGuestMs: besideGuestMs ?? Number.NaN, allMs: allMs ?? Number.NaN },
    guestWaitedMs: guestWaitedMs ?? Number.NaN,
  };
}

export function sharesOf(before: Spent, after: Spent): Shares {
  const passed = Math.max(1, after.atMs - before.atMs);
  const browser = (wanted: (type: string) => boolean) =>
    [...after.chromium]
      .filter(([, { type }]) => wanted(type))
      .reduce((sum, [pid, { ms }]) => sum + ms - (before.chromium.get(pid)?.ms ?? 0), 0);
  return {
    page: browser((type) => type === 'renderer') / passed,
    compositor: browser((type) => type === 'gpu-process') / passed,
    browser: browser((type) => type !== 'renderer' && type !== 'gpu-process') / passed,
    'service host': (after.hostMs - before.hostMs) / passed,
    'qemu beside the guest': (after.besideGuestMs - before.besideGuestMs) / passed,
    all: (after.allMs - before.allMs) / passed,
    'guest waits for one': (after.guestWaitedMs - before.guestWaitedMs) / passed,
  };
}

export function meanShares(all: readonly Shares[]): Shares {
  const mean = (party: Party) => all.reduce((sum, it) => sum + it[party], 0) / Math.max(1, all.length);
  return Object.fromEntries(PARTIES.map((it) => [it, mean(it)])) as Record<Party, number>;
}

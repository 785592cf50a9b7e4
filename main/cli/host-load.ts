import { readdirSync, readFileSync } from 'node:fs';

/** Processor time so far, in milliseconds. */
export interface HostLoad {
  readonly atMs: number;
  /** Of this program. */
  readonly ownMs: number;
  /** Of QEMU's threads but the one that runs the guest; null where the system does not tell. */
  readonly besideGuestMs: number | null;
  /** Of everything on the computer. */
  readonly allMs: number | null;
}

/** proc(5): /proc/stat counts in hundredths of a second. */
const TICK_MS = 10;

export function hostLoad(qemuPid: number): HostLoad {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), ownMs: (user + system) / 1000, ...linuxLoad(qemuPid) };
}

function linuxLoad(pid: number): Pick<HostLoad, 'besideGuestMs' | 'allMs'> {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
      .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
      .sort((a, b) => b - a);
    // The guest's one processor has computed since it was switched on: no other thread comes near.
    const [, ...beside] = threads;
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
      readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
    )
      .split(/\s+/)
      .map(Number);
    return {
      besideGuestMs: beside.reduce((sum, ms) => sum + ms, 0),
      allMs: (user + nice + system + irq + softirq + steal) * TICK_MS,
    };
  } catch {
    return { besideGuestMs: null, allMs: null };
  }
}

/** What passed between two moments, as shares of one processor. */
export interface LoadShares {
  readonly own: number;
  readonly besideGuest: number | null;
  readonly all: number | null;
}

export function sharesBetween(before: HostLoad, after: HostLoad): LoadShares {
  const ms = Math.max(1, after.atMs - before.atMs);
  const share = (a: number | null, b: number | null) => (a === null || b === null ? null : (b - a) / ms);
  return {
    own: (after.ownMs - before.ownMs) / ms,
    besideGuest: share(before.besideGuestMs, after.besideGuestMs),
    all: share(before.allMs, after.allMs),
  };
}

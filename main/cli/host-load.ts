import { readdirSync, readFileSync } from 'node:fs';

/** Processor time so far, in milliseconds. */
export interface HostLoad {
  readonly atMs: number;
  /** Of this program. */
  readonly ownMs: number;
  /** Of QEMU's threads but the one that runs the guest; null where the system does not tell. */
  readonly besideGuestMs: number | null;
  /** For how long the thread that runs the guest could have run and had no processor; no processor time. */
  readonly guestWaitedMs: number | null;
  /** Of everything on the computer. */
  readonly allMs: number | null;
}

/** proc(5): /proc/stat counts in hundredths of a second. */
const TICK_MS = 10;

export function hostLoad(qemuPid: number): HostLoad {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), ownMs: (user + system) / 1000, ...linuxLoad(qemuPid) };
}

function linuxLoad(pid: number): Omit<HostLoad, 'atMs' | 'ownMs'> {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
      .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' '))
      .map(([ran = '', waited = '']) => ({ ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 }))
      .sort((a, b) => b.ranMs - a.ranMs);
    // The guest's one processor has computed since it was switched on: no other thread comes near.
    const [guest, ...beside] = threads;
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
      readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
    )
      .split(/\s+/)
      .map(Number);
    return {
      besideGuestMs: beside.reduce((sum, { ranMs }) => sum + ranMs, 0),
      guestWaitedMs: guest?.waitedMs ?? null,
      allMs: (user + nice + system + irq + softirq + steal) * TICK_MS,
    };
  } catch {
    return { besideGuestMs: null, guestWaitedMs: null, allMs: null };
  }
}

/** What passed between two moments, as shares of one processor. */
export interface LoadShares {
  readonly own: number;
  readonly besideGuest: number | null;
  /** Of the time, in which the guest's thread wanted a processor and had none. */
  readonly guestWaited: number | null;
  readonly all: number | null;
}

export function sharesBetween(before: HostLoad, after: HostLoad): LoadShares {
  const ms = Math.max(1, after.atMs - before.atMs);
  const share = (a: number | null, b: number | null) => (a === null || b === null ? null : (b - a) / ms);
  return {
    own: (after.ownMs - before.ownMs) / ms,
    besideGuest: share(before.besideGuestMs, after.besideGuestMs),
    guestWaited: share(before.guestWaitedMs, after.guestWaitedMs),
    all: share(before.allMs, after.allMs),
  };
}

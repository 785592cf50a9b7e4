import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';

/** The weight that Linux gives a whole session when processors are scarce, and how it fares. */
export interface SessionShare {
  /** From -20, more than others, to 19. */
  readonly nice: number;
  /** False where the system refuses, which it also does for a moment after another change. */
  setNice(nice: number): boolean;
  /** For how long this program could have run and had no processor, in milliseconds. */
  waitedMs(): number;
}

const AUTOGROUP = '/proc/self/autogroup';

/**
 * The share of our own session; null where there is none: the system has no autogroups (sched(7)), or the session is not ours alone, as
 * that of a terminal, whose shell and other programs would be moved with us.
 */
export function ownSessionShare(): SessionShare | null {
  try {
    // proc(5): the session is the fourth field after the name in parentheses.
    const [, rest = ''] = /\) (.*)/s.exec(readFileSync('/proc/self/stat', 'utf8')) ?? [];
    const leader = rest.split(' ')[3] ?? '';
    if (readlinkSync(`/proc/${leader}/exe`) !== readlinkSync('/proc/self/exe')) return null;
    const nice = niceOf(readFileSync(AUTOGROUP, 'utf8'));
    return nice === null ? null : { nice, setNice, waitedMs };
  } catch {
    return null;
  }
}

function niceOf(text: string): number | null {
  const [, nice] = /^\/autogroup-\d+ nice (-?\d+)/.exec(text) ?? [];
  return nice === undefined ? null : Number(nice);
}

function setNice(nice: number): boolean {
  try {
    writeFileSync(AUTOGROUP, `${nice}`);
    return true;
  } catch {
    return false;
  }
}

/** Documentation/scheduler/sched-stats: the second number is the time on a run queue, in nanoseconds. */
function waitedMs(): number {
  const [, waited = '0'] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
  return Number(waited) / 1e6;
}

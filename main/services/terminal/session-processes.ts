import { readdirSync, readFileSync } from 'node:fs';
import { systemCodeOf } from '../../../app/base/result.ts';

/**
 * The processes of a session (setsid(2)): a shell in a pseudo-terminal leads one, and each of its jobs has a group of its own in it.
 * Linux tells; elsewhere it is the shell's own group.
 */
export function sessionMembers(session: number): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => sessionOf(pid) === session)
    .map(Number);
}

/** proc(5), /proc/PID/stat: the name in parentheses may hold anything; after it come state, ppid, pgrp, session. */
function sessionOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(session);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

/** Signals every member, and the leader's group. */
export function signalSession(session: number, signal: NodeJS.Signals): void {
  if (process.platform === 'win32') return;
  for (const pid of [-session, ...sessionMembers(session)]) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // Gone, or a program that is another user's now (`sudo`), which its terminal's end reaches all the same.
      if (!['ESRCH', 'EPERM'].includes(systemCodeOf(error))) throw error;
    }
  }
}

import { spawnSync } from 'node:child_process';

/** What a process has started, and what that has started, the last first; of those that run now. */
export function descendantsOf(pid: number): number[] {
  const listed = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8', timeout: 5000 });
  const children = new Map<number, number[]>();
  for (const line of (listed.stdout ?? '').split('\n')) {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    if (child !== undefined && parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found: number[] = [];
  const wanted = [pid];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const own = (children.get(next) ?? []).filter((it) => !found.includes(it));
    found.push(...own);
    wanted.push(...own);
  }
  return found.reverse();
}

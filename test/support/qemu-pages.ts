/** What QEMU says of a guest's pages, in the form in which ours are compared with them. */
import type { AddressSpace } from '../../app/contract/index.ts';
import { expectOk, type TestMachine } from './lab.ts';

/** A line of QEMU's human monitor. */
export async function monitor(machine: TestMachine, line: string): Promise<string> {
  return String(expectOk(await machine.machine.query('human-monitor-command', { 'command-line': line })));
}

/** `linear physical` of every page that QEMU's `info tlb` lists. */
export async function tlb(machine: TestMachine): Promise<Map<string, string>> {
  const lines = (await monitor(machine, 'info tlb')).matchAll(/^([0-9a-f]{16}): ([0-9a-f]{16}) (\S{9})\r?$/gm);
  return new Map(
    [...lines].map(([, linear = '', physical = '', flags = '']) => [
      linear,
      `${physical} ${flags.includes('X') ? 'nx' : 'x'} ${flags.includes('W') ? 'w' : 'r'}`,
    ]),
  );
}

/** The same, out of our ranges. */
export function pagesOf(space: AddressSpace): Map<string, string> {
  const pages = new Map<string, string>();
  for (const { start, bytes, target, pageBytes, executable, writable } of space.ranges) {
    for (let at = 0n; at < BigInt(bytes); at += BigInt(pageBytes)) {
      const [linear, physical] = [BigInt(start) + at, BigInt(target) + at];
      pages.set(
        linear.toString(16).padStart(16, '0'),
        `${physical.toString(16).padStart(16, '0')} ${executable ? 'x' : 'nx'} ${writable ? 'w' : 'r'}`,
      );
    }
  }
  return pages;
}

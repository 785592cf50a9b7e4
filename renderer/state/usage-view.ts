import type { MachineUsage } from '../../app/contract/usage.ts';

/** One look at a machine; what is a rate is null for the first. */
export interface UsagePoint {
  /** Processors in use: 1.5 is one and a half. */
  readonly cpu: number | null;
  readonly usage: MachineUsage;
}

/** As far back as the curves go. */
export const MAX_POINTS = 60;

/** The looks so far with one more. A process that is another one begins anew. */
export function addUsage(points: readonly UsagePoint[], usage: MachineUsage): readonly UsagePoint[] {
  const before = points.at(-1)?.usage;
  if (before === undefined || usage.cpuMs < before.cpuMs || usage.atMs <= before.atMs) return [{ cpu: null, usage }];
  const cpu = (usage.cpuMs - before.cpuMs) / (usage.atMs - before.atMs);
  return [...points, { cpu: Math.min(cpu, usage.hostProcessors), usage }].slice(-MAX_POINTS);
}

/** `37 %`, `180 %`: of one processor, as top(1) counts. */
export function cpuWords(cpu: number | null): string {
  return cpu === null ? '…' : `${Math.round(cpu * 100)} %`;
}

/** Points of a polyline in a box of `width` by `height`, the newest at the right edge; empty for fewer than two. */
export function sparkline(values: readonly (number | null)[], top: number, width: number, height: number): string {
  const known = values.map((value, n) => ({ value, n })).filter((point) => point.value !== null);
  if (known.length < 2 || top <= 0) return '';
  const step = width / (MAX_POINTS - 1);
  const x = (n: number) => width - (values.length - 1 - n) * step;
  const y = (value: number) => height - (Math.min(value, top) / top) * height;
  return known.map(({ value, n }) => `${x(n).toFixed(1)},${y(value ?? 0).toFixed(1)}`).join(' ');
}

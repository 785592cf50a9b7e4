import { expect, test } from 'vitest';
import type { MachineUsage } from '../../app/contract/usage.ts';
import { addUsage, cpuWords, MAX_POINTS, sparkline, type UsagePoint } from './usage-view.ts';

const usage = (atMs: number, cpuMs: number): MachineUsage => ({
  atMs,
  cpuMs,
  hostProcessors: 2,
  threads: 4,
  residentBytes: 1,
  guestBytes: null,
  tokensPerSecond: null,
  tokens: null,
});
const after = (...looks: MachineUsage[]) => looks.reduce<readonly UsagePoint[]>(addUsage, []);

test('the second look has a rate, and no more than there is', () => {
  expect(after(usage(0, 0), usage(1000, 500)).map(({ cpu }) => cpu)).toEqual([null, 0.5]);
  // Ticks are coarser than the time between two looks.
  expect(after(usage(0, 0), usage(5, 20)).at(-1)?.cpu).toBe(2);
  expect([cpuWords(null), cpuWords(1.804)]).toEqual(['…', '180 %']);
});

test('another process begins anew, and the past ends somewhere', () => {
  expect(after(usage(0, 900), usage(1000, 10))).toHaveLength(1);
  expect(after(...Array.from({ length: 100 }, (_, n) => usage(n * 1000, n)))).toHaveLength(MAX_POINTS);
});

test('a curve ends at the right edge', () => {
  expect(sparkline([null, 0, 1], 1, 59, 10)).toBe('58.0,10.0 59.0,0.0');
  expect(sparkline([1], 1, 59, 10)).toBe('');
});

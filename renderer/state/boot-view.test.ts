import { expect, test } from 'vitest';
import type { BootReport } from '../../app/contract/index.ts';
import { bootView, duration, startView, ticksTo } from './boot-view.ts';

const phase = (name: string, startMs: number | null, durationMs: number | null) => ({
  name,
  startTsc: '0x1',
  endTsc: durationMs === null ? null : '0x2',
  startMs,
  durationMs,
});
const report = (firstTokenMs: number | null, phases: BootReport['phases']): BootReport => ({
  version: 1,
  tscHz: 1e9,
  entryTsc: '0x0',
  source: 'pvh',
  coresFound: 1,
  coresOnline: 1,
  memoryBytes: 1,
  firstTokenMs,
  engine: 'int',
  model: 'm',
  phases,
  phasesDropped: 0,
  problems: [],
});

test('bars, their shares and the axis', () => {
  const view = bootView(report(150, [phase('memory', 0, 20), phase('model', 20, 80), phase('serve', 100, null)]));
  expect(view.bars.map(({ share }) => share)).toEqual([0.2, 0.8, null]);
  expect(view).toMatchObject({ bootMs: 100, endMs: 150, firstTokenOnAxis: true });
});

test('a first token an hour later does not squeeze the boot', () => {
  expect(bootView(report(3.6e6, [phase('memory', 0, 20)]))).toMatchObject({ endMs: 20, firstTokenOnAxis: false });
});

test('from QEMU on, everybody has bars of their own', () => {
  const timeline = {
    entryMs: 80,
    spans: [
      { name: 'QEMU starts', by: 'host' as const, startMs: 0, durationMs: 50 },
      { name: 'firmware', by: 'firmware' as const, startMs: 50, durationMs: 30 },
      { name: 'memory', by: 'kernel' as const, startMs: 80, durationMs: 20 },
    ],
    marks: [{ name: 'first token', atMs: 120 }],
    problems: [],
  };
  const view = startView(timeline);
  expect(view).toMatchObject({ scope: 'start', bootMs: 100, endMs: 120, firstTokenMs: 120 });
  expect(view?.bars.map(({ by, share }) => [by, share])).toEqual([
    ['host', 0.5],
    ['firmware', 0.3],
    ['kernel', 0.2],
  ]);
  expect(startView({ ...timeline, entryMs: null })).toBeNull();
});

test('an empty report and phases without times draw nothing and say so', () => {
  expect(bootView(report(null, [])).bars).toEqual([]);
  expect(bootView(report(null, [phase('early', null, null)])).untimed).toEqual(['early']);
});

test('round ticks and times', () => {
  expect(ticksTo(100)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(ticksTo(0.7)).toEqual([0, 0.2, 0.4, 0.6]);
  expect([duration(0.0421), duration(4.25), duration(250.4), duration(1500)]).toEqual([
    '42 µs',
    '4.3 ms',
    '250 ms',
    '1.50 s',
  ]);
});

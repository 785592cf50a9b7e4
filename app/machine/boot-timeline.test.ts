import { expect, test } from 'vitest';
import type { BootReport } from '../contract/records.ts';
import { bootTimeline } from './boot-timeline.ts';

/** 1 GHz; entered 300 ms after power-on. */
const REPORT = {
  tscHz: 1e9,
  entryTsc: '0x11e1a300',
  source: 'pvh',
  firstTokenMs: 80,
  phases: [
    { name: 'memory', startTsc: '0x0', endTsc: '0x0', startMs: 2, durationMs: 5 },
    { name: 'engine', startTsc: '0x0', endTsc: null, startMs: 20, durationMs: null },
  ],
} as unknown as BootReport;
const STAMPS = { spawnedAt: 1000, poweredOnAt: 1090, firstByteAt: 1400, resets: 0 };

test('host, firmware and kernel on one axis', () => {
  expect(bootTimeline(REPORT, STAMPS)).toEqual({
    entryMs: 390,
    spans: [
      { name: 'QEMU starts', by: 'host', startMs: 0, durationMs: 90 },
      { name: 'firmware', by: 'firmware', startMs: 90, durationMs: 300 },
      { name: 'memory', by: 'kernel', startMs: 392, durationMs: 5 },
      { name: 'engine', by: 'kernel', startMs: 410, durationMs: null },
    ],
    marks: [
      { name: 'first serial byte', atMs: 400 },
      { name: 'first token', atMs: 470 },
    ],
    problems: [],
  });
});

test('what cannot be placed is left out, and it is said why', () => {
  const cases = [
    bootTimeline(REPORT, { ...STAMPS, resets: 1 }),
    bootTimeline({ ...REPORT, tscHz: null }, STAMPS),
    bootTimeline(REPORT, { ...STAMPS, firstByteAt: 1300 }),
  ];
  for (const timeline of cases) {
    expect([timeline.entryMs, timeline.spans.length, timeline.problems.length]).toEqual([null, 1, 1]);
  }
  // Firmware may speak before the kernel does.
  expect(bootTimeline({ ...REPORT, source: 'uefi' }, { ...STAMPS, firstByteAt: 1100 }).entryMs).toBe(390);
  expect(bootTimeline(REPORT, { ...STAMPS, firstByteAt: null }).marks).toEqual([{ name: 'first token', atMs: 470 }]);
});

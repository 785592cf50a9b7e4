import { expect, test } from 'vitest';
import type { VirtioReport, VirtioStreamEvent } from '../../app/contract/index.ts';
import { freshReports } from './fresh-reports.ts';

const report = (at: number, problems: string[] = []): VirtioStreamEvent => ({
  kind: 'report',
  report: { at, apartMs: 0, source: 'qemu', devices: [], problems } satisfies VirtioReport,
});
const ended: VirtioStreamEvent = { kind: 'ended', why: 'it is off' };

test('a report that says the same is not told again, and everything else is', async () => {
  let left = false;
  async function* stream() {
    try {
      yield* [report(1), report(2), report(3, ['x']), report(4, ['x']), report(5), ended, ended];
    } finally {
      left = true;
    }
  }
  const told: unknown[] = [];
  for await (const event of freshReports(stream())) {
    told.push(event.kind === 'report' ? event.report.at : event.kind);
    if (event.kind === 'ended') break;
  }
  expect(told).toEqual([1, 3, 5, 'ended']);
  // Whoever leaves it leaves what is behind it too.
  expect(left).toBe(true);
});

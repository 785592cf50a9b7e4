import { call } from '@orpc/server';
import { expect, test } from 'vitest';
import { fail, ok } from '../../app/base/result.ts';
import type { CpuView, InspectService } from '../../app/contract/index.ts';
import type { WatchEvent } from '../../app/contract/inspect/watch.ts';
import { inspectRoutes } from './inspect-routes.ts';

/** What a watcher of processors is told while the service answers with these. */
async function told(answers: readonly CpuView[]): Promise<WatchEvent[]> {
  const left = [...answers];
  const inspect = { cpu: async () => ok(left.length > 1 ? left.shift() : left[0]) } as unknown as InspectService;
  const routes = inspectRoutes(inspect, async () => fail('no', '', '', ''), '/');
  const events: WatchEvent[] = [];
  for await (const event of await call(routes.watch, { dump: 'file', look: { of: 'cpu' }, pace: 60 })) {
    events.push(event);
    if (events.length === answers.length) break;
  }
  return events;
}

test('what a watcher of processors has already is not sent again', async () => {
  const msrs = { revision: 'a1', processors: [], problems: ['x'] };
  const view: CpuView = { processors: [], differences: [], msrs, unknown: [] };
  const [first, second, third] = await told([
    view,
    { ...view, msrs: { ...msrs }, unknown: ['y'] },
    // There are none any more: that is news.
    { ...view, msrs: null, unknown: ['y'] },
  ]);
  expect(first).toMatchObject({ kind: 'whole', value: view });
  expect(second).toMatchObject({ kind: 'changed', changes: [{ path: ['unknown'], value: ['y'] }] });
  expect(third).toMatchObject({ kind: 'changed', changes: [{ path: ['msrs'], value: null }] });
});

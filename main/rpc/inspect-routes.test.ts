import { call } from '@orpc/server';
import { expect, test } from 'vitest';
import { fail, ok } from '../../app/base/result.ts';
import type { CpuView, InspectService } from '../../app/contract/index.ts';
import { inspectRoutes } from './inspect-routes.ts';

test('what the asker of processors has already is not sent again', async () => {
  const msrs = { revision: 'a1', processors: [], problems: ['x'] };
  const view: CpuView = { processors: [], differences: [], msrs, unknown: [] };
  const routesOf = (found: CpuView) =>
    inspectRoutes({ cpu: async () => ok(found) } as unknown as InspectService, async () => fail('no', '', '', ''), '/');
  const ask = (found: CpuView, known: string | null) => call(routesOf(found).cpu, { dump: 'file', msrs: known });
  expect(await ask(view, null)).toEqual(ok(view));
  expect(await ask(view, 'a0')).toEqual(ok(view));
  expect(await ask(view, 'a1')).toEqual(ok({ ...view, msrs: 'same' }));
  // There are none any more: that is news.
  expect(await ask({ ...view, msrs: null }, 'a1')).toEqual(ok({ ...view, msrs: null }));
});

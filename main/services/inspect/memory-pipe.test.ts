/** Dumps where there are no named pipes: QEMU writes by itself, and tells how far it is. */
import { afterEach, expect, test, vi } from 'vitest';
import { ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { pourMemory } from './memory-pipe.ts';
import type { InspectTarget } from './target.ts';

afterEach(() => vi.unstubAllEnvs());

/** A QEMU that is asked for a dump and then for its state, which it tells from this list; the last one for ever. */
function qemu(states: readonly unknown[], asked: unknown[] = []): InspectTarget {
  let look = 0;
  const query = async (command: string, args?: unknown): Promise<Result<unknown>> => {
    if (command === 'query-dump') return ok(states[Math.min(look++, states.length - 1)]);
    asked.push([command, args]);
    return ok({});
  };
  return { query, regions: [{ start: 0n, bytes: 4096n }] } as Partial<InspectTarget> as InspectTarget;
}
const info = { runDirectory: '/nowhere' } as MachineInfo;
const active = (completed: number) => ({ status: 'active', completed, total: 4096 });
const DONE = { status: 'completed', completed: 4096, total: 4096 };

/** No program is found: no mkfifo either. */
const withoutPipes = () => vi.stubEnv('PATH', '/nowhere');

test('QEMU writes into the file itself, and is asked how far it is', async () => {
  withoutPipes();
  const asked: unknown[] = [];
  const told: unknown[] = [];
  const target = qemu([active(0), active(0), active(1024), DONE], asked);
  const poured = await pourMemory(target, info, '/dump', { onProgress: (it) => told.push(it) });
  expect(poured).toEqual(ok());
  expect(asked).toEqual([['dump-guest-memory', { paging: false, protocol: 'file:/dump', detach: true }]]);
  expect(told).toEqual([0, 1024].map((done) => ({ message: 'writing memory', done, total: 4096, unit: 'bytes' })));
});

test('who cancels is told what he waits for, and gets no dump', async () => {
  withoutPipes();
  const cancel = new AbortController();
  const told: string[] = [];
  const poured = await pourMemory(qemu([active(0), active(2048), DONE]), info, '/dump', {
    signal: cancel.signal,
    onProgress: ({ message }) => {
      told.push(message);
      cancel.abort();
    },
  });
  expect(poured.ok ? '' : poured.error.code).toBe('cancelled');
  expect(told).toEqual(['writing memory', 'cancelled; QEMU has to come to the end of memory first']);
});

test.each([[{ status: 'failed', completed: 0, total: 4096 }], ['nonsense']])(
  'a dump that fails is told: %j',
  async (state) => {
    withoutPipes();
    const poured = await pourMemory(qemu([state]), info, '/dump', {});
    expect(poured.ok ? '' : poured.error.what).toBe('QEMU did not write the dump.');
  },
);

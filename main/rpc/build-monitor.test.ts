import { expect, test } from 'vitest';
import type { LongOperation } from '../../app/base/cancel.ts';
import type { BuildEvent, BuildService } from '../../app/contract/index.ts';
import type { BuildFollowEvent } from '../../app/contract/studio.ts';
import { BuildMonitor } from './build-monitor.ts';

const STEP: BuildEvent = { kind: 'step', title: 'compiling', command: ['cargo'] };
const CANCELLED: BuildEvent = {
  kind: 'failed',
  errors: 0,
  error: { code: 'cancelled', what: 'The build was cancelled.', why: '', fix: '' },
};

/** A compiler that works until it is cancelled or told to finish. */
class FakeBuild implements Pick<BuildService, 'build'> {
  builds = 0;
  finish = () => {};

  async *build({ signal }: LongOperation = {}): AsyncGenerator<BuildEvent> {
    this.builds += 1;
    yield STEP;
    yield { kind: 'artifact', packageName: 'abi', fresh: false, count: 1 };
    await new Promise<void>((resolve) => {
      this.finish = resolve;
      signal?.addEventListener('abort', resolve);
    });
    if (signal?.aborted) return yield CANCELLED;
    const result = {
      elfPath: 'k',
      efiPath: 'k.efi',
      elfBytes: 1,
      efiBytes: 1,
      durationMs: 1,
      fresh: false,
      errors: 0,
      warnings: 0,
    };
    yield { kind: 'finished', result };
  }
}

const kinds = async (events: AsyncIterable<BuildEvent>) => {
  const all: string[] = [];
  for await (const event of events) all.push(event.kind);
  return all;
};

test('a second window joins the build that runs and gets it from its beginning', async () => {
  const build = new FakeBuild();
  const monitor = new BuildMonitor(build);
  const first = monitor.run(undefined);
  await first.next();
  await first.next();
  const second = monitor.run(undefined);
  expect((await second.next()).value).toEqual(STEP);
  expect(monitor.status).toMatchObject({ phase: 'running', number: 1, crates: 1, compiled: 1, step: 'compiling' });
  build.finish();
  expect(await kinds(second)).toEqual(['artifact', 'finished']);
  expect(await kinds(first)).toEqual(['finished']);
  expect(build.builds).toBe(1);
  expect(monitor.status).toMatchObject({ phase: 'succeeded', result: { elfPath: 'k' } });
  monitor.dispose();
});

test('leaving the stream does not end the build; cancelling does', async () => {
  const build = new FakeBuild();
  const monitor = new BuildMonitor(build);
  const controller = new AbortController();
  const run = monitor.run(controller.signal);
  await run.next();
  controller.abort();
  await kinds(run);
  expect(monitor.status.phase).toBe('running');
  monitor.cancel();
  await expect.poll(() => monitor.status.phase).toBe('cancelled');
  // Nothing runs: nothing happens.
  monitor.cancel();
  const again = monitor.run(undefined);
  await again.next();
  build.finish();
  await kinds(again);
  expect(monitor.status).toMatchObject({ phase: 'succeeded', number: 2, error: null });
  monitor.dispose();
});

test('who follows sees the status first, and every later build from its start', async () => {
  const build = new FakeBuild();
  const monitor = new BuildMonitor(build);
  const followed = monitor.follow(undefined);
  const next = async () => ((await followed.next()) as { value: BuildFollowEvent }).value;
  expect(await next()).toMatchObject({ kind: 'status', status: { phase: 'idle', number: 0 } });
  const run = monitor.run(undefined);
  await run.next();
  expect(await next()).toMatchObject({ kind: 'status', status: { phase: 'running', number: 1, problems: [] } });
  expect(await next()).toEqual({ kind: 'event', event: STEP });
  monitor.dispose();
});

import { expect, test } from 'vitest';
import { fail, ok, type Result } from '../../app/base/result.ts';
import { watch } from './watch.ts';

/** Answers one after the other; then the watcher leaves. */
async function told(answers: readonly Result<unknown>[], pace: number | null = 60) {
  const controller = new AbortController();
  const left = [...answers];
  const look = async () => {
    const next = left.shift();
    if (next === undefined) controller.abort();
    return next ?? ok(null);
  };
  const events: string[] = [];
  for await (const event of watch(look, pace, controller.signal))
    events.push(event.kind === 'changed' ? JSON.stringify(event.changes) : event.kind);
  return events;
}

const lost = fail('lost', 'It is gone.', '', '');

test('the whole once, then what has changed, and once that nothing more has', async () => {
  const still = { a: 1, b: [1, 2] };
  const moved = { a: 2, b: [1, 2] };
  expect(await told([ok(still), ok(moved), ok({ ...moved }), ok(moved), ok(moved)])).toEqual([
    'whole',
    '[{"path":["a"],"value":2}]',
    'same',
  ]);
});

test('a value that is another altogether comes whole', async () => {
  expect(await told([ok([1]), ok('text'), ok('text')])).toEqual(['whole', 'whole', 'same']);
});

test('a failure is told once, and that it is over', async () => {
  expect(await told([ok(1), lost, lost, ok(1), ok(1)])).toEqual(['whole', 'failed', 'same']);
  expect(await told([lost, lost, ok(1)])).toEqual(['failed', 'whole']);
});

test('without a pace one look is all', async () => {
  expect(await told([ok(1), ok(2)], null)).toEqual(['whole']);
});

test('a watcher who hears nothing is told once a second that somebody looks', async () => {
  const answers = Array.from({ length: 130 }, () => ok(1));
  const events = await told(answers);
  expect(events.slice(0, 3)).toEqual(['whole', 'same', 'same']);
  expect(events.length).toBeLessThanOrEqual(5);
});

test('all watchers of a pace look in the same moments', async () => {
  const moments: number[][] = [[], []];
  const controller = new AbortController();
  const run = async (mine: number[]) => {
    for await (const _ of watch(
      async () => {
        mine.push(performance.now());
        return ok(mine.length);
      },
      20,
      controller.signal,
    ))
      if (mine.length === 6) return;
  };
  const first = run(moments[0] as number[]);
  await new Promise((resolve) => setTimeout(resolve, 17));
  await Promise.all([first, run(moments[1] as number[])]);
  const apart = (moments[1] ?? []).slice(1).map((at) => Math.min(...(moments[0] ?? []).map((it) => Math.abs(it - at))));
  expect(Math.min(...apart)).toBeLessThan(10);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail, ok } from '../../../../app/base/result.ts';
import type { InspectSource } from '../../../../app/contract/index.ts';
import type { VirtioStreamEvent } from '../../../../app/contract/inspect/virtio.ts';
import type { InspectTargets } from '../targets.ts';
import { VirtioRecorders } from './follow.ts';
import { SampleTarget } from './sample-target.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SOURCE: InspectSource = { dump: '/a-guest' };

/** One machine, how often it was opened and is open, and who follows it. */
function machine({ still = false, isThere = true } = {}) {
  const target = new SampleTarget({ still });
  const open = { ever: 0, now: 0 };
  const targets = {
    open: async () => {
      if (!isThere) return fail('no-machine', 'No machine runs.', '', 'Start one.');
      open.ever += 1;
      open.now += 1;
      return ok({ target, end: { dispose: () => (open.now -= 1) } });
    },
  } as Partial<InspectTargets> as InspectTargets;
  return { target, queue: target.queue, open, recorders: new VirtioRecorders(targets) };
}

/** Takes every message as it comes. */
function follower(recorders: VirtioRecorders, from = 0) {
  const cancel = new AbortController();
  const messages: VirtioStreamEvent[] = [];
  let ended = false;
  void (async () => {
    for await (const message of recorders.follow(SOURCE, from, cancel.signal)) messages.push(message);
    ended = true;
  })();
  return {
    messages,
    cancel: () => cancel.abort(),
    rings: () => messages.filter((it) => it.kind === 'rings'),
    kinds: () => messages.flatMap((it) => (it.kind === 'rings' ? it.events.map(({ kind }) => kind) : [])),
    hasEnded: () => ended,
  };
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('a follower gets a report, the queue as it is, and then what happens, each event once', async () => {
  const { queue, recorders } = machine();
  const one = follower(recorders);
  await pass(100);
  expect(one.messages.map(({ kind }) => kind)).toContain('report');
  expect(one.rings()[0]).toMatchObject({ fresh: true });
  expect(one.kinds()).toEqual(['snapshot']);
  queue.publish(0);
  await pass(100);
  queue.take();
  queue.use(0, 64);
  await pass(300);
  expect(one.kinds()).toEqual(['snapshot', 'published', 'used', 'consumed']);
  const numbers = one.rings().flatMap(({ events }) => events.map(({ number }) => number));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(one.rings().at(-1)?.next).toBe((numbers.at(-1) ?? 0) + 1);
  expect(one.rings().filter(({ fresh }) => fresh)).toHaveLength(1);
  recorders.dispose();
});

test('who comes back is given what is missing; who was away too long begins anew', async () => {
  const { queue, recorders } = machine();
  const one = follower(recorders);
  await pass(100);
  one.cancel();
  await pass(100);
  expect(one.hasEnded()).toBe(true);
  queue.publish(0);
  await pass(100);
  const back = follower(recorders, one.rings().at(-1)?.next);
  await pass(100);
  expect(back.kinds()).toEqual(['published']);
  expect(back.rings().some(({ fresh }) => fresh)).toBe(false);
  const stranger = follower(recorders, 9999);
  await pass(100);
  expect(stranger.rings()[0]).toMatchObject({ fresh: true });
  recorders.dispose();
});

test('all who follow a machine share one recording, which lingers after the last of them', async () => {
  const { open, recorders } = machine();
  const [one, two] = [follower(recorders), follower(recorders)];
  await pass(100);
  expect(open.now).toBe(1);
  one.cancel();
  await pass(20_000);
  expect(open.now).toBe(1);
  two.cancel();
  await pass(9000);
  expect(open.now).toBe(1);
  const three = follower(recorders);
  await pass(20_000);
  expect(open.now).toBe(1);
  three.cancel();
  await pass(11_000);
  expect(open.now).toBe(0);
});

test('a follower who takes nothing has a bounded amount kept for it, and then gets what there is', async () => {
  const { queue, recorders } = machine();
  const stream = recorders.follow(SOURCE, 0, undefined);
  // One message, and then no more for a while.
  const first = stream.next();
  await pass(100);
  expect((await first).value).toMatchObject({ kind: 'rings', fresh: true });
  for (let round = 0; round < 3000; round++) {
    for (let head = 0; head < queue.size; head++) queue.publish(head);
    queue.take(queue.size);
    for (let head = 0; head < queue.size; head++) queue.use(head, 64);
    await pass(2);
  }
  const messages: VirtioStreamEvent[] = [];
  while (messages.at(-1)?.kind !== 'rings' || (messages.at(-1) as { events: unknown[] }).events.length === 2000) {
    const next = stream.next();
    await pass(100);
    const { value } = await next;
    if (value === undefined) break;
    messages.push(value);
  }
  const rings = messages.filter((it) => it.kind === 'rings');
  expect(rings.map(({ fresh }) => fresh)).toEqual(rings.map((_, n) => n === 0));
  const events = rings.flatMap((it) => it.events);
  // What one tape keeps, and how the queue was before that.
  expect(events.length).toBeLessThanOrEqual(4096 + 64);
  expect(events[0]?.kind).toBe('snapshot');
  recorders.dispose();
});

test('who cancels while a message is on its way is let go, although nothing more happens', async () => {
  const { recorders, open } = machine({ still: true });
  const cancel = new AbortController();
  const stream = recorders.follow(SOURCE, 0, cancel.signal);
  const first = stream.next();
  await pass(1000);
  expect((await first).done).toBe(false);
  cancel.abort();
  let ended = false;
  void (async () => {
    for await (const _ of stream);
    ended = true;
  })();
  await pass(1000);
  expect(ended).toBe(true);
  await pass(11_000);
  expect(open.now).toBe(0);
});

test('a machine that ends is told, and its recording does not linger', async () => {
  const { target, open, recorders } = machine();
  const one = follower(recorders);
  await pass(100);
  target.alive = false;
  await pass(5000);
  expect(one.messages.at(-1)).toEqual({ kind: 'ended', why: 'QEMU is gone. it was switched off' });
  expect(one.hasEnded()).toBe(true);
  await pass(10);
  expect(open.now).toBe(0);
});

test('a machine that is not there is told, and nothing is opened once the studio has ended', async () => {
  const nobody = follower(machine({ isThere: false }).recorders);
  await pass(10);
  expect(nobody.messages).toEqual([{ kind: 'ended', why: expect.stringContaining('No machine runs.') }]);
  const { recorders, open } = machine();
  const late = follower(recorders);
  recorders.dispose();
  await pass(100);
  expect(late.messages).toEqual([{ kind: 'ended', why: 'The studio has ended.' }]);
  expect(open).toEqual({ ever: 1, now: 0 });
});

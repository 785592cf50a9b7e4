import { afterEach, expect, test, vi } from 'vitest';
import { SampleQueue } from '../../../../app/virtio/sample.ts';
import { caughtUp } from './caught-up.ts';
import { SampleTarget } from './sample-target.ts';
import { QueueSnapshots, ringsSay } from './snapshot.ts';

afterEach(() => {
  vi.useRealTimers();
});

const SPLIT = { accepted: 0n };

test('rings that are level say where the device is; others leave it open', () => {
  const queue = new SampleQueue();
  const before = queue.facts();
  expect(ringsSay(queue.memory, SPLIT, before)).toEqual(before.device);
  queue.publish(0);
  expect(ringsSay(queue.memory, SPLIT, before)).toBeUndefined();
  queue.take();
  queue.use(0);
  // What QEMU said before is old: all three indices are the rings' own.
  expect(ringsSay(queue.memory, SPLIT, before)).toEqual({
    ...{ lastAvail: 1, shadowAvail: 1, used: 1, signalledUsed: null, inFlight: 0 },
  });
  expect(queue.deviceSide()).toMatchObject({ lastAvail: 1, used: 1, inFlight: 0 });
});

test('packed rings and queues that nobody asks about are not judged by indices', () => {
  const queue = new SampleQueue();
  const packed = { accepted: 1n << 34n };
  expect(ringsSay(queue.memory, packed, queue.facts())).toBeUndefined();
  // Flags are where a split queue has used.idx: that they have changed says nothing of the device.
  const facts = queue.facts();
  queue.used = 2;
  expect(caughtUp(queue.memory, packed, facts, { used: 0, lastUsedAt: null }).device).toEqual(facts.device);
  queue.used = 0;
  expect(ringsSay(queue.memory, SPLIT, queue.facts({ device: null }))).toBeUndefined();
  // A ring that is no RAM says nothing, and asking would not help.
  const lost = queue.facts({ availAt: 0n });
  expect(ringsSay(queue.memory, SPLIT, lost)).toEqual(lost.device);
});

test('a queue that went on while QEMU was asked: nobody is behind what the rings already have', () => {
  const queue = new SampleQueue();
  queue.publish(0);
  queue.publish(1);
  queue.take();
  // QEMU told this; then the device went on.
  const facts = queue.facts();
  expect(facts.device).toMatchObject({ lastAvail: 1, used: 0 });
  queue.take();
  queue.use(0);
  queue.use(1);
  const now = caughtUp(queue.memory, SPLIT, facts, { used: 0, lastUsedAt: null });
  expect(now.device).toMatchObject({ lastAvail: 2, used: 2, inFlight: 0 });
  expect(queue.look({ device: now.device }).problems).toEqual([]);
  // Without that it would be said of a good queue that it cannot be.
  expect(queue.look({ device: facts.device }).problems.join()).toContain('the device has taken 1 and used.idx is 2');
  // One that stands is left as QEMU told, also if that cannot be.
  expect(caughtUp(queue.memory, SPLIT, facts, { used: 2, lastUsedAt: null }).device).toEqual(facts.device);
});

test('looks in a row share what QEMU says of a queue in motion, and the rings say what is newer', async () => {
  vi.useFakeTimers();
  const target = new SampleTarget();
  const { queue } = target;
  target.answersAfterMs = 5;
  const snapshots = new QueueSnapshots(target);
  const look = async () => {
    const taking = snapshots.take();
    await vi.advanceTimersByTimeAsync(33);
    const taken = await taking;
    if (!taken.ok) throw new Error(taken.error.why);
    const [shown] = taken.value.devices[0]?.queues ?? [];
    return { device: shown?.device, problems: shown?.problems };
  };
  await look();
  const asked = () => target.asked.filter((it) => it === 'x-query-virtio-queue-status').length;
  queue.publish(0);
  queue.publish(1);
  queue.take();
  const before = asked();
  expect(await look()).toMatchObject({ device: { lastAvail: 1, used: 0, inFlight: 1 }, problems: [] });
  expect(asked()).toBe(before + 1);
  queue.take();
  queue.use(0);
  queue.use(1);
  queue.publish(2);
  // Something is open again, but QEMU took 5 ms: it is asked again after half a second.
  for (let n = 0; n < 10; n++)
    expect(await look()).toMatchObject({ device: { lastAvail: 2, used: 2, inFlight: 0 }, problems: [] });
  expect(asked()).toBe(before + 1);
  queue.take();
  for (let n = 0; n < 6; n++) await look();
  expect(asked()).toBe(before + 2);
  expect(await look()).toMatchObject({ device: { lastAvail: 3, used: 2, inFlight: 1 }, problems: [] });
});

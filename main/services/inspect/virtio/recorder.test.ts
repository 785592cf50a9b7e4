import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RingEvent } from '../../../../app/contract/inspect/virtio.ts';
import { KEPT_EVENTS } from '../../../../app/virtio/tape.ts';
import { type Batch, VirtioRecorder } from './recorder.ts';
import { SampleTarget } from './sample-target.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A recorder that has found the queue. */
async function recording(target = new SampleTarget()) {
  const recorder = new VirtioRecorder(target);
  const batches: Batch[] = [];
  recorder.onDidRecord((batch) => batches.push(batch));
  await vi.advanceTimersByTimeAsync(30);
  return { target, recorder, batches, queue: target.queue };
}

const kinds = (events: readonly RingEvent[]) => events.map((it) => it.kind);

describe('a recorder', () => {
  test('begins with the queue as it is, and numbers what happens after that', async () => {
    const { recorder, queue } = await recording();
    expect(kinds(recorder.backlog())).toEqual(['snapshot']);
    const from = recorder.next;
    queue.publish(2);
    await vi.advanceTimersByTimeAsync(20);
    queue.take();
    queue.use(2, 64);
    await vi.advanceTimersByTimeAsync(20);
    const events = recorder.since(from) ?? [];
    expect(kinds(events)).toEqual(['published', 'used', 'consumed']);
    expect(events.map((it) => it.number)).toEqual([from, from + 1, from + 2]);
    const used = events.find((it) => it.kind === 'used');
    // Looked at every 16 ms while it rested.
    expect(used?.inFlightUs).toBeGreaterThan(4_000);
    expect(used?.inFlightUs).toBeLessThan(36_000);
    recorder.dispose();
  });

  test('asks QEMU four times a second, which tells how far the device is, and gives a point of each curve', async () => {
    const { recorder, batches, target, queue } = await recording();
    queue.publish(0);
    await vi.advanceTimersByTimeAsync(20);
    queue.take();
    const before = target.asked.filter((it) => it === 'x-query-virtio').length;
    await vi.advanceTimersByTimeAsync(1000);
    const asked = target.asked.filter((it) => it === 'x-query-virtio').length - before;
    expect(asked).toBeGreaterThanOrEqual(3);
    expect(asked).toBeLessThanOrEqual(4);
    expect(batches.flatMap((it) => it.events)).toContainEqual(
      expect.objectContaining({ kind: 'consumed', index: 1, exact: true }),
    );
    const rates = batches.flatMap((it) => it.rates);
    expect(rates.reduce((sum, it) => sum + it.published, 0)).toBe(1);
    expect(rates.at(-1)?.depth).toBe(1);
    expect(recorder.samplesPerSecond).toBeGreaterThan(40);
    recorder.dispose();
  });

  test('looks a thousand times a second while much happens, so that little is missed', async () => {
    const { recorder, queue } = await recording();
    const from = recorder.next;
    for (let n = 0; n < 100; n++) {
      for (let head = 0; head < queue.size; head++) queue.publish(head);
      queue.take(queue.size);
      for (let head = 0; head < queue.size; head++) queue.use(head);
      await vi.advanceTimersByTimeAsync(1);
    }
    const events = recorder.since(from) ?? [];
    // The ring's eight entries go round once a millisecond: only until the recorder has sped up more happens than it holds.
    expect(events.filter((it) => it.kind === 'snapshot').length).toBeLessThanOrEqual(5);
    expect(events.filter((it) => it.kind === 'published').length).toBeGreaterThan(8 * 50);
    recorder.dispose();
  });

  test('keeps the last few thousand events, and says when a follower has missed some', async () => {
    const { recorder, queue } = await recording();
    for (let n = 0; n < KEPT_EVENTS; n++) {
      queue.publish(n % 8);
      queue.take();
      queue.use(n % 8);
      await vi.advanceTimersByTimeAsync(2);
    }
    expect(recorder.since(1)).toBeUndefined();
    expect(recorder.since(recorder.next)).toEqual([]);
    expect(recorder.since(recorder.next + 1)).toBeUndefined();
    const [first] = recorder.backlog();
    expect(first).toMatchObject({ kind: 'snapshot', why: 'before the oldest event that is kept' });
    recorder.dispose();
  });

  test('forgets a queue that its driver took down, and finds it again', async () => {
    const { recorder, target, queue } = await recording();
    target.configured = false;
    await vi.advanceTimersByTimeAsync(600);
    const from = recorder.next;
    queue.publish(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(recorder.since(from)).toEqual([]);
    target.configured = true;
    await vi.advanceTimersByTimeAsync(600);
    expect(kinds(recorder.since(from) ?? [])).toEqual(['snapshot']);
    recorder.dispose();
  });

  test('does not watch packed rings, which have no indices; reports show them', async () => {
    const target = new SampleTarget();
    target.packed = true;
    const { recorder } = await recording(target);
    expect(recorder.backlog()).toEqual([]);
    expect(recorder.report?.devices[0]?.queues[0]?.layout).toBe('packed');
    recorder.dispose();
  });

  test('gives up when QEMU has not answered four times, and says why', async () => {
    const { recorder, target } = await recording();
    target.alive = false;
    await vi.advanceTimersByTimeAsync(600);
    expect(recorder.failure).toBe('');
    await vi.advanceTimersByTimeAsync(1000);
    expect(recorder.failure).toBe('QEMU is gone. it was switched off');
    recorder.dispose();
  });

  test('looks at a dump once', async () => {
    const target = new SampleTarget({ still: true });
    const { recorder, batches } = await recording(target);
    await vi.advanceTimersByTimeAsync(5000);
    expect(target.asked.filter((it) => it === 'x-query-virtio')).toHaveLength(1);
    expect(batches.filter((it) => it.report !== null)).toHaveLength(1);
    expect(recorder.backlog()).toEqual([]);
    recorder.dispose();
  });

  test('numbers nothing as an earlier recording did', async () => {
    const first = await recording();
    first.queue.publish(1);
    await vi.advanceTimersByTimeAsync(50);
    const from = first.recorder.next;
    first.recorder.dispose();
    const second = await recording(first.target);
    expect(second.recorder.since(from)).toBeUndefined();
    expect(second.recorder.backlog()[0]?.number).toBeGreaterThan(from);
    second.recorder.dispose();
  });

  test('rests when nobody wants it any more', async () => {
    const { recorder, target } = await recording();
    recorder.dispose();
    const { reads } = target.queue.memory;
    await vi.advanceTimersByTimeAsync(5000);
    expect(target.queue.memory.reads).toBe(reads);
    expect(vi.getTimerCount()).toBe(0);
  });
});

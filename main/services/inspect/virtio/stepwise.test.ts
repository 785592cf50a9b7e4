import { expect, test, vi } from 'vitest';
import type { Result } from '../../../../app/base/result.ts';
import type { RingEvent, VirtioStreamEvent } from '../../../../app/contract/inspect/virtio.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import type { InspectTarget } from '../target.ts';
import { SampleTarget } from './sample-target.ts';
import { followStepwise, type UseHeld } from './stepwise.ts';

/** Runs each decoder twice, as one whose first run misses pages. */
class TwiceTarget extends SampleTarget {
  override look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    decode({ regions: this.regions, read: () => undefined });
    return super.look(decode);
  }
}

const events = (messages: readonly VirtioStreamEvent[]): RingEvent[] =>
  messages.flatMap((it) => (it.kind === 'rings' ? it.events : []));

test('what happened between two looks is told once, in order, without times that nobody saw; the machine is held for the looks alone', async () => {
  const target = new TwiceTarget({ still: true });
  const { queue } = target;
  let held = 0;
  const use: UseHeld = async (act) => {
    held += 1;
    const result = await act(target as InspectTarget);
    held -= 1;
    return result;
  };
  const cancel = new AbortController();
  const messages: VirtioStreamEvent[] = [];
  for await (const it of followStepwise(use, cancel.signal)) {
    messages.push(it);
    expect(held).toBe(0);
    if (it.kind !== 'rings') continue;
    expect(it.heldMs).toBeGreaterThanOrEqual(0);
    if (it.fresh) {
      queue.publish(0);
      queue.publish(1);
      queue.take();
      queue.use(0, 64);
    } else cancel.abort();
  }
  expect(messages.map(({ kind }) => kind)).toEqual(['report', 'rings', 'report', 'rings']);
  const seen = events(messages);
  expect(seen.map(({ kind }) => kind)).toEqual(['snapshot', 'published', 'published', 'used', 'consumed']);
  expect(seen.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  expect(seen[3]).toMatchObject({ id: 0, inFlightUs: null });
});

test('a machine that does not answer any more is given up; one that answers again in time is not', async () => {
  vi.useFakeTimers();
  try {
    const target = new SampleTarget({ still: true });
    const use: UseHeld = (act) => act(target as InspectTarget);
    const stream = followStepwise(use, undefined);
    const messages: VirtioStreamEvent[] = [];
    target.alive = false;
    const reading = (async () => {
      for await (const it of stream) messages.push(it);
    })();
    await vi.advanceTimersByTimeAsync(1200);
    target.alive = true;
    await vi.advanceTimersByTimeAsync(600);
    expect(messages.map(({ kind }) => kind)).toEqual(['report', 'rings']);
    target.alive = false;
    await vi.advanceTimersByTimeAsync(10_000);
    await reading;
    expect(messages.at(-1)).toMatchObject({ kind: 'ended' });
  } finally {
    vi.useRealTimers();
  }
});

import { expect, test } from 'vitest';
import { SampleQueue } from '../../../../app/virtio/sample.ts';
import { ringsSay } from './snapshot.ts';

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
  expect(ringsSay(queue.memory, { accepted: 1n << 34n }, queue.facts())).toBeUndefined();
  expect(ringsSay(queue.memory, SPLIT, queue.facts({ device: null }))).toBeUndefined();
  // A ring that is no RAM says nothing, and asking would not help.
  const lost = queue.facts({ availAt: 0n });
  expect(ringsSay(queue.memory, SPLIT, lost)).toEqual(lost.device);
});

import { expect, test } from 'vitest';
import type { RingEvent, VirtioQueue } from '../contract/inspect/virtio.ts';
import { toBase64 } from './history.ts';
import { KEPT_EVENTS, QueueTape } from './tape.ts';

const SIZE = 8;
const NOW = {
  index: 0,
  size: SIZE,
  descriptors: [],
  availRing: [],
  usedRing: [],
  chains: [],
} as unknown as VirtioQueue;

const snapshot = (number: number): RingEvent =>
  ({
    ...{
      kind: 'snapshot',
      number,
      atUs: number,
      device: 'disk',
      queue: 0,
      why: 'the recording began',
      lost: 0,
      size: SIZE,
    },
    ...{ descriptors: toBase64(new Uint8Array(16 * SIZE)), avail: toBase64(new Uint8Array(6 + 2 * SIZE)) },
    ...{ used: toBase64(new Uint8Array(6 + 8 * SIZE)), consumed: 0, returned: 0, chains: [] },
  }) as RingEvent;
const returned = (number: number): RingEvent =>
  ({ kind: 'returned', number, atUs: number, device: 'disk', queue: 0, index: number & 0xffff }) as RingEvent;

test('keeps its last events, and what was before the oldest as one', () => {
  const tape = new QueueTape('disk', 0);
  expect([tape.started, tape.beginning(1, 0)]).toEqual([false, undefined]);
  tape.add(snapshot(1));
  expect(tape.started).toBe(true);
  expect(tape.beginning(2, 0)).toBeUndefined();
  for (let n = 2; n <= KEPT_EVENTS + 10; n++) tape.add(returned(n));
  expect([tape.events.length, tape.events[0]?.number]).toEqual([KEPT_EVENTS, 11]);
  // What was dropped went into the beginning: the driver's index as event 10 left it.
  expect(tape.beginning(0, 0)).toMatchObject({
    kind: 'snapshot',
    number: 10,
    device: 'disk',
    size: SIZE,
    returned: 10,
  });
});

test('shows any moment, and nothing before the first snapshot', () => {
  const tape = new QueueTape('disk', 0);
  tape.add(returned(1));
  tape.add(snapshot(2));
  tape.add(returned(3));
  expect(tape.view(1, NOW)).toMatchObject({ availRing: [], chains: [] });
  expect(tape.view(2, NOW).availRing).toHaveLength(SIZE);
  expect(tape.view(null, NOW)).toEqual(tape.view(3, NOW));
});

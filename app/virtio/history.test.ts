import { describe, expect, test } from 'vitest';
import { type RingEvent, RingEventSchema, type VirtioQueue } from '../contract/inspect/virtio.ts';
import { QueueFilm } from './film.ts';
import { fromBase64, type Observation, QueueWatcher, toBase64 } from './history.ts';
import { EVENT_IDX, RAM_START, SampleQueue, VERSION_1 } from './sample.ts';

const BUFFER = RAM_START + 0x1_0000n;
const FEATURES = VERSION_1 | EVENT_IDX;
const device = { type: 4, queueCount: 1, features: FEATURES };

const numbered = (observations: readonly Observation[]): RingEvent[] =>
  observations.map((it) => RingEventSchema.parse({ ...it, number: 0, device: 'x', queue: 0 }));

/** An event in a few characters. */
const brief = (it: RingEvent) => {
  switch (it.kind) {
    case 'published':
      return `+${it.chain.head}${it.late ? ' late' : ''}`;
    case 'used':
      return `-${it.id} after ${it.inFlightUs}`;
    case 'consumed':
      return `device at ${it.index}`;
    case 'returned':
      return `driver at ${it.index}`;
    case 'snapshot':
      return `snapshot: ${it.why}`;
  }
};

function watched(size = 8) {
  const queue = new SampleQueue(size);
  for (let n = 0; n < size; n++) queue.descriptor(n, [BUFFER + BigInt(n * 64), 64, 2]);
  const watcher = new QueueWatcher(queue.memory, device, queue.facts());
  const film = new QueueFilm();
  const look = (atUs: number) => {
    const events = numbered(watcher.observe(atUs, queue.lastUsed));
    for (const event of events) film.apply(event);
    return events.map(brief);
  };
  return { queue, watcher, film, look };
}

describe('a watcher', () => {
  test('says what happened, in order, with the time in flight', () => {
    const { queue, look } = watched();
    expect(look(0)).toEqual(['snapshot: the recording began']);
    expect(look(1)).toEqual([]);
    queue.publish(3);
    queue.publish(4);
    expect(look(10)).toEqual(['+3', '+4']);
    queue.take(2);
    queue.use(4, 64);
    queue.availEvent = 2;
    expect(look(25)).toEqual(['-4 after 15', 'device at 2']);
    queue.lastUsed = 1;
    expect(look(30)).toEqual(['driver at 1']);
    // There and back between two looks.
    queue.publish(4);
    queue.take();
    queue.use(4, 64);
    expect(look(40)).toEqual(['+4 late', '-4 after 0']);
  });

  test('believes QEMU about the device, but not what is older than what it has seen', () => {
    const { queue, watcher, look } = watched();
    look(0);
    queue.publish(0);
    look(1);
    expect(numbered(watcher.deviceAt(2, 1)).map(brief)).toEqual(['device at 1']);
    expect(watcher.deviceAt(3, 1)).toEqual([]);
    expect(watcher.deviceAt(4, 60000)).toEqual([]);
  });

  test('starts anew when it has missed more than the ring holds, and when the queue moves', () => {
    const { queue, watcher, look } = watched(4);
    look(0);
    for (let n = 0; n < 9; n++) queue.publish(n % 4);
    expect(look(1)).toEqual(['snapshot: more happened between two looks than the ring holds']);
    watcher.moveTo(queue.facts());
    expect(look(2)).toEqual([]);
    watcher.moveTo(queue.facts({ descriptorsAt: RAM_START + 0x100n }));
    expect(look(3)).toEqual(['snapshot: the recording began']);
  });

  test('rings that are no RAM give nothing', () => {
    const queue = new SampleQueue();
    const watcher = new QueueWatcher(queue.memory, device, queue.facts({ usedAt: 4n }));
    expect(watcher.observe(0, null)).toEqual([]);
  });
});

/** What a film must have right. */
const essence = (view: VirtioQueue) => ({
  avail: view.avail?.index,
  used: view.used?.index,
  rings: [view.availRing, view.usedRing],
  chains: view.chains.map(({ head, owner }) => `${head} ${owner}`),
  counts: view.counts,
});

test('a film of any course of events shows the queue as it is, whenever it is looked at', () => {
  let seed = 7;
  const pick = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fff_ffff;
    return (seed >> 8) % limit;
  };
  const { queue, watcher, film, look } = watched(16);
  const free = Array.from({ length: 16 }, (_, n) => n);
  const inDevice: number[] = [];
  const back: number[] = [];
  look(0);
  for (let step = 1; step < 5000; step++) {
    for (let act = pick(4); act > 0; act--) {
      const what = pick(4);
      if (what === 0 && free.length > 0) queue.publish(free.splice(pick(free.length), 1)[0] ?? 0);
      if (what === 1 && queue.lastAvail !== queue.avail) {
        const slot = queue.availAt + 4n + 2n * BigInt(queue.lastAvail % 16);
        inDevice.push(queue.memory.view.getUint16(Number(slot - RAM_START), true));
        queue.take();
        queue.availEvent = queue.lastAvail;
      }
      if (what === 2 && inDevice.length > 0) {
        // Nearly in order, as devices are.
        const [head = 0] = inDevice.splice(pick(Math.min(2, inDevice.length)), 1);
        queue.use(head, 64);
        back.push(head);
      }
      if (what === 3 && back.length > 0) {
        free.push(back.shift() ?? 0);
        queue.lastUsed = (queue.lastUsed + 1) & 0xffff;
      }
    }
    look(step);
    for (const event of numbered(watcher.deviceAt(step, queue.lastAvail))) film.apply(event);
    const now = queue.look({}, 4, FEATURES);
    expect(essence(film.view(now))).toEqual(essence(now));
  }
});

test('base64, both ways', () => {
  for (let length = 0; length < 20; length++) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 77) & 255);
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(fromBase64(toBase64(bytes))).toEqual(bytes);
  }
});

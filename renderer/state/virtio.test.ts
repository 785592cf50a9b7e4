import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type {
  RingEvent,
  Verdict,
  VirtioDevice,
  VirtioQueue,
  VirtioReport,
  VirtioStreamEvent,
} from '../../app/contract/inspect/virtio.ts';
import { toBase64 } from '../../app/virtio/history.ts';
import { QueueTape } from '../../app/virtio/tape.ts';

/** What the host answers to each following, one after the other. */
let streams: ((from: number, signal: AbortSignal) => AsyncGenerator<VirtioStreamEvent>)[] = [];
const asked: (SourceRef & { from: number })[] = [];
vi.mock('../host/client.ts', () => ({
  whenConnected: async () => {},
  studio: {
    inspect: {
      virtioFollow: async (question: SourceRef & { from: number }, { signal }: { signal: AbortSignal }) => {
        asked.push(question);
        const next = streams.shift();
        if (next === undefined) throw new Error('nobody answers');
        return next(question.from, signal);
      },
    },
  },
}));

const {
  countAt,
  followVirtio,
  shownQueue,
  step,
  take,
  tapeKey,
  useVirtio,
  useVirtioSelection,
  verdictsOf,
  viewOf,
  worstOf,
} = await import('./virtio.ts');

const SIZE = 8;

const queue = (index: number, configured = true) =>
  ({
    ...{ index, name: `queue${index}`, role: 'request', layout: 'split', size: SIZE, configured },
    ...{ descriptorsAt: '0x1000', availAt: '0x2000', usedAt: '0x3000', device: null, driver: null },
    ...{ avail: null, used: null, descriptors: [], availRing: [], usedRing: [], chains: [], problems: [], torn: false },
    counts: { free: SIZE, published: 0, 'in-flight': 0, returned: 0 },
  }) as VirtioQueue;

const verdict = (severity: Verdict['severity'], of: number | null): Verdict => ({
  ...{ id: 'one', severity, confidence: 'certain', queue: of },
  ...{ title: '', explanation: '', evidence: [], fix: '', section: '' },
});

const device = (path: string, queues: VirtioQueue[], verdicts: Verdict[] = []) =>
  ({ path, id: path, queues, verdicts }) as unknown as VirtioDevice;

const report = (devices: VirtioDevice[], at = 1): VirtioReport => ({
  ...{ at, apartMs: 0, source: 'qemu', devices, problems: [] },
});

const snapshot = (number: number, of = 'disk'): RingEvent =>
  ({
    ...{ kind: 'snapshot', number, atUs: number, device: of, queue: 0, why: 'the recording began', lost: 0 },
    ...{ size: SIZE, consumed: 0, returned: 0, chains: [] },
    ...{ descriptors: toBase64(new Uint8Array(16 * SIZE)), avail: toBase64(new Uint8Array(6 + 2 * SIZE)) },
    used: toBase64(new Uint8Array(6 + 8 * SIZE)),
  }) as RingEvent;
const returned = (number: number, of = 'disk'): RingEvent =>
  ({ kind: 'returned', number, atUs: number, device: of, queue: 0, index: number }) as RingEvent;

const rings = (events: RingEvent[], fresh = false): VirtioStreamEvent => ({
  ...{ kind: 'rings', fresh, events, rates: [], samplesPerSecond: 170 },
  next: (events.at(-1)?.number ?? 0) + 1,
});

const EMPTY = useVirtio.getState();
afterEach(() => {
  useVirtio.setState(EMPTY, true);
  useVirtioSelection.setState({ device: null, queue: null, head: null, at: null, paused: false });
});

/** The state after some messages. */
function stateAfter(...events: VirtioStreamEvent[]) {
  let state = EMPTY;
  for (const event of events) state = { ...state, ...take(state, event) };
  return state;
}

describe('messages of the stream', () => {
  test('events go onto the tape of their queue, and each change is a tick', () => {
    const state = stateAfter(
      rings([snapshot(1), snapshot(2, 'card')], true),
      rings([returned(3), returned(4, 'card')]),
    );
    expect([...state.tapes.keys()]).toEqual([tapeKey('disk', 0), tapeKey('card', 0)]);
    expect(state.tapes.get(tapeKey('disk', 0))?.events.map(({ number }) => number)).toEqual([1, 3]);
    expect([state.tick, state.next, state.samplesPerSecond]).toEqual([2, 5, 170]);
  });

  test('a fresh beginning leaves nothing of the tapes before', () => {
    const state = stateAfter(rings([snapshot(1), snapshot(2, 'card')], true), rings([snapshot(7)], true));
    expect([...state.tapes.keys()]).toEqual([tapeKey('disk', 0)]);
    expect(state.tapes.get(tapeKey('disk', 0))?.events.map(({ number }) => number)).toEqual([7]);
  });

  test('a message without news is no tick, though it says how often the rings are looked at', () => {
    const before = stateAfter(rings([snapshot(1)], true));
    const state = { ...before, ...take(before, { ...rings([]), next: 2, samplesPerSecond: 90 } as VirtioStreamEvent) };
    expect(state.samplesPerSecond).toBe(90);
    expect([state.tick, state.tapes]).toEqual([before.tick, before.tapes]);
    expect(state.tapes).toBe(before.tapes);
  });

  test('a report that says the same is the same, and of another one only what differs is new', () => {
    const first = stateAfter({ kind: 'report', report: report([device('a', [queue(0)]), device('b', [queue(0)])]) });
    const same = {
      ...first,
      ...take(first, { kind: 'report', report: { ...structuredClone(first.report), at: 9 } as VirtioReport }),
    };
    expect(same.report).toBe(first.report);
    const moved = report([device('a', [queue(0)]), device('b', [{ ...queue(0), torn: true }])], 10);
    const other = { ...first, ...take(first, { kind: 'report', report: moved }) };
    expect(other.report?.devices[1]?.queues[0]?.torn).toBe(true);
    expect(other.report?.devices[0]).toBe(first.report?.devices[0]);
  });

  test('the end keeps what was seen, and a new message takes it back', () => {
    const ended = stateAfter(rings([snapshot(1)], true), { kind: 'ended', why: 'the machine has ended' });
    expect([ended.ended, ended.tapes.size]).toEqual(['the machine has ended', 1]);
    expect({ ...ended, ...take(ended, rings([returned(2)])) }.ended).toBeNull();
  });
});

describe('following', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('requestAnimationFrame', (draw: () => void) => setTimeout(draw, 0));
    asked.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  const forever = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

  test('goes on where the connection broke', async () => {
    streams = [
      async function* () {
        yield rings([snapshot(1), returned(2)], true);
        throw new Error('the connection is lost');
      },
      async function* (from, signal) {
        yield rings([returned(from)]);
        await forever(signal);
      },
    ];
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const following = followVirtio('machine:a', { id: 'a' });
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked.map(({ from }) => from)).toEqual([0, 3]);
    expect(
      useVirtio
        .getState()
        .tapes.get(tapeKey('disk', 0))
        ?.events.map(({ number }) => number),
    ).toEqual([1, 2, 3]);
    following.dispose();
  });

  test('ends with the machine, and is not asked for again', async () => {
    streams = [
      async function* () {
        yield { kind: 'ended', why: 'it is off' } satisfies VirtioStreamEvent;
      },
    ];
    followVirtio('machine:a', { id: 'a' });
    await vi.advanceTimersByTimeAsync(5000);
    expect([asked.length, useVirtio.getState().ended]).toEqual([1, 'it is off']);
  });

  test('another machine starts with nothing of the one before; the same one with all of it', async () => {
    const once = async function* (_from: number, signal: AbortSignal) {
      yield rings([snapshot(1)], true);
      await forever(signal);
    };
    streams = [once, once];
    const first = followVirtio('machine:a', { id: 'a' });
    await vi.advanceTimersByTimeAsync(10);
    useVirtioSelection.setState({ device: 'disk', queue: 0, head: 3, at: 1 });
    first.dispose();
    // Paused and taken up again.
    streams = [once];
    followVirtio('machine:a', { id: 'a' }).dispose();
    expect([useVirtio.getState().tapes.size, useVirtioSelection.getState().at]).toEqual([1, 1]);
    const second = followVirtio('machine:b', { id: 'b' });
    expect([useVirtio.getState().tapes.size, useVirtio.getState().next]).toEqual([0, 0]);
    expect(useVirtioSelection.getState()).toMatchObject({ device: null, queue: null, head: null, at: null });
    second.dispose();
  });

  test('what comes after it was left is not taken', async () => {
    streams = [
      async function* () {
        yield rings([snapshot(1)], true);
      },
    ];
    const following = followVirtio('machine:a', { id: 'a' });
    following.dispose();
    await vi.advanceTimersByTimeAsync(3000);
    expect([useVirtio.getState().tapes.size, asked.length]).toEqual([0, 1]);
  });
});

describe('what is shown', () => {
  const healthy = device('a', [queue(0, false), queue(1)], [verdict('ok', 1)]);
  const broken = device('b', [queue(0), queue(1)], [verdict('warning', 0), verdict('error', 1)]);

  test('is what was chosen, as long as it is there', () => {
    const all = report([healthy, broken]);
    expect(shownQueue(all, { device: 'a', queue: 1 })).toEqual({ device: healthy, queue: healthy.queues[1] });
    expect(shownQueue(all, { device: 'a', queue: null })).toEqual({ device: healthy, queue: null });
    expect(shownQueue(all, { device: 'gone', queue: 0 })?.device).toBe(broken);
  });

  test('by default is what is wrong, else the first queue that is set up', () => {
    expect(shownQueue(report([healthy, broken]), { device: null, queue: null })?.queue).toBe(broken.queues[1]);
    expect(shownQueue(report([healthy]), { device: null, queue: null })?.queue).toBe(healthy.queues[1]);
    expect(shownQueue(report([device('c', [queue(0, false)])]), { device: null, queue: null })?.queue).toBeNull();
    expect(shownQueue(report([]), { device: null, queue: null })).toBeNull();
  });

  test('verdicts of a queue are its own and those of the device as a whole', () => {
    const it = device('d', [queue(0), queue(1)], [verdict('error', 0), verdict('ok', 1), verdict('warning', null)]);
    expect(verdictsOf(it, queue(1)).map(({ severity }) => severity)).toEqual(['ok', 'warning']);
    expect(verdictsOf(it, null)).toHaveLength(3);
    expect([worstOf(it.verdicts), worstOf(verdictsOf(it, queue(1))), worstOf([verdict('ok', 0)]), worstOf([])]).toEqual(
      ['error', 'warning', 'ok', 'none'],
    );
  });
});

describe('the tape', () => {
  const tape = () => {
    const made = new QueueTape('disk', 0);
    // Numbers are of all queues of a machine: those of one have gaps.
    for (const event of [snapshot(10), returned(13), returned(20)]) made.add(event);
    return made;
  };

  test('tells how many of its events had happened at a moment', () => {
    expect([null, 9, 10, 12, 13, 19, 20, 99].map((at) => countAt(tape(), at))).toEqual([3, 0, 1, 1, 2, 2, 3, 3]);
    expect(countAt(new QueueTape('disk', 0), 5)).toBe(0);
  });

  test('is stepped through, up to now and not before its first event', () => {
    const it = tape();
    const at = () => useVirtioSelection.getState().at;
    step(it, -1);
    expect(at()).toBe(13);
    step(it, -1);
    step(it, -1);
    step(it, -1);
    expect(at()).toBe(10);
    step(it, 1);
    expect(at()).toBe(13);
    step(it, 1);
    expect(at()).toBeNull();
    step(new QueueTape('disk', 0), -1);
    expect(at()).toBeNull();
  });

  test('a queue in which nothing has happened is the same object, now and of the past', () => {
    const it = tape();
    const now = queue(0);
    const live = viewOf(it, null, now);
    expect(live.availRing).toHaveLength(SIZE);
    expect(viewOf(it, null, now)).toBe(live);
    const past = viewOf(it, 2, now);
    expect(viewOf(it, 2, now)).toBe(past);
    expect(viewOf(it, null, now)).toBe(live);
    it.add({ ...(returned(30) as object), kind: 'consumed', index: 1, exact: true } as RingEvent);
    it.add(returned(31));
    // The same figures as before: the same queue, whatever is on the tape.
    expect(viewOf(it, null, now)).toEqual(it.view(null, now));
    expect(viewOf(it, 2, now)).toEqual(past);
  });

  test('what is not recorded is as the report has it', () => {
    const now = queue(0);
    expect(viewOf(undefined, null, now)).toBe(now);
    expect(viewOf(new QueueTape('disk', 0), null, now)).toBe(now);
  });
});

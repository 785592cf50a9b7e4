import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MemoryView } from '../../app/contract/inspect/memory.ts';
import type { WatchEvent } from '../../app/contract/inspect/watch.ts';

let streams: (() => AsyncGenerator<WatchEvent>)[] = [];
const asked: unknown[] = [];
vi.mock('../host/client.ts', () => ({
  whenConnected: async () => {},
  studio: {
    inspect: {
      watch: async (question: unknown) => {
        asked.push(question);
        const next = streams.shift();
        if (next === undefined) throw new Error('nobody answers');
        return next();
      },
    },
  },
}));

const { Listener, watchLook } = await import('./watch.ts');

const look = { of: 'memory', space: 'virtual', processor: 0, address: '0x1000', size: 3 } as const;
const view: MemoryView = {
  ...{ space: 'virtual', address: '0x1000', size: 3, data: 'AAAA' },
  ...{ present: [{ offset: 0, bytes: 3 }], physical: '0x1000', symbol: null },
};
const whole = (value: unknown = view): WatchEvent => ({ kind: 'whole', at: 1, value });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (draw: () => void) => setTimeout(draw, 0));
  asked.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('answers are put together from changes, and share what has not changed', () => {
  const listener = new Listener(look);
  expect(listener.hear(whole())).toEqual({ answer: { ok: true, value: view }, at: 1 });
  const { answer } = listener.hear({ kind: 'changed', at: 2, changes: [{ path: ['data'], value: 'BBBB' }] });
  expect(answer).toEqual({ ok: true, value: { ...view, data: 'BBBB' } });
  expect(answer.ok && answer.value.present).toBe(view.present);
  const same = listener.hear({ kind: 'same', at: 3 });
  expect(same.answer.ok && same.answer.value).toBe(answer.ok && answer.value);
});

test('a new stream whose first answer is what was known changes nothing', () => {
  const known = structuredClone(view);
  const { answer } = new Listener(look, known).hear(whole());
  expect(answer.ok && answer.value).toBe(known);
});

test('what does not fit is refused: changes of nothing, and values that the contract does not know', () => {
  expect(() => new Listener(look).hear({ kind: 'same', at: 1 })).toThrow(/before there was anything/);
  expect(() => new Listener(look).hear(whole({ ...view, data: 7 }))).toThrow();
  const listener = new Listener(look);
  listener.hear(whole());
  expect(() => listener.hear({ kind: 'changed', at: 2, changes: [{ path: ['nothing'], value: 1 }] })).toThrow();
});

test('a lost stream is told of, keeps what was seen, and is asked for again', async () => {
  streams = [
    async function* () {
      yield whole();
      throw new Error('the connection is lost');
    },
    async function* () {
      yield whole(structuredClone(view));
    },
  ];
  const seen: unknown[] = [];
  const watching = watchLook({ id: 'a' }, look, 5, null, ({ answer }) =>
    seen.push(answer.ok ? answer.value : answer.error.why),
  );
  await vi.advanceTimersByTimeAsync(1500);
  watching.dispose();
  expect(seen).toEqual([view, 'the connection is lost', view]);
  expect(seen[2]).toBe(seen[0]);
  expect(asked[0]).toEqual({ id: 'a', look, pace: 5 });
});

test('one look is asked for once, and whoever has left is told nothing', async () => {
  const once = async function* () {
    yield whole();
  };
  streams = [once, once];
  const seen: unknown[] = [];
  watchLook({ id: 'a' }, look, null, null, (it) => seen.push(it));
  await vi.advanceTimersByTimeAsync(5000);
  expect([asked.length, seen.length]).toEqual([1, 1]);
  watchLook({ id: 'a' }, look, null, null, (it) => seen.push(it)).dispose();
  await vi.advanceTimersByTimeAsync(5000);
  expect(seen.length).toBe(1);
});

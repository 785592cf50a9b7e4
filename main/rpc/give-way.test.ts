import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GiveWay } from './give-way.ts';
import type { SessionShare } from './session-share.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A session whose programs wait for a processor for this share of the time while they give way. */
function session(starvation = 0, refuses = () => false) {
  const set: number[] = [];
  let now = 0;
  let waited = 0;
  const share: SessionShare = {
    nice: 0,
    setNice: (nice) => {
      if (refuses()) return false;
      set.push(nice);
      return true;
    },
    waitedMs: () => {
      const passed = performance.now() - now;
      now = performance.now();
      waited += set.at(-1) === 19 ? passed * starvation : 0;
      return waited;
    },
  };
  return { share, set };
}

test('gives way while anybody watches', () => {
  const { share, set } = session();
  const way = new GiveWay(share);
  const first = way.hold();
  const second = way.hold();
  vi.advanceTimersByTime(60_000);
  first.dispose();
  expect(set).toEqual([19]);
  second.dispose();
  expect(set).toEqual([19, 0]);
  vi.advanceTimersByTime(60_000);
  expect(set).toEqual([19, 0]);
  way.hold();
  expect(set).toEqual([19, 0, 19]);
  way.dispose();
  expect(set).toEqual([19, 0, 19, 0]);
});

test('takes its full share again where too little is left, and tries ever more seldom', () => {
  const { share, set } = session(0.9);
  const held = new GiveWay(share).hold();
  vi.advanceTimersByTime(1000);
  expect(set).toEqual([19, 0]);
  vi.advanceTimersByTime(9000);
  expect(set).toEqual([19, 0]);
  vi.advanceTimersByTime(2000);
  expect(set).toEqual([19, 0, 19, 0]);
  vi.advanceTimersByTime(19_000);
  expect(set).toEqual([19, 0, 19, 0]);
  vi.advanceTimersByTime(2000);
  expect(set).toEqual([19, 0, 19, 0, 19, 0]);
  held.dispose();
  expect(set).toEqual([19, 0, 19, 0, 19, 0]);
});

test('waiting now and then is no starving', () => {
  const { share, set } = session(0.2);
  new GiveWay(share).hold();
  vi.advanceTimersByTime(60_000);
  expect(set).toEqual([19]);
});

test('what the system refuses is tried again, and not taken for done', () => {
  let refuses = true;
  const { share, set } = session(0, () => refuses);
  const held = new GiveWay(share).hold();
  expect(set).toEqual([]);
  refuses = false;
  vi.advanceTimersByTime(1000);
  expect(set).toEqual([19]);
  refuses = true;
  held.dispose();
  expect(set).toEqual([19]);
  refuses = false;
  vi.advanceTimersByTime(1000);
  expect(set).toEqual([19, 0]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a session that is not ours is left alone', () => {
  const held = new GiveWay(null).hold();
  vi.advanceTimersByTime(60_000);
  held.dispose();
});

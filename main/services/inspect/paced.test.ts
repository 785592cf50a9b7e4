import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Paced, pauseAfter } from './paced.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counting(tookMs: number): { readonly paced: Paced<number>; readonly asked: () => number } {
  let asked = 0;
  const paced = new Paced(async () => {
    asked += 1;
    const mine = asked;
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    return mine;
  });
  return { paced, asked: () => asked };
}

async function looks(paced: Paced<number>, count: number, everyMs: number): Promise<number[]> {
  const answers: number[] = [];
  for (let n = 0; n < count; n++) {
    void paced.get().then((it) => answers.push(it));
    await vi.advanceTimersByTimeAsync(everyMs);
  }
  return answers;
}

test('looks in a row share an answer for a hundred times as long as it took', async () => {
  const { paced, asked } = counting(2);
  const answers = await looks(paced, 30, 33);
  // A second of looks, each answer good for 200 ms.
  expect(asked()).toBeGreaterThanOrEqual(4);
  expect(asked()).toBeLessThanOrEqual(5);
  expect(answers).toEqual([...answers].sort((a, b) => a - b));
});

test('who looks now and then gets a new answer', async () => {
  const { paced, asked } = counting(2);
  expect(await looks(paced, 3, 300)).toEqual([1, 2, 3]);
  expect(asked()).toBe(3);
});

test('while an answer is on its way all wait for it, and nobody waits for ever', async () => {
  const { paced, asked } = counting(400);
  const first = looks(paced, 8, 50);
  await first;
  expect(asked()).toBe(1);
  expect(pauseAfter(1)).toBe(100);
  expect(pauseAfter(10_000)).toBe(1000);
});

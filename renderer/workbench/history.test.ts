import { expect, test } from 'vitest';
import { afterMove, type Visit } from './history.ts';

const visit = (path: string, line: number): Visit => ({ path, line, column: 1 });
const walk = (...visits: Visit[]) => visits.reduce(afterMove, { visits: [], at: -1 });

test('steps nearby move the place, leaps make new ones', () => {
  const history = walk(visit('a', 1), visit('a', 5), visit('a', 9), visit('a', 80), visit('b', 80));
  expect(history.visits).toEqual([visit('a', 9), visit('a', 80), visit('b', 80)]);
  expect(history.at).toBe(2);
});

test('a leap after going back forgets what lay ahead; a step does not', () => {
  const history = walk(visit('a', 1), visit('a', 80), visit('b', 1));
  const back = { ...history, at: 1 };
  expect(afterMove(back, visit('a', 82))).toEqual({ visits: [visit('a', 1), visit('a', 82), visit('b', 1)], at: 1 });
  expect(afterMove(back, visit('c', 1))).toEqual({ visits: [visit('a', 1), visit('a', 80), visit('c', 1)], at: 2 });
});

test('only the newest are kept', () => {
  const history = walk(...Array.from({ length: 300 }, (_, n) => visit('a', n * 100)));
  expect(history.visits).toHaveLength(100);
  expect(history.visits.at(-1)).toEqual(visit('a', 29_900));
  expect(history.at).toBe(99);
});

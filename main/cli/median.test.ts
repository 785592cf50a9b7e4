import { expect, test } from 'vitest';
import { lossesBeside, median, medianInterval } from './median.ts';

test('the middle, or between the two', () => {
  expect([median([3, 1, 2]), median([4, 1, null, 3, 2]), median([])]).toEqual([2, 2.5, null]);
});

test('how well a median is known', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
  // Tables of the sign test: with 6 values the whole range, with 20 the 6th and the 15th, with 50 the 18th and the 33rd.
  expect(medianInterval(upTo(6))).toEqual({ median: 3.5, low: 1, high: 6 });
  expect(medianInterval(upTo(20))).toEqual({ median: 10.5, low: 6, high: 15 });
  expect(medianInterval(upTo(50))).toEqual({ median: 25.5, low: 18, high: 33 });
  expect(medianInterval([2, 1])).toEqual({ median: 1.5, low: 1, high: 2 });
});

test("a speed is compared with those before and after it, whose drift is then nobody's", () => {
  expect(lossesBeside([99, 49.5], [100, 100, 33.33333333333333])).toEqual([expect.closeTo(1), expect.closeTo(1)]);
  expect(lossesBeside([100], [50, 100, 150], 2)).toEqual([expect.closeTo(-100 / 3)]);
  expect(lossesBeside([], [100])).toEqual([]);
});

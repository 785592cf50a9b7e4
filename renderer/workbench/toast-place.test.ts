import { expect, test } from 'vitest';
import { type Box, placeToasts } from './toast-place.ts';

const AREA: Box = { left: 0, top: 0, right: 1200, bottom: 700 };
const SIZE = { width: 400, height: 100 };
const button = (left: number, top: number, weight = 1) => ({ left, top, right: left + 60, bottom: top + 24, weight });

test('in the corner where nothing is there', () => {
  expect(placeToasts(SIZE, AREA, [button(10, 10)], null)).toEqual({ right: 0, bottom: 0 });
});

test('above what would be covered, and back only when the place it has is covered too', () => {
  const cancel = button(1100, 660);
  const place = placeToasts(SIZE, AREA, [cancel], null);
  expect(place).toEqual({ right: 0, bottom: 48 });
  expect(placeToasts(SIZE, AREA, [], place)).toEqual(place);
  expect(placeToasts(SIZE, AREA, [button(900, 600)], place)).not.toEqual(place);
});

test('beside a column that is full of buttons', () => {
  const column = Array.from({ length: 30 }, (_, n) => button(1140, n * 24));
  const { right, bottom } = placeToasts(SIZE, AREA, column, null);
  expect([right >= 60, bottom]).toEqual([true, 0]);
});

test('where it matters least when there is no free place', () => {
  const everywhere = Array.from({ length: 20 }, (_, x) =>
    Array.from({ length: 30 }, (_, y) => button(x * 60, y * 24, x < 10 ? 1 : 2)),
  ).flat();
  expect(placeToasts(SIZE, AREA, everywhere, null).right).toBeGreaterThanOrEqual(600);
  // An area smaller than the messages is no reason to hang or to leave it.
  expect(placeToasts(SIZE, { ...AREA, right: 100 }, everywhere, null)).toMatchObject({ right: 0 });
});

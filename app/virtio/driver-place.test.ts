import { expect, test } from 'vitest';
import { placeProblem } from './driver-place.ts';

test('a place is a symbol, a path or an address, with an offset and pointers', () => {
  for (const place of ['vq', 'driver::blk::QUEUE+0x10', '0x1000', 'vq+8->0x18', '.bss.vq$1'])
    expect([place, placeProblem('lastUsed', place)]).toEqual([place, null]);
  for (const place of ['a b', 'a->b', '', 'vq+', '<T>::Q', 'x'.repeat(301)])
    expect(placeProblem('size', place)?.what).toMatch(/is no place/);
});

test('a size may be a number that a queue can have, an index may not', () => {
  expect(placeProblem('size', '16')).toBeNull();
  expect(placeProblem('size', '0')?.what).toBe('no queue has 0 entries');
  expect(placeProblem('size', '32769')?.fix).toContain('1 to 32768');
  expect(placeProblem('lastUsed', '4096')?.fix).toBe('an address begins with 0x');
});

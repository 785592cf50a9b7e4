import { expect, test } from 'vitest';
import { Recent } from './recent.ts';

test('the same object while it is kept, and no more than so many', () => {
  const recent = new Recent<{ readonly key: string }>(2);
  let made = 0;
  const get = (key: string) =>
    recent.get(key, () => {
      made += 1;
      return { key };
    });
  const first = get('a');
  expect(get('a')).toBe(first);
  get('b');
  get('c');
  expect(made).toBe(3);
  expect(get('a')).not.toBe(first);
  expect(get('c').key).toBe('c');
  expect(made).toBe(4);
});

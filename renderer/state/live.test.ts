import { expect, test } from 'vitest';
import { advance } from './live.ts';

const error = { code: 'x', what: 'gone', why: '', fix: '' };

test('a value stays while looks fail, and the one before it is kept for comparison', () => {
  const first = advance({ kind: 'waiting' }, { ok: true, value: 1 }, 'a', 10);
  expect(first).toEqual({ kind: 'read', value: 1, before: null, key: 'a', at: 10, error: null });
  const second = advance(first, { ok: true, value: 2 }, 'a', 20);
  expect(second).toEqual({ kind: 'read', value: 2, before: 1, key: 'a', at: 20, error: null });
  expect(advance(second, { ok: false, error }, 'a', 30)).toEqual({ ...second, error });
  expect(advance<number>({ kind: 'waiting' }, { ok: false, error }, 'a', 30)).toEqual({ kind: 'failed', error });
});

test('the answer to another question is compared with nothing', () => {
  const first = advance({ kind: 'waiting' }, { ok: true, value: 1 }, 'a', 10);
  expect(advance(first, { ok: true, value: 2 }, 'b', 20)).toMatchObject({ value: 2, before: null, key: 'b' });
});

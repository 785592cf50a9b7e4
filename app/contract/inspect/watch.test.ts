import { expect, test } from 'vitest';
import type { MemoryView } from './memory.ts';
import { changedAnswer, LookSchema, wholeAnswer } from './watch.ts';

const look = { of: 'memory', space: 'virtual', processor: 0, address: '0x1000', size: 16 } as const;
const view: MemoryView = {
  ...{ space: 'virtual', address: '0x1000', size: 16, data: 'AAAA' },
  ...{ present: [{ offset: 0, bytes: 3 }], physical: '0x1000', symbol: null },
};

test('what is changed is held against the contract at its own place', () => {
  expect(changedAnswer(look, view, [{ path: ['data'], value: 'BBBB' }])).toEqual({ ...view, data: 'BBBB' });
  expect(changedAnswer(look, view, [{ path: ['physical'], value: null }]).physical).toBeNull();
  expect(() => changedAnswer(look, view, [{ path: ['data'], value: 7 }])).toThrow();
  expect(() => changedAnswer(look, view, [{ path: ['present', 0, 'bytes'], value: 'three' }])).toThrow();
  expect(() => changedAnswer(look, view, [{ path: ['present', 1, 'bytes'], value: 3 }])).toThrow(/not there/);
  expect(() => changedAnswer(look, view, [{ path: ['physical'], value: 'nowhere' }])).toThrow();
});

test('where a place has no schema of its own, what is around it is checked', () => {
  const tables = { of: 'tables', processor: 0 } as const;
  const gates = { findings: [{ subject: { kind: 'gate', vector: 14 } }] };
  // A finding's subject is one of several kinds: what may stand in it follows from its kind.
  expect(() =>
    changedAnswer(tables, gates as never, [{ path: ['findings', 0, 'subject', 'vector'], value: 'x' }]),
  ).toThrow();
});

test('a whole answer is held against the contract, and a question too', () => {
  expect(wholeAnswer(look, view)).toBe(view);
  expect(() => wholeAnswer(look, { ...view, data: null })).toThrow();
  expect(LookSchema.safeParse({ ...look, size: 1 << 30 }).success).toBe(false);
  expect(LookSchema.safeParse({ of: 'write' }).success).toBe(false);
});

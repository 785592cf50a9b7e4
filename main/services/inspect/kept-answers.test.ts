import { expect, test } from 'vitest';
import type { GuestMemory } from '../../../app/x86/memory.ts';
import { KeptAnswers } from './kept-answers.ts';

const bytes = new Uint8Array(8192);
const memory: GuestMemory = {
  regions: [{ start: 0n, bytes: 8192n }],
  read: (address, size) => bytes.slice(Number(address), Number(address) + size),
};

test('an answer is the same object while memory and key stand', () => {
  const kept = new KeptAnswers();
  let decoded = 0;
  const ask = (name: string, key: unknown[]) =>
    kept.answer(memory, name, key, (it) => ({ first: it.read(4096n, 1)?.[0], decoded: ++decoded }));
  const one = ask('a', [1, 2n]);
  expect(ask('a', [1, 2n]).value).toBe(one.value);
  bytes[0] = 1;
  expect(ask('a', [1, 2n]).value).toBe(one.value);
  bytes[4096] = 3;
  expect(ask('a', [1, 2n])).toEqual({ value: { first: 3, decoded: 2 }, torn: false });
  expect(ask('a', [1, 3n]).value.decoded).toBe(3);
  expect(ask('b', [1, 3n]).value.decoded).toBe(4);
  expect(ask('a', [1, 3n]).value.decoded).toBe(3);
});

let restlessness = 0;

test('memory that never stands still is said to be torn, and is not kept', () => {
  const kept = new KeptAnswers();
  let decoded = 0;
  const restless: GuestMemory = {
    regions: memory.regions,
    read: (_address, size) => new Uint8Array(size).fill(restlessness++),
  };
  const ask = () => kept.answer(restless, 'a', [], (it) => ({ seen: it.read(0n, 8), decoded: ++decoded }), 3);
  expect([ask().torn, decoded]).toEqual([true, 3]);
  expect([ask().torn, decoded]).toEqual([true, 6]);
});

test('not more is kept than a handful of panes ask', () => {
  const kept = new KeptAnswers();
  let decoded = 0;
  const ask = (name: string) => kept.answer(memory, name, [], () => ++decoded);
  for (let n = 0; n < 100; n++) ask(`question ${n}`);
  expect([ask('question 99').value, ask('question 0').value]).toEqual([100, 101]);
});

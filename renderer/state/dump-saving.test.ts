import { expect, test } from 'vitest';
import { dumpName } from './dump-saving.ts';

test('a dump is named after its machine and the moment', () => {
  const moment = new Date(2026, 10, 6, 9, 5, 7);
  expect(dumpName('smp4', moment)).toBe('dumps/smp4-20261106-090507.elf');
  expect(dumpName('../my machine', moment)).toBe('dumps/-my-machine-20261106-090507.elf');
});

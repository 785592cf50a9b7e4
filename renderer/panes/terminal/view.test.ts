import { expect, test } from 'vitest';
import type { TerminalInfo } from '../../../app/contract/terminal.ts';
import { endWords, listNames } from './view.ts';

const terminal = (id: string, name: string): TerminalInfo => ({
  id,
  name,
  shell: '/bin/sh',
  directory: '/',
  startedAt: 0,
  state: { phase: 'running', pid: 1 },
});

test('the end of a shell in words', () => {
  expect(endWords({ phase: 'running', pid: 1 })).toBeNull();
  expect(endWords({ phase: 'exited', code: 0, signal: null })).toEqual({
    label: 'The shell has ended with exit code 0.',
    bad: false,
  });
  expect(endWords({ phase: 'exited', code: 2, signal: null })?.bad).toBe(true);
  expect(endWords({ phase: 'exited', code: null, signal: 'SIGHUP' })?.label).toContain('SIGHUP');
  expect(endWords({ phase: 'exited', code: null, signal: null })?.label).toContain('nobody saw');
});

test('names that are alike are told apart', () => {
  const names = listNames([terminal('a', 'bash'), terminal('b', 'build'), terminal('c', 'bash')]);
  expect([...names]).toEqual([
    ['a', 'bash'],
    ['b', 'build'],
    ['c', 'bash 2'],
  ]);
});

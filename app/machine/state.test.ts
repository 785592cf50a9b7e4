import { expect, test } from 'vitest';
import type { Crash, MachineState } from '../contract/machine.ts';
import { type MachineEvent, reduceMachine } from './state.ts';

const crash = (kind: Crash['kind']): Crash => ({
  kind,
  summary: kind,
  epitaph: null,
  serialTail: [],
  interruptLog: [],
});
const START: MachineState = { phase: 'starting', step: 'qemu' };

function phases(...events: MachineEvent[]): string[] {
  let state = START;
  return events.map((event) => {
    state = reduceMachine(state, event);
    return state.phase === 'stopped' || state.phase === 'stopping' ? `${state.phase} by ${state.by}` : state.phase;
  });
}

test('an ordinary life', () => {
  expect(
    phases(
      { kind: 'started' },
      { kind: 'stopped-running' },
      { kind: 'resumed' },
      { kind: 'ending', by: 'user' },
      { kind: 'stopped-running' },
      { kind: 'exited', crash: crash('qemu-died') },
    ),
  ).toEqual(['running', 'paused', 'running', 'stopping by user', 'stopping by user', 'stopped by user']);
});

test('a guest that shuts itself down is not a crash, whatever comes after', () => {
  expect(
    phases(
      { kind: 'started' },
      { kind: 'ending', by: 'guest' },
      { kind: 'ending', by: 'user' },
      { kind: 'crashed', crash: crash('panic') },
      { kind: 'exited', crash: crash('qemu-died') },
    ),
  ).toEqual(['running', 'stopping by guest', 'stopping by guest', 'stopping by guest', 'stopped by guest']);
});

test('the first crash is the one that counts, a reset revives, an end is final', () => {
  expect(
    phases(
      { kind: 'started' },
      { kind: 'crashed', crash: crash('panic') },
      { kind: 'stopped-running' },
      { kind: 'exited', crash: crash('qemu-died') },
      { kind: 'resumed' },
      { kind: 'owner-lost' },
      { kind: 'started' },
    ),
  ).toEqual(['running', 'crashed', 'crashed', 'crashed', 'running', 'stopped by owner-lost', 'stopped by owner-lost']);
});

test('QEMU that dies by itself is a crash', () => {
  expect(phases({ kind: 'exited', crash: crash('qemu-died') })).toEqual(['crashed']);
});

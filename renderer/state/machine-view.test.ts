import { expect, test } from 'vitest';
import type { MachineState } from '../../app/contract/index.ts';
import type { StudioMachine } from '../../app/contract/studio.ts';
import {
  abilitiesOf,
  machineTitle,
  pickMachine,
  pickServing,
  shellCommand,
  stateWords,
  uptime,
} from './machine-view.ts';

const machine = (
  id: string,
  startedAt: number,
  state: MachineState,
  name = 'direct',
  apiUrl: string | null = 'http://x',
) => ({ info: { id, startedAt, profile: { name }, apiUrl }, state, own: true }) as unknown as StudioMachine;
const running: MachineState = { phase: 'running' };
const stopped: MachineState = { phase: 'stopped', by: 'user' };

test('the machine that is shown: chosen, newest alive, newest', () => {
  const list = [machine('a', 1, running), machine('b', 2, running), machine('c', 3, stopped)];
  expect(pickMachine(list, 'c')?.info.id).toBe('c');
  expect(pickMachine(list, 'gone')?.info.id).toBe('b');
  expect(pickMachine([machine('a', 1, stopped), machine('b', 2, stopped)], null)?.info.id).toBe('b');
  expect(pickMachine([], 'a')).toBeNull();
});

test('the machine that answers runs and has an API', () => {
  const list = [
    machine('a', 1, running),
    machine('b', 2, running, 'direct', null),
    machine('c', 3, { phase: 'paused' }),
  ];
  expect(pickServing(list, 'b')?.info.id).toBe('a');
  expect(pickServing([], null)).toBeNull();
});

test('twins are told apart', () => {
  const list = [machine('direct-aaaa', 1, running), machine('direct-bbbb', 2, running)];
  expect(list.map((it) => machineTitle(it, list))).toEqual(['direct aaaa', 'direct bbbb']);
  expect(machineTitle(machine('x', 1, running, 'uefi'), list)).toBe('uefi');
});

test('what can be done in which state', () => {
  expect(abilitiesOf(running)).toMatchObject({ pause: true, resume: false, stop: true, forget: false, type: true });
  expect(abilitiesOf(stopped)).toMatchObject({ pause: false, reset: false, stop: false, forget: true, type: false });
  expect(stateWords({ phase: 'stopped', by: 'guest' })).toMatchObject({ label: 'Stopped', tone: 'idle' });
});

test('a command line that a shell takes', () => {
  expect(shellCommand(['qemu', '-append', "it's a=b", '-m', '512'])).toBe("qemu -append 'it'\\''s a=b' -m 512");
  expect(shellCommand(['qemu', '-m', '512', '-smp', '2'], ' \\\n  ')).toBe('qemu \\\n  -m 512 \\\n  -smp 2');
});

test('times', () => {
  expect([uptime(4200), uptime(192_000), uptime(7_500_000)]).toEqual(['4 s', '3 min 12 s', '2 h 05 min']);
});

import { expect, test } from 'vitest';
import { checkQuery } from './query.ts';

const RUN = '/run/user/0/ring0/direct-1';
const allowed = (command: string, args?: Record<string, unknown>) => checkQuery(command, args, RUN).ok;
const line = (text: unknown, more = {}) => allowed('human-monitor-command', { 'command-line': text, ...more });

test('questions are let through', () => {
  expect([allowed('query-status'), allowed('x-query-virtio'), allowed('x-query-virtio-queue-status', {})]).toEqual([
    true,
    true,
    true,
  ]);
  for (const text of ['info registers -a', 'info tlb', 'info mtree -f', 'xp /8bx 0x1000', 'gva2gpa 0xffffffff80000000'])
    expect([text, line(text)]).toEqual([text, true]);
  for (const text of ['qom-list /machine/unattached', 'qom-get /machine/unattached/device[3]/ioapic[0] addr'])
    expect([text, line(text)]).toEqual([text, true]);
  expect(line('info lapic', { 'cpu-index': 3 })).toBe(true);
});

test('configuration space is asked of a function that can be', () => {
  expect(allowed('pci-configuration', { bus: 0, device: 4, function: 0 })).toBe(true);
  for (const args of [
    undefined,
    {},
    { bus: 0, device: 32, function: 0 },
    { bus: 0, device: 4, function: 0, offset: 4 },
  ])
    expect([args, allowed('pci-configuration', args)]).toEqual([args, false]);
  // Its ports are nobody else's.
  expect([line('qom-set /machine/ioapic version 17'), line('qom-get /machine a;quit')]).toEqual([false, false]);
  expect([line('i /w 0xcf8'), line('o /w 0xcf8 0x80000000')]).toEqual([false, false]);
});

test('what changes something is refused', () => {
  for (const command of [
    'quit',
    'stop',
    'system_reset',
    'device_del',
    'qom-set',
    'set-action',
    'memsave',
    'query-',
    'x-query',
  ])
    expect([command, allowed(command)]).toEqual([command, false]);
  for (const text of [
    'quit',
    'info',
    'info x\nquit',
    'xp',
    'stop',
    'infox a',
    'log none',
    'info a; quit',
    7,
    undefined,
  ])
    expect([text, line(text)]).toEqual([text, false]);
  expect([
    line('info pic', { 'cpu-index': -1 }),
    line('info pic', { 'cpu-index': 1.5 }),
    line('info pic', { a: 1 }),
  ]).toEqual([false, false, false]);
});

test('files go into the run directory, under names that nothing else has', () => {
  const save = (filename: string, size: unknown = 4096) => allowed('pmemsave', { val: 0, size, filename });
  expect(save(`${RUN}/memory-1.bin`)).toBe(true);
  for (const path of [
    `${RUN}/machine.json`,
    `${RUN}/memory-../x.bin`,
    `${RUN}/../memory-1.bin`,
    '/tmp/memory-1.bin',
    'memory-1.bin',
  ])
    expect([path, save(path)]).toEqual([path, false]);
  expect([save(`${RUN}/memory-1.bin`, 1n << 40n), save(`${RUN}/memory-1.bin`, -1)]).toEqual([false, false]);
  const dump = (protocol: string, paging = false) => allowed('dump-guest-memory', { paging, protocol });
  expect([dump('file:/home/a/.memory-1.part'), dump('file:.memory-1.part'), dump('file:/home/a/x.elf')]).toEqual([
    true,
    false,
    false,
  ]);
  const detached = { paging: false, protocol: 'file:/run/r0/.memory-1.part' };
  expect([
    allowed('dump-guest-memory', { ...detached, detach: true }),
    allowed('dump-guest-memory', { ...detached, detach: 'x' }),
  ]).toEqual([true, false]);
  expect([dump('fd:3'), dump('file:/home/a/.memory-1.part', true)]).toEqual([false, false]);
});

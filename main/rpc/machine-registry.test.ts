import { afterEach, expect, test, vi } from 'vitest';
import { Emitter } from '../../app/base/event.ts';
import { fail, ok, type Result } from '../../app/base/result.ts';
import type { Machine, MachineInfo, MachineService, MachineState } from '../../app/contract/index.ts';
import type { StudioMachine } from '../../app/contract/studio.ts';
import { PROFILE_DEFAULTS } from '../../app/machine/profile.ts';
import { MachineRegistry } from './machine-registry.ts';
import { RunningLog } from './serial-log.ts';
import { SerialTape } from './serial-tape.ts';

/** A machine at the border: QEMU's part is played by the test. */
class FakeMachine implements Machine {
  readonly changed = new Emitter<MachineState>();
  readonly serial = new Emitter<Uint8Array>();
  readonly onDidChangeState = this.changed.event;
  readonly onDidReceiveSerial = this.serial.event;
  readonly info: MachineInfo;
  state: MachineState = { phase: 'running' };
  disposed = false;

  constructor(id: string, ownerPid: number) {
    this.info = {
      id,
      ownerPid,
      profile: { ...PROFILE_DEFAULTS, name: 'direct' },
      accelerator: { accelerator: 'tcg', reason: 'test' },
      qemuPid: 2,
      startedAt: 1,
      forwards: [],
      apiUrl: null,
      elfPath: '',
      modelPath: null,
      commandLine: '',
      runDirectory: '',
      ramPath: '',
      serialLogPath: '',
      argv: [],
    };
  }

  become(state: MachineState): void {
    this.state = state;
    this.changed.fire(state);
  }
  print(text: string): void {
    this.serial.fire(Buffer.from(text));
  }
  serialScrollback = () => Buffer.from('boot\n');
  writeSerial(): void {}
  pause = async () => ok();
  resume = async () => ok();
  reset = async () => ok();
  registers = async () => ok('');
  query = async () => ok(null);
  stop = async () => ok();
  waitForEnd = async () => this.state;
  dispose(): void {
    this.disposed = true;
  }
}

/** A file of so many bytes at most. */
function fakeFile(path: string, room = Number.POSITIVE_INFINITY) {
  const parts: Buffer[] = [];
  const text = () => Buffer.concat(parts).toString();
  const file = {
    path,
    text,
    closed: 0,
    wait: Promise.resolve(),
    append: async (bytes: Uint8Array): Promise<Result<void>> => {
      await file.wait;
      if (text().length + bytes.length > room) return fail('disk-full', 'The disk is full.', '', '');
      parts.push(Buffer.from(bytes));
      return ok();
    },
    close: async () => {
      file.closed += 1;
    },
  };
  return file;
}

const STOPPED: MachineState = { phase: 'stopped', by: 'user' };
const own: FakeMachine[] = [];
const others: FakeMachine[] = [];
let attached = 0;

const service: MachineService = {
  start: async () => {
    const machine = new FakeMachine(`direct-${own.length}`, process.pid);
    own.push(machine);
    return ok(machine);
  },
  list: async () => [],
  usage: async () => fail('no-usage', '', '', ''),
  registered: async () => [...own, ...others].map(({ info }) => info),
  attach: async (id) => {
    attached += 1;
    const machine = others.find(({ info }) => info.id === id);
    return machine === undefined ? fail('no-machine', '', '', '') : ok(machine);
  },
  dispose() {},
};

let registry = new MachineRegistry(service);
afterEach(() => {
  registry.dispose();
  for (const machine of [...own, ...others])
    expect([machine.changed.listenerCount, machine.serial.listenerCount]).toEqual([0, 0]);
  own.length = 0;
  others.length = 0;
  attached = 0;
  registry = new MachineRegistry(service);
});

async function start(): Promise<FakeMachine> {
  await registry.start({ profile: 'direct', elfPath: '' }, {});
  const machine = own.at(-1);
  if (machine === undefined) throw new Error('not started');
  return machine;
}

const decode = (data: string) => Buffer.from(data, 'base64').toString();

test('whoever watches sees every change, and another terminal’s machine as long as it lives', async () => {
  others.push(new FakeMachine('smp4-1', 1));
  const watched = registry.watch(undefined);
  const next = async () => ((await watched.next()) as { value: StudioMachine[] }).value;
  const phases = (machines: StudioMachine[]) => machines.map((it) => [it.info.id, it.own, it.state.phase]);
  expect(phases(await next())).toEqual([['smp4-1', false, 'running']]);
  const machine = await start();
  expect(phases(await next())).toContainEqual(['direct-0', true, 'running']);
  machine.become({ phase: 'paused' });
  expect(phases(await next())).toContainEqual(['direct-0', true, 'paused']);
  others[0]?.become(STOPPED);
  expect(phases(await next())).toEqual([['direct-0', true, 'paused']]);
  expect(others[0]?.disposed).toBe(true);
  await watched.return(undefined);
  await registry.list();
  expect(attached).toBe(2);
});

test('a reader of the console gets all of it from where it was, in order, up to the end', async () => {
  const machine = await start();
  const chunks = registry.serial('direct-0', 2, undefined);
  expect(await chunks.next()).toMatchObject({ value: { offset: 2, ended: false } });
  machine.print('one ');
  machine.print('two');
  const second = (await chunks.next()).value;
  expect([second?.offset, decode(second?.data ?? '')]).toEqual([5, 'one two']);
  machine.become(STOPPED);
  expect((await chunks.next()).value).toEqual({ offset: 12, data: '', ended: true });
  expect((await chunks.next()).done).toBe(true);
  const late = await registry.serial('direct-0', 0, undefined).next();
  expect(decode(late.value?.data ?? '')).toBe('boot\none two');
});

test('a flood is kept to its last mebibyte, and a slow reader is told where it goes on', async () => {
  const machine = await start();
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 3000; i++) machine.print(line);
  const total = 5 + 3000 * 1024;
  let first: number | undefined;
  let position = 0;
  for await (const chunk of registry.serial('direct-0', 0, undefined)) {
    first ??= chunk.offset;
    expect(position === 0 || chunk.offset === position).toBe(true);
    position = chunk.offset + decode(chunk.data).length;
    if (position === total) break;
  }
  expect(first).toBeGreaterThanOrEqual(total - (1 << 20));
});

test('a machine that runs stays on the list; of those that ended the last eight', async () => {
  const first = await start();
  expect(registry.forget('direct-0')).toMatchObject({ ok: false, error: { code: 'wrong-state' } });
  first.become(STOPPED);
  for (let i = 1; i < 10; i++) (await start()).become(STOPPED);
  expect((await registry.list()).map(({ info }) => info.id)).toEqual(
    [2, 3, 4, 5, 6, 7, 8, 9].map((i) => `direct-${i}`),
  );
  expect(registry.forget('direct-5')).toMatchObject({ ok: true });
  expect((await registry.list()).map(({ info }) => info.id)).not.toContain('direct-5');
});

test('a console goes on into a file through a reset, from now on or with what is kept, until it is stopped or the machine ends', async () => {
  const machine = await start();
  machine.print('early\n');
  const kept = fakeFile('kept.log');
  const now = fakeFile('now.log');
  await registry.startLog('direct-0', 'kept', kept);
  expect((await registry.list())[0]?.log).toEqual({ path: 'kept.log', error: null });
  machine.print('late\n');
  machine.become({ phase: 'paused' });
  await machine.reset();
  machine.print('after the reset\n');
  expect(await registry.stopLog('direct-0')).toEqual({ ok: true, value: { path: 'kept.log', bytes: 32 } });
  machine.print('between\n');
  expect([kept.text(), kept.closed]).toEqual(['boot\nearly\nlate\nafter the reset\n', 1]);
  expect(await registry.stopLog('direct-0')).toMatchObject({ ok: false, error: { code: 'no-log' } });

  await registry.startLog('direct-0', 'now', now);
  machine.print('last words\n');
  machine.become(STOPPED);
  await vi.waitFor(async () => expect((await registry.list())[0]?.log).toBeNull());
  expect([now.text(), now.closed]).toEqual(['last words\n', 1]);
});

test('a file that takes no more ends its log, and the list says why', async () => {
  const machine = await start();
  const file = fakeFile('full.log', 8);
  await registry.startLog('direct-0', 'now', file);
  machine.print('12345678');
  await vi.waitFor(() => expect(file.text()).toBe('12345678'));
  machine.print('9');
  await vi.waitFor(async () => expect((await registry.list())[0]?.log?.error?.code).toBe('disk-full'));
  machine.print('10');
  expect([file.text(), file.closed]).toEqual(['12345678', 1]);
  // Another file may be tried at once.
  const other = fakeFile('other.log');
  expect(await registry.startLog('direct-0', 'now', other)).toEqual(ok());
  expect((await registry.list())[0]?.log).toEqual({ path: 'other.log', error: null });
  expect(await registry.startLog('nobody', 'now', fakeFile('x'))).toMatchObject({ error: { code: 'no-machine' } });
});

test('a log is bounded, and a reader that was overtaken says so in the file', async () => {
  const machine = await start();
  const tape = new SerialTape(machine);
  const bounded = fakeFile('bounded.log');
  const log = new RunningLog(tape, bounded, 0, () => {}, 8);
  machine.print('and more');
  await vi.waitFor(() => expect(log.state?.error?.code).toBe('log-limit'));
  expect(bounded.text()).toBe('boot\nand');
  const slow = fakeFile('slow.log');
  let release = () => {};
  slow.wait = new Promise((resolve) => {
    release = () => resolve();
  });
  const overtaken = new RunningLog(tape, slow, 0, () => {});
  for (let i = 0; i < 3000; i++) machine.print('x'.repeat(1024));
  release();
  await overtaken.stop();
  expect(slow.text()).toMatch(/^boot\nand more\n--- \d+ bytes came too fast and are left out here ---\nx+$/);
  tape.dispose();
});

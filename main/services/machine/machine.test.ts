import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ok } from '../../../app/base/result.ts';
import type { Machine, MachineInfo, MachineState, Profile } from '../../../app/contract/index.ts';
import { planOnPaper, qemuArguments } from '../../../app/machine/argv.ts';
import { PROFILE_DEFAULTS } from '../../../app/machine/profile.ts';
import { runningProcessCount } from '../../process/index.ts';
import { QemuMachines } from './index.ts';
import { launchQemu } from './launch.ts';
import { OwnedMachine } from './owned-machine.ts';
import { QmpClient } from './qmp-client.ts';
import { SerialConsole } from './serial-console.ts';
import { STARTS_ADDRESS, writeTinyGuest } from './tiny-guest.ts';

const QEMU = process.env.RING0_QEMU ?? 'qemu-system-x86_64';
const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
if (!hasQemu) console.log(`skipped: machine tests need ${QEMU}`);

// Short, since sockets lie below it.
const folder = mkdtempSync(join(tmpdir(), 'r0m-'));
const kernel = join(folder, 'guest.elf');
writeTinyGuest(kernel);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const profile: Profile = { ...PROFILE_DEFAULTS, name: 'tiny', memoryMiB: 32, accelerator: 'tcg', block: 'none' };

function service() {
  return new QemuMachines({
    profiles: { list: async () => [], load: async () => ok(profile) },
    doctor: { chooseAccelerator: async () => ok({ accelerator: 'tcg', reason: 'test' }) },
    qemu: QEMU,
    findOvmf: () => ok({ code: '', vars: '' }),
    readEpitaph: async () => ({ ok: false, error: { code: 'none', what: '', why: '', fix: '' } }),
    runRoot: join(folder, 'run'),
  });
}

/** Waits until the console holds `text` so many times. */
async function heard(machine: Machine, text: string, times = 1): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = () => Buffer.from(machine.serialScrollback()).toString().split(text).length > times;
    if (check()) return resolve();
    const subscription = machine.onDidReceiveSerial(() => {
      if (!check()) return;
      subscription.dispose();
      resolve();
    });
  });
}

async function reached(machine: Machine, phase: MachineState['phase']): Promise<MachineState> {
  if (machine.state.phase === phase) return machine.state;
  return new Promise((resolve) => {
    const subscription = machine.onDidChangeState((state) => {
      if (state.phase !== phase) return;
      subscription.dispose();
      resolve(state);
    });
  });
}

const type = (machine: Machine, text: string) => machine.writeSerial(Buffer.from(text));

describe.skipIf(!hasQemu)('a machine', { timeout: 30_000 }, () => {
  let machines: QemuMachines;
  let machine: Machine;

  beforeEach(async () => {
    machines = service();
    const started = await machines.start({ profile, elfPath: kernel });
    if (!started.ok) throw new Error(`${started.error.what} ${started.error.why}`);
    machine = started.value;
    await heard(machine, 'hello');
  });

  afterEach(async () => {
    await machine.stop();
    machines.dispose();
    expect(runningProcessCount()).toBe(0);
    expect(existsSync(machine.info.ramPath)).toBe(false);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  test('runs, pauses, goes on, is reset and stopped', async () => {
    expect(machine.state).toEqual({ phase: 'running' });
    type(machine, 'x');
    await heard(machine, 'x');
    expect(await machine.pause()).toEqual({ ok: true, value: undefined });
    expect(machine.state.phase).toBe('paused');
    expect(await machine.resume()).toEqual({ ok: true, value: undefined });
    expect(machine.state.phase).toBe('running');
    expect(await machine.reset()).toEqual({ ok: true, value: undefined });
    await heard(machine, 'hello', 2);
    await machine.stop();
    expect(machine.state).toEqual({ phase: 'stopped', by: 'user' });
    expect(await machine.pause()).toMatchObject({ ok: false, error: { code: 'wrong-state' } });
  });

  test('a reset that the guest wants is a reset, not a crash', async () => {
    type(machine, 'r');
    await heard(machine, 'hello', 2);
    expect(machine.state.phase).toBe('running');
  });

  test('a triple fault is a crash with its chain of faults, and the reset button revives it', async () => {
    type(machine, 't');
    const state = await reached(machine, 'crashed');
    if (state.phase !== 'crashed') throw new Error(state.phase);
    expect(state.crash.kind).toBe('triple-fault');
    expect(state.crash.summary).toBe(
      'triple fault: #GP general protection, then #DF double fault, then the processor reset itself',
    );
    expect(state.crash.interruptLog).toContain('Triple fault');
    await machine.reset();
    await heard(machine, 'hello', 2);
    expect(machine.state.phase).toBe('running');
  });

  test('a panic on the console is a crash', async () => {
    type(machine, 'p');
    const state = await machine.waitForEnd();
    expect(state).toMatchObject({
      phase: 'crashed',
      crash: { kind: 'panic', summary: 'ring0: PANIC on purpose', serialTail: ['hello', 'ring0: PANIC on purpose'] },
    });
  });

  test('QEMU that is killed from outside is a crash too', async () => {
    process.kill(machine.info.qemuPid, 'SIGKILL');
    expect(await machine.waitForEnd()).toMatchObject({
      phase: 'crashed',
      crash: { kind: 'qemu-died', summary: 'QEMU ended: signal SIGKILL' },
    });
  });

  test('another terminal finds it, watches it, types, and stops it', async () => {
    const other = service();
    expect((await other.list()).map(({ info, state }) => [info.id, state.phase])).toEqual([
      [machine.info.id, 'running'],
    ]);
    const attached = await other.attach(machine.info.id.slice(0, 6));
    if (!attached.ok) throw new Error(attached.error.why);
    const seen = attached.value;
    await heard(seen, 'hello');
    type(seen, 'yz');
    await heard(seen, 'yz');
    await heard(machine, 'yz');
    expect(await seen.pause()).toEqual({ ok: true, value: undefined });
    await reached(seen, 'paused');
    expect(machine.state.phase).toBe('paused');
    // The guest runs in 32-bit mode at 1 MiB.
    for (const registers of [await seen.registers(), await other.registers(machine.info), await machine.registers()])
      expect(registers).toMatchObject({ ok: true, value: expect.stringMatching(/EIP=001000|RIP=0*1000/) as string });
    expect(await seen.stop()).toEqual({ ok: true, value: undefined });
    expect(machine.state).toEqual({ phase: 'stopped', by: 'user' });
    expect((await seen.waitForEnd()).phase).toBe('stopped');
    expect(await other.attach()).toMatchObject({ ok: false, error: { code: 'no-machine' } });
  });
});

describe.skipIf(!hasQemu)('a guest that dies after a reset before it says anything', { timeout: 30_000 }, () => {
  const mortal = join(folder, 'mortal.elf');
  writeTinyGuest(mortal, { diesAfterReset: true });

  /** How often it has started, by its own count. */
  function starts(ramPath: string): number {
    const file = openSync(ramPath, 'r');
    const count = Buffer.alloc(1);
    readSync(file, count, 0, 1, STARTS_ADDRESS);
    closeSync(file);
    return count.readUInt8();
  }

  test('is a crash at once, with its chain of faults', async () => {
    const machines = service();
    const started = await machines.start({ profile, elfPath: mortal });
    if (!started.ok) throw new Error(started.error.why);
    const machine = started.value;
    await heard(machine, 'hello');
    expect(await machine.reset()).toEqual({ ok: true, value: undefined });
    const state = await reached(machine, 'crashed');
    expect(state).toMatchObject({ crash: { kind: 'triple-fault', summary: expect.stringContaining('#DF') as string } });
    expect(starts(machine.info.ramPath)).toBe(2);
    await machine.stop();
    machines.dispose();
  });

  test('is a crash without the log of an emulator too, after the one reset that a BIOS may make', async () => {
    const [qmpSocket, serialSocket] = [join(folder, 'q.sock'), join(folder, 's.sock')];
    const ramPath = join(folder, 'mortal.ram');
    closeSync(openSync(ramPath, 'w'));
    const argv = qemuArguments({
      ...planOnPaper({ ...profile, network: 'none', forwards: [] }, 'tcg'),
      ...{ elfPath: mortal, ramPath, qmpSocket, serialSocket },
    });
    const launched = await launchQemu(QEMU, argv, { qmp: qmpSocket, serial: serialSocket }, undefined);
    if (!launched.ok) throw new Error(launched.error.why);
    const qmp = new QmpClient(launched.value.qmp);
    await qmp.negotiate();
    const machine = new OwnedMachine({
      ...{ info: {} as MachineInfo, process: launched.value.process, qmp, stderr: launched.value.stderr },
      serial: new SerialConsole(launched.value.serial, join(folder, 'mortal.log')),
      interruptLog: null,
      spawnedAt: 0,
      onStamps: () => {},
      readEpitaph: async () => ({ ok: false, error: { code: 'none', what: '', why: '', fix: '' } }),
      cleanUp: () => {},
    });
    await machine.powerOn();
    await heard(machine, 'hello');
    expect(await machine.reset()).toEqual({ ok: true, value: undefined });
    expect(await reached(machine, 'crashed')).toMatchObject({ crash: { kind: 'triple-fault' } });
    expect(starts(ramPath)).toBe(2);
    await machine.stop();
  });
});

describe.skipIf(!hasQemu)('a start that fails leaves nothing behind', { timeout: 30_000 }, () => {
  const machines = service();
  afterEach(() => {
    expect(runningProcessCount()).toBe(0);
    expect(readdirSync(join(folder, 'run')).length).toBe(0);
  });

  test('QEMU refuses: its own words are in the error', async () => {
    const started = await machines.start({ profile: { ...profile, cpu: 'nonsense' }, elfPath: kernel });
    expect(started).toMatchObject({
      ok: false,
      error: { code: 'qemu-failed', why: expect.stringContaining('nonsense') as string },
    });
  });

  test('QEMU refuses a device', async () => {
    const twice = { ...profile, extraArgs: ['-device', 'virtio-net-pci,mac=nonsense'] };
    expect(await machines.start({ profile: twice, elfPath: kernel })).toMatchObject({
      ok: false,
      error: { code: 'qemu-failed' },
    });
  });

  test('a port that was asked for is taken', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      }),
    );
    expect(await machines.start({ profile, elfPath: kernel, port })).toMatchObject({
      ok: false,
      error: { code: 'port-taken' },
    });
    server.close();
  });

  test('it is cancelled', async () => {
    const controller = new AbortController();
    const starting = machines.start({ profile, elfPath: kernel }, { signal: controller.signal });
    controller.abort();
    expect(await starting).toMatchObject({ ok: false, error: { code: 'cancelled' } });
  });

  test('a kernel or a model is missing', async () => {
    expect(await machines.start({ profile, elfPath: join(folder, 'none') })).toMatchObject({
      ok: false,
      error: { code: 'file-not-found' },
    });
    expect(await machines.start({ profile, elfPath: kernel, modelPath: join(folder, 'none') })).toMatchObject({
      ok: false,
      error: { code: 'file-not-found' },
    });
  });
});

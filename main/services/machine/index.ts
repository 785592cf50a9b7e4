import { join } from 'node:path';
import { DisposableStore } from '../../../app/base/disposable.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type {
  DoctorService,
  Epitaph,
  Machine,
  MachineInfo,
  MachineListing,
  MachineService,
  PortForward,
  ProfileService,
  QueryArguments,
  StartOptions,
  StartRequest,
} from '../../../app/contract/index.ts';
import { qemuArguments } from '../../../app/machine/argv.ts';
import { isEnded } from '../../../app/machine/state.ts';
import { AttachedMachine } from './attached-machine.ts';
import { serveControl } from './control-server.ts';
import { type LaunchedQemu, launchFailure, launchQemu } from './launch.ts';
import { OwnedMachine } from './owned-machine.ts';
import { API_PORT, makeUefiDisk, type Ovmf, type SettledStart, settleStart } from './plan.ts';
import { allocatePorts } from './ports.ts';
import { stampOf } from './process-stamp.ts';
import { QmpClient } from './qmp-client.ts';
import { askRegisters } from './queries.ts';
import { createRamFile, hideRamFile } from './ram-file.ts';
import { createRunDirectory, liveRuns, removeRun, runRoot, writeRunRecord, writeStamps } from './run-directory.ts';
import { SerialConsole } from './serial-console.ts';
import { type ProcessUsage, processUsage } from './usage.ts';

export type { Ovmf } from './plan.ts';

const ATTACH_TIMEOUT_MS = 2000;
/** Short, so that a command that has asked its question ends at once with its work. */
const ASK_LINGER_MS = 2000;
/** A free port may be taken between our look and QEMU's: that many starts are tried. */
const PORT_ATTEMPTS = 3;

export interface MachineServiceOptions {
  readonly profiles: ProfileService;
  readonly doctor: Pick<DoctorService, 'chooseAccelerator'>;
  /** QEMU's program, such as `qemu-system-x86_64`. */
  readonly qemu: string;
  readonly findOvmf: () => Result<Ovmf>;
  readonly readEpitaph: (info: MachineInfo) => Promise<Result<Epitaph>>;
  /** Where machines are registered; by default the user's own place. */
  readonly runRoot?: string | undefined;
}

interface Asked {
  readonly machine: Promise<Result<AttachedMachine>>;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** Starts machines of this process and finds those of others. */
export class QemuMachines implements MachineService {
  readonly #options: MachineServiceOptions;
  readonly #root: string;
  readonly #owned = new Map<string, Machine>();
  /** Connections to other owners that are kept for the next question. */
  readonly #asked = new Map<string, Asked>();

  constructor(options: MachineServiceOptions) {
    this.#options = options;
    this.#root = options.runRoot ?? runRoot();
  }

  async start(request: StartRequest, options: StartOptions = {}): Promise<Result<Machine>> {
    const step = (message: string, done: number) => options.onProgress?.({ message, done, total: 4, unit: 'steps' });
    step('checking the profile', 0);
    const settled = await settleStart(request, this.#options.profiles);
    if (!settled.ok) return settled;
    if (settled.value.memoryNote !== null) step(settled.value.memoryNote, 0);
    // What dead owners left costs memory.
    await liveRuns(this.#root);
    step('choosing the accelerator', 1);
    const accelerator = await this.#options.doctor.chooseAccelerator(settled.value.profile.accelerator, options);
    if (!accelerator.ok) return accelerator;
    for (let attempt = 1; ; attempt++) {
      step('starting QEMU', 2);
      const machine = await this.#launch(request, settled.value, accelerator.value, options);
      const portLost =
        !machine.ok && machine.error.code === 'qemu-failed' && /host forwarding rule/.test(machine.error.why);
      if (portLost && attempt < PORT_ATTEMPTS) continue;
      if (machine.ok) step('the machine runs', 4);
      return machine;
    }
  }

  async list(): Promise<MachineListing[]> {
    const runs = await liveRuns(this.#root);
    return Promise.all(
      runs.map(async ({ info }): Promise<MachineListing> => {
        const own = this.#owned.get(info.id);
        if (own !== undefined) return { info, state: own.state };
        const attached = await AttachedMachine.connect(controlSocket(info.runDirectory), ATTACH_TIMEOUT_MS);
        if (!attached.ok) return { info, state: { phase: 'failed', error: attached.error } };
        const { state } = attached.value;
        attached.value.dispose();
        return { info, state };
      }),
    );
  }

  async registered(): Promise<MachineInfo[]> {
    return (await liveRuns(this.#root)).map(({ info }) => info);
  }

  async attach(id?: string): Promise<Result<Machine>> {
    const runs = await liveRuns(this.#root);
    const exact = runs.filter((run) => run.info.id === id);
    const found = exact.length > 0 ? exact : runs.filter((run) => id === undefined || run.info.id.startsWith(id));
    const [run, another] = found;
    if (run === undefined) {
      const what = id === undefined ? 'No machine runs.' : `No machine ${JSON.stringify(id)} runs.`;
      return fail(
        'no-machine',
        what,
        `${runs.length} machines are registered in ${this.#root}`,
        'Start one with `ring0 run`; `ring0 ps` lists them.',
      );
    }
    if (another !== undefined) {
      return fail(
        'several-machines',
        'More than one machine is meant.',
        found.map((it) => it.info.id).join(', '),
        'Name one of them: with --machine ID, or as the last word of the command.',
      );
    }
    const own = this.#owned.get(run.info.id);
    return own !== undefined
      ? ok(own)
      : AttachedMachine.connect(controlSocket(run.info.runDirectory), ATTACH_TIMEOUT_MS);
  }

  async usage({ qemuPid }: MachineInfo): Promise<Result<ProcessUsage>> {
    return processUsage(qemuPid);
  }

  /** The registers of a machine of this process or another, as `Machine.registers` gives them. */
  async registers(info: MachineInfo): Promise<Result<string>> {
    return askRegisters({ query: (command, args) => this.query(info, command, args) });
  }

  /** Asks about a machine of this process or another, as `Machine.query` does. */
  query(info: MachineInfo, command: string, args?: QueryArguments): Promise<Result<unknown>> {
    return this.#with(info, (machine) => machine.query(command, args));
  }

  /** Lets a machine stand still, if it runs, until what is returned is called. */
  hold(info: MachineInfo): Promise<Result<() => Promise<void>>> {
    return this.#with(info, async (machine) => {
      if (machine.state.phase !== 'running') return ok(async () => {});
      const paused = await machine.pause();
      if (!paused.ok) return paused;
      return ok(async () => {
        await this.#with(info, (it) => it.resume());
      });
    });
  }

  /** A machine of this process, or another's through a connection that stays for the next question: panes ask thirty times a second. */
  async #with<T>(info: MachineInfo, act: (machine: Machine) => Promise<Result<T>>): Promise<Result<T>> {
    const own = this.#owned.get(info.id);
    if (own !== undefined) return act(own);
    const known = this.#asked.get(info.id);
    const asked = known ?? {
      machine: AttachedMachine.connect(controlSocket(info.runDirectory), ATTACH_TIMEOUT_MS),
      users: 0,
      timer: undefined,
    };
    this.#asked.set(info.id, asked);
    asked.users += 1;
    clearTimeout(asked.timer);
    const machine = await asked.machine;
    const result = machine.ok ? await act(machine.value) : machine;
    asked.users -= 1;
    if (!machine.ok || isEnded(machine.value.state)) this.#letGo(info.id, asked);
    else if (asked.users === 0) {
      asked.timer = setTimeout(() => this.#letGo(info.id, asked), ASK_LINGER_MS);
      asked.timer.unref();
    }
    return result;
  }

  #letGo(id: string, asked: Asked): void {
    clearTimeout(asked.timer);
    if (this.#asked.get(id) === asked) this.#asked.delete(id);
    void asked.machine.then((it) => it.ok && it.value.dispose());
  }

  dispose(): void {
    for (const [id, asked] of this.#asked) this.#letGo(id, asked);
    for (const machine of [...this.#owned.values()]) machine.dispose();
    this.#owned.clear();
  }

  /** One attempt. Whatever it makes is removed again if it fails. */
  async #launch(
    request: StartRequest,
    settled: SettledStart,
    accelerator: MachineInfo['accelerator'],
    options: StartOptions,
  ): Promise<Result<Machine>> {
    const ports = await allocatePorts(settled.profile.forwards);
    if (!ports.ok) return ports;
    const run = createRunDirectory(this.#root, settled.profile.name);
    if (!run.ok) return run;
    const { id, directory } = run.value;
    const undo = new DisposableStore();
    let ramPath: string | undefined;
    undo.add({ dispose: () => removeRun(directory, ramPath) });
    const machine = await (async (): Promise<Result<OwnedMachine>> => {
      const shared = settled.profile.ram === 'shared';
      const ram = shared ? createRamFile(id, settled.profile.memoryMiB) : ok('');
      if (!ram.ok) return ram;
      if (shared) ramPath = ram.value;
      const plan = await this.#plan(request, settled, accelerator, directory, ram.value, ports.value);
      if (!plan.ok) return plan;
      const argv = qemuArguments(plan.value);
      const spawnedAt = Date.now();
      const launched = await launchQemu(
        this.#options.qemu,
        argv,
        { qmp: plan.value.qmpSocket, serial: plan.value.serialSocket },
        options.signal,
      );
      if (!launched.ok) return launched;
      undo.add(launched.value.process);
      const api = ports.value.find((forward) => forward.guest === API_PORT);
      const info: MachineInfo = {
        id,
        profile: settled.profile,
        accelerator,
        ownerPid: process.pid,
        qemuPid: launched.value.process.pid,
        startedAt: Date.now(),
        forwards: ports.value,
        apiUrl: api === undefined ? null : `http://127.0.0.1:${api.host}`,
        elfPath: settled.elfPath,
        modelPath: settled.modelPath,
        commandLine: settled.commandLine,
        runDirectory: directory,
        ramPath: ram.value,
        serialLogPath: join(directory, 'serial.log'),
        argv: [this.#options.qemu, ...argv],
      };
      return this.#own(info, { ...launched.value, spawnedAt }, plan.value.interruptLog, undo);
    })();
    if (!machine.ok) undo.dispose();
    return machine;
  }

  async #plan(
    request: StartRequest,
    settled: SettledStart,
    accelerator: MachineInfo['accelerator'],
    directory: string,
    ramPath: string,
    forwards: PortForward[],
  ) {
    let uefi: { code: string; vars: string; disk: string } | null = null;
    if (settled.profile.firmware === 'ovmf') {
      const ovmf = this.#options.findOvmf();
      if (!ovmf.ok) return ovmf;
      const disk = await makeUefiDisk(request.efiPath ?? '', settled.commandLine, directory);
      if (!disk.ok) return disk;
      uefi = { ...ovmf.value, disk: disk.value };
    }
    return ok({
      profile: settled.profile,
      accelerator: accelerator.accelerator,
      elfPath: settled.elfPath,
      initrdPath: settled.initrdPath,
      modelPath: settled.modelPath,
      forwards,
      commandLine: settled.commandLine,
      ramPath,
      qmpSocket: join(directory, 'qmp.sock'),
      serialSocket: join(directory, 'serial.sock'),
      interruptLog: accelerator.accelerator === 'tcg' ? join(directory, 'interrupts.log') : null,
      uefi,
    });
  }

  /** Takes a connected QEMU into possession, registers it and lets it run. */
  async #own(
    settled: MachineInfo,
    launched: LaunchedQemu & { readonly spawnedAt: number },
    interruptLog: string | null,
    undo: DisposableStore,
  ): Promise<Result<OwnedMachine>> {
    const qmp = undo.add(new QmpClient(launched.qmp));
    const serial = undo.add(new SerialConsole(launched.serial, settled.serialLogPath));
    const version = await qmp.negotiate();
    if (!version.ok) return launchFailure(launched);
    // QEMU answers, so it has opened its memory.
    const { ramPath } = settled;
    const info = { ...settled, ramPath: ramPath === '' ? '' : hideRamFile(ramPath, settled.qemuPid) };
    const machine = new OwnedMachine({
      info,
      process: launched.process,
      qmp,
      serial,
      stderr: launched.stderr,
      interruptLog,
      spawnedAt: launched.spawnedAt,
      onStamps: (stamps) => writeStamps(info.runDirectory, stamps),
      readEpitaph: this.#options.readEpitaph,
      cleanUp: () => {
        this.#owned.delete(info.id);
        undo.dispose();
      },
    });
    undo.add(await serveControl(machine, controlSocket(info.runDirectory)));
    const [owner, qemu] = await Promise.all([stampOf(process.pid), stampOf(info.qemuPid)]);
    writeRunRecord(info.runDirectory, { version: 1, owner, qemu, info });
    this.#owned.set(info.id, machine);
    const running = await machine.powerOn();
    return running.ok ? ok(machine) : running;
  }
}

function controlSocket(directory: string): string {
  return join(directory, 'control.sock');
}

import { Emitter } from '../../../app/base/event.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type {
  Epitaph,
  HostStamps,
  Machine,
  MachineInfo,
  MachineState,
  QueryArguments,
} from '../../../app/contract/index.ts';
import { checkQuery, queryTimeoutMs } from '../../../app/machine/query.ts';
import { isEnded, type MachineEvent, reduceMachine } from '../../../app/machine/state.ts';
import {
  isPciPlace,
  PCI_CONFIGURATION,
  type PciConfiguration,
  type PciPlace,
  readThroughPorts,
} from '../../../app/pci/ports.ts';
import type { ManagedProcess } from '../../process/index.ts';
import {
  isFatalLine,
  isPowerOffLine,
  isRebootLine,
  kernelCrash,
  logSize,
  qemuDied,
  readInterruptLog,
  tripleFault,
} from './crash.ts';
import { describeExit } from './launch.ts';
import type { QmpClient, QmpEvent } from './qmp-client.ts';
import { askRegisters } from './queries.ts';
import type { SerialConsole } from './serial-console.ts';

/** Time between the kernel's last word and our looking at the body. */
const SETTLE_MS = 150;
const MAX_SETTLE_MS = 3000;
/** QEMU is asked to quit, and after this long it is killed. */
const QUIT_GRACE_MS = 3000;
/** The interrupt log is for the boot; then, or when it is this large, it is reduced to resets. */
const MAX_INTERRUPT_LOG = 16 << 20;
const BOOT_LOG_MS = 20_000;

export interface OwnedMachineParts {
  readonly info: MachineInfo;
  readonly process: ManagedProcess;
  readonly qmp: QmpClient;
  readonly serial: SerialConsole;
  readonly stderr: () => string;
  readonly interruptLog: string | null;
  /** When QEMU was started, ms since 1970. */
  readonly spawnedAt: number;
  /** Called with what the host has seen of the start, whenever that changes. */
  readonly onStamps: (stamps: HostStamps) => void;
  readonly readEpitaph: (info: MachineInfo) => Promise<Result<Epitaph>>;
  /** Removes sockets, run directory and RAM file. Called once, when QEMU is gone. */
  readonly cleanUp: () => void;
}

/** A machine whose QEMU is a child of this process. */
export class OwnedMachine implements Machine {
  readonly info: MachineInfo;
  readonly #parts: OwnedMachineParts;
  readonly #changed = new Emitter<MachineState>();
  #state: MachineState = { phase: 'starting', step: 'the machine is switched on' };
  #cleaned = false;
  #stamps: HostStamps;
  /** Bytes of the interrupt log that belong to earlier lives of the guest. */
  #logStart = 0;
  #rebootAnnounced = false;
  /** After a reset and before any output, a BIOS that finds itself warm resets once more. */
  #firmwareMayReset = false;
  #dying = false;
  /** A reset of ours stops and continues the machine, which is nobody's business. */
  #resetting = false;
  #turns: Promise<unknown> = Promise.resolve();
  /** What comes from the guest now is of the life that a reset of ours ends. */
  #ending = false;
  #logTimer: NodeJS.Timeout | undefined;

  readonly onDidChangeState = this.#changed.event;
  readonly onDidReceiveSerial: Machine['onDidReceiveSerial'];

  constructor(parts: OwnedMachineParts) {
    this.#parts = parts;
    this.info = parts.info;
    this.#stamps = { spawnedAt: parts.spawnedAt, poweredOnAt: parts.spawnedAt, firstByteAt: null, resets: 0 };
    this.onDidReceiveSerial = parts.serial.onDidReceive;
    parts.qmp.onDidReceiveEvent((event) => this.#onQmpEvent(event));
    parts.serial.onDidReceive(() => {
      this.#firmwareMayReset = false;
      if (this.#stamps.firstByteAt === null) this.#stamp({ firstByteAt: Date.now() });
    });
    parts.serial.onDidReceiveLine((line) => this.#onSerialLine(line));
    void parts.process.exited.then((status) => {
      this.#apply({ kind: 'exited', crash: qemuDied(describeExit(status), parts.stderr(), parts.serial.tail()) });
      this.#cleanUp();
    });
    this.#watchInterruptLog();
  }

  get state(): MachineState {
    return this.#state;
  }

  /** Lets the guest run for the first time. */
  async powerOn(): Promise<Result<void>> {
    this.#stamp({ poweredOnAt: Date.now() });
    const started = await this.#parts.qmp.execute('cont');
    if (!started.ok) return started;
    this.#apply({ kind: 'started' });
    return ok();
  }

  serialScrollback(): Uint8Array {
    return this.#parts.serial.scrollback();
  }

  writeSerial(bytes: Uint8Array): void {
    this.#parts.serial.write(bytes);
  }

  async pause(): Promise<Result<void>> {
    if (this.#state.phase === 'paused') return ok();
    if (this.#state.phase !== 'running') return this.#notPossible('pause');
    return this.#command('stop', { kind: 'stopped-running' });
  }

  async resume(): Promise<Result<void>> {
    if (this.#state.phase === 'running') return ok();
    if (this.#state.phase !== 'paused') return this.#notPossible('resume');
    return this.#inTurn(() => this.#command('cont', { kind: 'resumed' }));
  }

  async reset(): Promise<Result<void>> {
    if (!['running', 'paused', 'crashed'].includes(this.#state.phase) || this.#parts.process.hasEnded)
      return this.#notPossible('reset');
    return this.#inTurn(() => this.#restart({ firmwareMayReset: true }));
  }

  /** Restarts the guest. Resets that it makes from then on are held again, the first instruction's included. */
  async #restart({ firmwareMayReset }: { firmwareMayReset: boolean }): Promise<Result<void>> {
    const { qmp, interruptLog } = this.#parts;
    this.#resetting = true;
    this.#ending = true;
    try {
      this.#rebootAnnounced = false;
      this.#dying = false;
      // The guest stands still, so that all that comes into the log is of its next life.
      const stopped = await qmp.execute('stop');
      if (!stopped.ok) return stopped;
      if (interruptLog !== null) {
        this.#logStart = logSize(interruptLog);
        await qmp.monitor('log int,cpu_reset');
        this.#watchInterruptLog();
      }
      // While resets are turned into shutdowns, QEMU turns this one into one too; it decides when the command comes, not later.
      for (const [command, args] of [
        ['set-action', { reboot: 'reset' }],
        ['system_reset', undefined],
        ['set-action', { reboot: 'shutdown' }],
      ] as const) {
        const done = await qmp.execute(command, args);
        if (!done.ok) return done;
      }
      this.#ending = false;
      this.#stamp({ resets: this.#stamps.resets + 1 });
      // Not earlier: what the guest said last was still on its way.
      this.#firmwareMayReset = firmwareMayReset;
      const going = await qmp.execute('cont');
      if (!going.ok) return going;
      this.#apply({ kind: 'resumed' });
      return ok();
    } finally {
      this.#resetting = false;
      this.#ending = false;
    }
  }

  registers(): Promise<Result<string>> {
    return askRegisters(this);
  }

  async query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    const allowed = checkQuery(command, args, this.info.runDirectory);
    if (!allowed.ok) return allowed;
    if (command === PCI_CONFIGURATION && args !== undefined && isPciPlace(args)) return this.#pciConfiguration(args);
    return this.#parts.qmp.execute(command, args, queryTimeoutMs(command));
  }

  /** Uses the guest's ports: only while it stands still, and it stays so until they are as they were. */
  #pciConfiguration(place: PciPlace): Promise<Result<PciConfiguration>> {
    const { qmp } = this.#parts;
    const runs = () =>
      fail(
        'wrong-state',
        'Configuration space is read through ports only while the machine stands still.',
        'it runs',
        'Pause it first.',
      );
    if (this.#state.phase === 'running') return Promise.resolve(runs());
    return this.#inTurn(async () => {
      const status = await qmp.execute('query-status');
      if (!status.ok) return status;
      const { value } = status;
      const still = typeof value === 'object' && value !== null && 'running' in value && value.running === false;
      return still ? readThroughPorts((line) => qmp.monitor(line), place) : runs();
    });
  }

  /** What must not happen amid something else of the kind: a guest goes on only when its ports are its own again. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(act);
    this.#turns = turn.catch(() => undefined);
    return turn;
  }

  async stop(): Promise<Result<void>> {
    if (!isEnded(this.#state)) {
      this.#apply({ kind: 'ending', by: 'user' });
      await this.#quit();
      // A crashed machine whose QEMU was gone before has had its exit.
      this.#apply({ kind: 'exited', crash: qemuDied('it was stopped', '', []) });
    }
    return ok();
  }

  waitForEnd(): Promise<MachineState> {
    return new Promise((resolve) => {
      const check = (state: MachineState) => {
        if (!isEnded(state) && state.phase !== 'crashed') return false;
        resolve(state);
        return true;
      };
      if (check(this.#state)) return;
      const subscription = this.#changed.event((state) => {
        if (check(state)) subscription.dispose();
      });
    });
  }

  dispose(): void {
    if (!isEnded(this.#state)) this.#apply({ kind: 'ending', by: 'user' });
    this.#parts.process.dispose();
    // The program may end before the exit is seen: the files go now.
    this.#cleanUp();
  }

  #stamp(change: Partial<HostStamps>): void {
    this.#stamps = { ...this.#stamps, ...change };
    this.#parts.onStamps(this.#stamps);
  }

  #apply(event: MachineEvent): void {
    const next = reduceMachine(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    this.#changed.fire(next);
  }

  async #command(command: string, event: MachineEvent): Promise<Result<void>> {
    const done = await this.#parts.qmp.execute(command);
    if (!done.ok) return done;
    this.#apply(event);
    return ok();
  }

  #notPossible(action: string) {
    return fail(
      'wrong-state',
      `The machine cannot ${action} now.`,
      `it is ${this.#state.phase}`,
      'Start a new machine, or wait until this one runs.',
    );
  }

  async #quit(): Promise<void> {
    const { qmp, process } = this.#parts;
    const timer = setTimeout(() => process.kill(), QUIT_GRACE_MS);
    // QEMU closes the connection instead of answering; both are fine.
    await qmp.execute('quit', undefined, QUIT_GRACE_MS);
    await process.exited;
    clearTimeout(timer);
  }

  #cleanUp(): void {
    if (this.#cleaned) return;
    this.#cleaned = true;
    clearInterval(this.#logTimer);
    this.#parts.qmp.dispose();
    this.#parts.serial.dispose();
    this.#parts.cleanUp();
  }

  #onQmpEvent({ name, data }: QmpEvent): void {
    if (name === 'SHUTDOWN' && data.guest === true) {
      if (this.#ending) return;
      if (data.reason === 'guest-reset') void this.#onGuestReset();
      else this.#onGuestShutdown();
    } else if (name === 'STOP' && !this.#resetting && !this.#dying) {
      // After a shutdown that waits for our verdict, QEMU says STOP as well.
      setImmediate(() => {
        if (!this.#resetting && !this.#dying) this.#apply({ kind: 'stopped-running' });
      });
    } else if (name === 'RESUME' && !this.#resetting) this.#apply({ kind: 'resumed' });
  }

  #onGuestShutdown(): void {
    this.#apply({ kind: 'ending', by: 'guest' });
    void this.#quit();
  }

  /**
   * The guest has reset itself and QEMU holds it, frozen. A triple fault and a wanted reset look the same to QEMU. Wanted is what the
   * kernel has announced, and after a reset the first one before any output: SeaBIOS that finds itself warm resets once more, and does it
   * by a triple fault (src/resume.c). Of all others, under TCG QEMU's log says what they were. Elsewhere they count as triple faults, a
   * foreign kernel's reboot too: what could tell, the instruction before RIP, differs between the ways of resetting, and no KVM was at
   * hand to try it.
   */
  async #onGuestReset(): Promise<void> {
    const log = this.#parts.interruptLog;
    this.#resetting = true;
    const lines = log === null ? [] : readInterruptLog(log, this.#logStart);
    const byFirmware = this.#firmwareMayReset && !this.#rebootAnnounced;
    const triple = !byFirmware && (log === null || lines.includes('Triple fault'));
    if (triple && !this.#rebootAnnounced) {
      this.#dying = true;
      const epitaph = await this.#parts.readEpitaph(this.info);
      this.#apply({
        kind: 'crashed',
        crash: tripleFault(epitaph.ok ? epitaph.value : null, this.#parts.serial.tail(), lines),
      });
      this.#resetting = false;
      return;
    }
    const reset = await this.#restart({ firmwareMayReset: !byFirmware });
    if (reset.ok) return;
    this.#apply({ kind: 'failed', error: reset.error });
    this.#parts.process.dispose();
  }

  #onSerialLine(line: string): void {
    if (isRebootLine(line)) this.#rebootAnnounced = true;
    else if (line === 'ring0: shell ready') this.#shortenInterruptLog();
    else if (isPowerOffLine(line)) this.#onGuestShutdown();
    else if (isFatalLine(line) && !this.#dying) void this.#onKernelDeath();
  }

  /** The kernel said that it dies: let it finish speaking, then stop the machine as it is. */
  async #onKernelDeath(): Promise<void> {
    this.#dying = true;
    await this.#silence();
    // Whoever reset or stopped the machine meanwhile does not want to hear of its earlier life.
    if (!this.#dying) return;
    const epitaph = await this.#parts.readEpitaph(this.info);
    await this.#parts.qmp.execute('stop');
    if (!this.#dying) return;
    this.#apply({ kind: 'crashed', crash: kernelCrash(epitaph.ok ? epitaph.value : null, this.#parts.serial.tail()) });
  }

  #silence(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(quiet);
        clearTimeout(limit);
        subscription.dispose();
        resolve();
      };
      let quiet = setTimeout(end, SETTLE_MS);
      const limit = setTimeout(end, MAX_SETTLE_MS);
      const subscription = this.#parts.serial.onDidReceive(() => {
        clearTimeout(quiet);
        quiet = setTimeout(end, SETTLE_MS);
      });
    });
  }

  /** The log of interrupts grows with every timer tick: it is kept for the boot only, where there is no other witness. */
  #watchInterruptLog(): void {
    const path = this.#parts.interruptLog;
    if (path === null) return;
    clearInterval(this.#logTimer);
    const started = Date.now();
    const before = logSize(path);
    this.#logTimer = setInterval(() => {
      if (Date.now() - started > BOOT_LOG_MS || logSize(path) - before > MAX_INTERRUPT_LOG) this.#shortenInterruptLog();
    }, 500);
    this.#logTimer.unref();
  }

  #shortenInterruptLog(): void {
    if (this.#logTimer === undefined) return;
    clearInterval(this.#logTimer);
    this.#logTimer = undefined;
    void this.#parts.qmp.monitor('log cpu_reset');
  }
}

import { type Disposable, DisposableStore } from '../../app/base/disposable.ts';
import { Emitter } from '../../app/base/event.ts';
import { fail, ok, type Result } from '../../app/base/result.ts';
import type { Machine, MachineService, StartOptions, StartRequest } from '../../app/contract/index.ts';
import type { SerialChunk, StudioMachine } from '../../app/contract/studio.ts';
import type { GrowingFile } from '../../app/contract/workspace.ts';
import { isEnded } from '../../app/machine/state.ts';
import { follow } from './follow.ts';
import { RunningLog } from './serial-log.ts';
import { SerialTape } from './serial-tape.ts';

/** Machines that have ended stay for a look at their last words; the oldest go first. */
const ENDED_KEPT = 8;
/** How often a window that watches learns of machines that other terminals start. */
const FOREIGN_POLL_MS = 2500;

interface Known {
  readonly machine: Machine;
  readonly own: boolean;
  readonly tape: SerialTape;
  readonly subscription: Disposable;
  log: RunningLog | null;
}

/** The machines that this host has started or attached to, with their consoles, and those that others have started. */
export class MachineRegistry implements Disposable {
  readonly #service: MachineService;
  readonly #known = new Map<string, Known>();
  readonly #changed = new Emitter<void>();
  readonly #listed = new Emitter<StudioMachine[]>();
  readonly #owned = new DisposableStore();
  /** Machines whose owner does not answer. */
  #unreachable = new Map<string, StudioMachine>();
  #watchers = 0;
  #poll: NodeJS.Timeout | undefined;

  constructor(service: MachineService) {
    this.#service = service;
    this.#owned.add(this.#changed.event(() => this.#listed.fire(this.#current())));
  }

  async start(request: StartRequest, options: StartOptions): Promise<Result<StudioMachine>> {
    const started = await this.#service.start(request, options);
    if (!started.ok) return started;
    const known = this.#keep(started.value, true);
    return ok(describe(known));
  }

  async list(): Promise<StudioMachine[]> {
    await this.#lookAround();
    return this.#current();
  }

  async *watch(signal: AbortSignal | undefined): AsyncGenerator<StudioMachine[]> {
    this.#watchers += 1;
    this.#poll ??= setInterval(() => void this.#lookAround(), FOREIGN_POLL_MS);
    try {
      await this.#lookAround();
      yield* follow(this.#listed.event, signal, () => [this.#current()]);
    } finally {
      this.#watchers -= 1;
      if (this.#watchers === 0) {
        clearInterval(this.#poll);
        this.#poll = undefined;
      }
    }
  }

  /** A machine by its id, one of another terminal included. */
  async find(id: string): Promise<Result<Machine>> {
    const known = this.#known.get(id);
    if (known !== undefined) return ok(known.machine);
    const attached = await this.#service.attach(id);
    if (!attached.ok) return attached;
    // Two calls may have attached at once: the first one stays.
    const first = this.#known.get(id);
    if (first !== undefined) {
      attached.value.dispose();
      return ok(first.machine);
    }
    if (attached.value.info.id !== id) {
      attached.value.dispose();
      return noMachine(id);
    }
    this.#keep(attached.value, false);
    return attached;
  }

  /** The console from byte `from` on; a machine that nobody knows has ended. */
  async *serial(id: string, from: number, signal: AbortSignal | undefined): AsyncGenerator<SerialChunk> {
    const machine = await this.find(id);
    const tape = machine.ok ? this.#known.get(id)?.tape : undefined;
    if (tape === undefined) yield { offset: from, data: '', ended: true };
    else yield* tape.read(from, signal);
  }

  /** Writes a console into a file, which is closed with it. One file at a time. */
  async startLog(id: string, from: 'kept' | 'now', file: GrowingFile): Promise<Result<void>> {
    const machine = await this.find(id);
    const known = this.#known.get(id);
    if (!machine.ok || known === undefined) {
      await file.close();
      return machine.ok ? noMachine(id) : machine;
    }
    if (known.log !== null) await known.log.stop();
    known.log = new RunningLog(known.tape, file, from === 'now' ? known.tape.end : 0, () => this.#changed.fire());
    this.#changed.fire();
    return ok();
  }

  async stopLog(id: string): Promise<Result<{ path: string; bytes: number }>> {
    const known = this.#known.get(id);
    const log = known?.log ?? null;
    if (known === undefined || log === null)
      return fail('no-log', 'This console is not written to a file.', '', 'Start that first.');
    known.log = null;
    const written = await log.stop();
    this.#changed.fire();
    return ok(written);
  }

  forget(id: string): Result<void> {
    const known = this.#known.get(id);
    if (known?.own && !isEnded(known.machine.state))
      return fail('wrong-state', 'A machine that runs stays on the list.', `${id} runs`, 'Stop it first.');
    this.#drop(id);
    this.#changed.fire();
    return ok();
  }

  /** The machines themselves belong to the service. */
  dispose(): void {
    clearInterval(this.#poll);
    for (const id of [...this.#known.keys()]) this.#drop(id);
    this.#owned.dispose();
    this.#listed.dispose();
  }

  #keep(machine: Machine, own: boolean): Known {
    const subscription = machine.onDidChangeState(() => {
      this.#prune();
      this.#changed.fire();
    });
    const known: Known = { machine, own, tape: new SerialTape(machine), subscription, log: null };
    this.#known.set(machine.info.id, known);
    this.#unreachable.delete(machine.info.id);
    this.#changed.fire();
    return known;
  }

  #drop(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    known.subscription.dispose();
    known.tape.dispose();
    known.log?.dispose();
    // Letting go of another's machine closes a socket; our own end with the service.
    if (!known.own) known.machine.dispose();
  }

  /** Of another's machine that has ended, its terminal keeps the last words. */
  #prune(): void {
    const ended = [...this.#known].filter(([, { machine }]) => isEnded(machine.state));
    const own = ended.filter(([, known]) => known.own);
    for (const [id] of own.slice(0, Math.max(0, own.length - ENDED_KEPT))) this.#drop(id);
    for (const [id, known] of ended) if (!known.own) this.#drop(id);
  }

  #current(): StudioMachine[] {
    return [...[...this.#known.values()].map(describe), ...this.#unreachable.values()].sort(
      (a, b) => a.info.startedAt - b.info.startedAt,
    );
  }

  /** Attaches to what others have started since; from then on its changes come by themselves. */
  async #lookAround(): Promise<void> {
    const registered = await this.#service.registered();
    const ids = new Set(registered.map(({ id }) => id));
    let changed = false;
    for (const id of this.#unreachable.keys()) if (!ids.has(id)) changed = this.#unreachable.delete(id) || changed;
    for (const info of registered) {
      if (this.#known.has(info.id) || info.ownerPid === process.pid) continue;
      const found = await this.find(info.id);
      if (found.ok || this.#unreachable.has(info.id) || found.error.code === 'no-machine') continue;
      this.#unreachable.set(info.id, { info, state: { phase: 'failed', error: found.error }, own: false, log: null });
      changed = true;
    }
    if (changed) this.#changed.fire();
  }
}

function describe({ machine, own, log }: Known): StudioMachine {
  return { info: machine.info, state: machine.state, own, log: log?.state ?? null };
}

function noMachine(id: string) {
  return fail('no-machine', `No machine ${id} runs.`, '', 'Start one.');
}

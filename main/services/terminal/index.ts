import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { ByteTape } from '../../../app/base/byte-tape.ts';
import type { LongOperation } from '../../../app/base/cancel.ts';
import { DisposableStore } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import { assertNever, fail, ok, type Result } from '../../../app/base/result.ts';
import {
  MAX_TERMINALS,
  TERMINAL_WINDOW_BYTES,
  type TerminalChunk,
  type TerminalInfo,
  type TerminalService,
  type TerminalSize,
  type TerminalState,
} from '../../../app/contract/terminal.ts';
import { PtyLink } from './pty-link.ts';
import type { PtyEvent } from './pty-protocol.ts';
import { chooseShell, shellEnvironment } from './shell.ts';

/** What of a terminal stays for readers who come late. */
const KEPT_BYTES = 1 << 20;
const GATHER_MS = 8;
/** Out of whatever a program left the terminal in: the alternate screen, a mode, a colour (DECSTR, DEC STD 070). */
const FRESH_LINE = '\x1b[?1047l\x1b[!p\r\n';

interface Held {
  info: TerminalInfo;
  readonly tape: ByteTape;
  readers: number;
  /** What some reader has shown. */
  acknowledged: number;
  paused: boolean;
}

interface Opening {
  readonly it: Held;
  /** A second shell in a terminal that is on the list. */
  readonly again: boolean;
  readonly settle: (outcome: Result<TerminalInfo>) => void;
}

export interface TerminalsOptions {
  /** Where shells start. */
  readonly directory: string;
  /** The bundle of pty-host-entry.ts. */
  readonly ptyHost: string;
  /** By default the person's own. */
  readonly shell?: string | undefined;
}

/** Shells in pseudo-terminals, which a process apart holds. */
export class Terminals implements TerminalService {
  readonly #options: TerminalsOptions;
  readonly #held = new Map<string, Held>();
  /** Shells that have been asked for and are not there yet, by terminal. */
  readonly #opening = new Map<string, Opening>();
  readonly #changed = new Emitter<readonly TerminalInfo[]>();
  readonly #owned = new DisposableStore();
  readonly #link: PtyLink;

  readonly onDidChange = this.#changed.event;

  constructor(options: TerminalsOptions) {
    this.#options = options;
    this.#link = this.#owned.add(new PtyLink(options.ptyHost));
    this.#owned.add(this.#link.onEvent((event) => this.#take(event)));
    this.#owned.add(this.#link.onDidEnd((why) => this.#lose(why)));
  }

  list(): readonly TerminalInfo[] {
    return [...this.#held.values()].map(({ info }) => info);
  }

  async create(size: TerminalSize, name?: string): Promise<Result<TerminalInfo>> {
    if (this.#held.size + this.#opening.size >= MAX_TERMINALS)
      return fail('too-many-terminals', `There are ${MAX_TERMINALS} terminals already.`, '', 'Close one of them.');
    const shell = this.#options.shell ?? chooseShell();
    const info: TerminalInfo = {
      id: `t${randomBytes(6).toString('hex')}`,
      name: name ?? basename(shell),
      shell,
      directory: this.#options.directory,
      startedAt: Date.now(),
      state: { phase: 'exited', code: null, signal: null },
    };
    return this.#open({ info, tape: new ByteTape(KEPT_BYTES), readers: 0, acknowledged: 0, paused: false }, size);
  }

  async restart(id: string, size: TerminalSize): Promise<Result<TerminalInfo>> {
    const it = this.#held.get(id);
    if (it === undefined) return noSuch(id);
    if (it.info.state.phase === 'running' || this.#opening.has(id))
      return fail('wrong-state', 'The shell of this terminal still runs.', '', 'End it, or open another terminal.');
    return this.#open(it, size);
  }

  write(id: string, text: string): Result<void> {
    return this.#withShell(id, () => this.#link.send({ op: 'write', id, text }));
  }

  resize(id: string, size: TerminalSize): Result<void> {
    return this.#withShell(id, () => this.#link.send({ op: 'resize', id, size }));
  }

  rename(id: string, name: string): Result<void> {
    const it = this.#held.get(id);
    if (it === undefined) return noSuch(id);
    it.info = { ...it.info, name };
    this.#announce();
    return ok();
  }

  kill(id: string): Result<void> {
    const it = this.#held.get(id);
    if (it === undefined) return noSuch(id);
    if (it.info.state.phase === 'running') this.#link.send({ op: 'kill', id });
    this.#held.delete(id);
    it.tape.finish();
    this.#announce();
    return ok();
  }

  async *output(id: string, from: number, { signal }: LongOperation = {}): AsyncGenerator<TerminalChunk> {
    const it = this.#held.get(id);
    if (it === undefined) return;
    // Whoever comes first gets all of the scrollback before the shell goes on.
    if (it.readers === 0) it.acknowledged = Math.max(it.acknowledged, it.tape.start, Math.min(from, it.tape.end));
    it.readers += 1;
    this.#flow(it);
    const before = it.tape.end;
    const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS));
    try {
      for await (const { offset, bytes } of it.tape.read(from, { signal, breathe }))
        yield { offset, data: Buffer.from(bytes).toString('base64'), replay: offset < before };
    } finally {
      it.readers -= 1;
      this.#flow(it);
    }
  }

  acknowledge(id: string, offset: number): void {
    const it = this.#held.get(id);
    if (it === undefined) return;
    it.acknowledged = Math.max(it.acknowledged, Math.min(offset, it.tape.end));
    this.#flow(it);
  }

  dispose(): void {
    for (const { tape } of this.#held.values()) tape.finish();
    this.#held.clear();
    for (const { settle } of this.#opening.values()) settle(fail('cancelled', 'The studio is closing.', '', ''));
    this.#opening.clear();
    this.#owned.dispose();
    this.#changed.dispose();
  }

  async #open(it: Held, size: TerminalSize): Promise<Result<TerminalInfo>> {
    const { id, shell, directory } = it.info;
    const again = this.#held.has(id);
    const opened = new Promise<Result<TerminalInfo>>((settle) => this.#opening.set(id, { it, again, settle }));
    const link = await this.#link.open();
    if (link.ok)
      this.#link.send({ op: 'open', id, file: shell, args: [], directory, environment: shellEnvironment(), size });
    else this.#settle(id, link);
    return opened;
  }

  #settle(id: string, outcome: Result<TerminalInfo>): void {
    this.#opening.get(id)?.settle(outcome);
    this.#opening.delete(id);
  }

  #take(event: PtyEvent): void {
    switch (event.kind) {
      case 'ready':
      case 'unavailable':
        break;
      case 'opened':
        this.#opened(event.id, event.pid);
        break;
      case 'refused': {
        const shell = this.#opening.get(event.id)?.it.info.shell ?? 'the shell';
        const fix = 'Set SHELL to a shell that is installed.';
        this.#settle(event.id, fail('cannot-start-shell', `${shell} cannot be started.`, event.why, fix));
        break;
      }
      case 'data': {
        const it = this.#held.get(event.id);
        if (it === undefined) break;
        it.tape.append(Buffer.from(event.data, 'base64'));
        this.#flow(it);
        break;
      }
      case 'exit':
        this.#ended(event.id, { phase: 'exited', code: event.code, signal: event.signal });
        break;
      default:
        assertNever(event);
    }
  }

  #opened(id: string, pid: number): void {
    const opening = this.#opening.get(id);
    if (opening === undefined || (opening.again && !this.#held.has(id))) {
      // Closed while its shell was starting.
      this.#link.send({ op: 'kill', id });
      this.#settle(id, noSuch(id));
      return;
    }
    const { it, again } = opening;
    if (again) it.tape.append(Buffer.from(FRESH_LINE));
    it.paused = false;
    it.info = { ...it.info, startedAt: Date.now(), state: { phase: 'running', pid } };
    this.#held.set(id, it);
    this.#settle(id, ok(it.info));
    this.#announce();
    this.#flow(it);
  }

  #ended(id: string, state: TerminalState): void {
    const it = this.#held.get(id);
    if (it === undefined || it.info.state.phase === 'exited') return;
    it.info = { ...it.info, state };
    this.#announce();
  }

  /** The process that held the terminals is gone, and with it the shells. */
  #lose(why: string): void {
    for (const id of [...this.#opening.keys()])
      this.#settle(id, fail('no-terminal', 'The terminals have ended.', why, 'Open the terminal again.'));
    for (const id of [...this.#held.keys()]) this.#ended(id, { phase: 'exited', code: null, signal: null });
  }

  /** The shell waits while its readers are behind; without readers it does not. */
  #flow(it: Held): void {
    const paused = it.readers > 0 && it.tape.end - it.acknowledged > TERMINAL_WINDOW_BYTES;
    if (paused === it.paused || it.info.state.phase !== 'running') return;
    it.paused = paused;
    this.#link.send({ op: paused ? 'pause' : 'resume', id: it.info.id });
  }

  #withShell(id: string, act: () => void): Result<void> {
    const it = this.#held.get(id);
    if (it === undefined) return noSuch(id);
    if (it.info.state.phase !== 'running')
      return fail('shell-ended', 'The shell of this terminal has ended.', '', 'Start it again.');
    act();
    return ok();
  }

  #announce(): void {
    this.#changed.fire(this.list());
  }
}

function noSuch(id: string) {
  return fail('no-terminal', `There is no terminal ${id}.`, 'it was closed, or the service host was started anew', '');
}

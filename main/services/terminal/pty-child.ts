import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../../../app/base/result.ts';
import type { Pty, PtyModule } from './pty-module.ts';
import { LineCutter, type PtyCommand, PtyCommandSchema, type PtyEvent } from './pty-protocol.ts';
import { signalSession } from './session-processes.ts';

/** What a shell is given to put its things in order, after SIGHUP. */
const GRACE_MS = 500;

interface Held {
  readonly pty: Pty;
  paused: boolean;
  ended: boolean;
}

/** Holds pseudo-terminals for the process at the other end of stdin and stdout, and ends them all when that end is gone. */
export class PtyChild {
  readonly #module: PtyModule;
  readonly #output: Writable;
  readonly #exit: () => void;
  readonly #held = new Map<string, Held>();
  readonly #lines = new LineCutter();
  /** The reader of stdout is behind: every terminal waits. */
  #full = false;

  constructor(module: PtyModule, input: Readable, output: Writable, exit: () => void) {
    this.#module = module;
    this.#output = output;
    this.#exit = exit;
    input.on('data', (bytes: Buffer) => {
      for (const line of this.#lines.push(bytes)) this.#obey(PtyCommandSchema.parse(JSON.parse(line)));
    });
    input.on('end', () => this.#endAll());
    input.on('error', () => this.#endAll());
    // Without a reader there is nobody to say anything to; stdin's end follows.
    output.on('error', () => {});
    output.on('drain', () => {
      this.#full = false;
      for (const it of this.#held.values()) this.#flow(it);
    });
    this.#say({ kind: 'ready', module: module.name });
  }

  #say(event: PtyEvent): void {
    if (this.#output.write(`${JSON.stringify(event)}\n`) || this.#full) return;
    this.#full = true;
    for (const it of this.#held.values()) this.#flow(it);
  }

  #flow({ pty, paused, ended }: Held): void {
    if (ended) return;
    if (paused || this.#full) pty.pause();
    else pty.resume();
  }

  #obey(command: PtyCommand): void {
    if (command.op === 'open') {
      this.#open(command);
      return;
    }
    const it = this.#held.get(command.id);
    // A command that crossed the end of its shell on the way.
    if (it === undefined || it.ended) return;
    try {
      this.#act(it, command);
    } catch (thrown) {
      // The shell has ended and its `exit` is on the way: EBADF.
      process.stderr.write(`${command.op}: ${messageOf(thrown)}\n`);
    }
  }

  #act(it: Held, command: Exclude<PtyCommand, { op: 'open' }>): void {
    switch (command.op) {
      case 'write':
        it.pty.write(command.text);
        break;
      case 'resize':
        it.pty.resize(command.size.columns, command.size.rows);
        break;
      case 'kill':
        it.paused = false;
        this.#flow(it);
        this.#end(it.pty);
        break;
      default:
        it.paused = command.op === 'pause';
        this.#flow(it);
    }
  }

  #open({ id, file, args, directory, environment, size }: Extract<PtyCommand, { op: 'open' }>): void {
    let pty: Pty;
    try {
      pty = this.#module.spawn(file, args, { ...size, directory, environment });
    } catch (thrown) {
      this.#say({ kind: 'refused', id, why: messageOf(thrown) });
      return;
    }
    const held: Held = { pty, paused: false, ended: false };
    this.#held.set(id, held);
    this.#say({ kind: 'opened', id, pid: pty.pid });
    pty.onData((data) => this.#say({ kind: 'data', id, data: Buffer.from(data).toString('base64') }));
    pty.onExit(({ exitCode, signal }) => {
      held.ended = true;
      this.#held.delete(id);
      // As a terminal that is closed does: what its owner wants to outlive it, `nohup` keeps.
      signalSession(pty.pid, 'SIGHUP');
      const name = signalName(signal);
      this.#say({ kind: 'exit', id, code: name === null ? exitCode : null, signal: name });
    });
  }

  /** The shell and its jobs, the stopped ones included: politely, then not. */
  #end(pty: Pty): void {
    if (process.platform === 'win32') {
      pty.kill();
      return;
    }
    signalSession(pty.pid, 'SIGHUP');
    signalSession(pty.pid, 'SIGCONT');
    setTimeout(() => signalSession(pty.pid, 'SIGKILL'), GRACE_MS);
  }

  #endAll(): void {
    for (const { pty } of this.#held.values()) this.#end(pty);
    // After the timers of `#end`, which were set before this one and for as long.
    setTimeout(this.#exit, this.#held.size === 0 ? 0 : GRACE_MS);
    this.#held.clear();
  }
}

function signalName(signal: number | undefined): string | null {
  if (signal === undefined || signal === 0) return null;
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
}

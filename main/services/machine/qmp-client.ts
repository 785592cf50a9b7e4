import type { Duplex } from 'node:stream';
import type { Disposable } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { formatCommand, idAtEnd, LineSplitter, MAX_MESSAGE_CHARACTERS, parseQmp } from '../../../app/wire/qmp.ts';

export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  readonly command: string;
  readonly settle: (result: Result<unknown>) => void;
  readonly timer: NodeJS.Timeout;
}

/** Time that a command gets where the caller says nothing. */
const DEFAULT_TIMEOUT_MS = 5000;

/** A QMP connection. Commands may overlap; each has its own time limit. */
export class QmpClient implements Disposable {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #events = new Emitter<QmpEvent>();
  readonly #greeting: Promise<Result<string>>;
  #resolveGreeting: (greeting: Result<string>) => void = () => {};
  #closed = false;
  #corked = false;

  readonly onDidReceiveEvent = this.#events.event;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#greeting = new Promise((resolve) => {
      this.#resolveGreeting = resolve;
    });
    const lines = new LineSplitter(MAX_MESSAGE_CHARACTERS, (tail) => this.#refuse(tail));
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      try {
        for (const line of lines.push(text)) this.#receive(line);
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
    stream.on('error', (error) => this.#close(messageOf(error)));
    stream.on('close', () => this.#close('QEMU closed the connection'));
  }

  /** Waits for the greeting and takes the connection into command mode. Gives QEMU's version. */
  async negotiate(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Result<string>> {
    const timer = setTimeout(() => this.#resolveGreeting(timedOut('the greeting', timeoutMs)), timeoutMs);
    const greeting = await this.#greeting;
    clearTimeout(timer);
    if (!greeting.ok) return greeting;
    const capabilities = await this.execute('qmp_capabilities', undefined, timeoutMs);
    return capabilities.ok ? greeting : capabilities;
  }

  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    timeoutMs = DEFAULT_TIMEOUT_MS,
  ): Promise<Result<unknown>> {
    if (this.#closed) return Promise.resolve(closed(command, 'the connection is closed'));
    // The lowest that is free: QEMU reads a command byte by byte, at some 4 µs each, and so every digit counts.
    let id = 1;
    while (this.#pending.has(id)) id++;
    return new Promise((resolve) => {
      // An answer that comes too late must not be taken for another's: its number stays in use until then.
      const timer = setTimeout(() => resolve(timedOut(command, timeoutMs)), timeoutMs);
      this.#pending.set(id, { command, settle: resolve, timer });
      this.#write(formatCommand(command, args, id));
    });
  }

  /** A command of QEMU's human monitor; its output is text for people and differs between versions. */
  async monitor(line: string, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Result<string>> {
    const result = await this.execute('human-monitor-command', { 'command-line': line }, timeoutMs);
    return result.ok ? ok(String(result.value)) : result;
  }

  dispose(): void {
    this.#close('the connection was closed');
    this.#stream.destroy();
  }

  /** What is asked in one go goes out in one: each write wakes QEMU's thread, which costs more than what it carries. */
  #write(command: string): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(command);
  }

  #receive(line: string): void {
    const message = parseQmp(line);
    // One line that makes no sense is no reason to lose the machine: the command that it answered will time out.
    if (!message.ok) return;
    const it = message.value;
    if (it.kind === 'greeting') this.#resolveGreeting(ok(it.version));
    else if (it.kind === 'event') this.#events.fire({ name: it.name, data: it.data });
    else if (it.id !== null) {
      const pending = this.#pending.get(it.id);
      if (pending === undefined) return;
      this.#pending.delete(it.id);
      clearTimeout(pending.timer);
      pending.settle(
        it.kind === 'return'
          ? ok(it.value)
          : fail(
              'qmp-refused',
              `QEMU refused ${pending.command}.`,
              `${it.errorClass}: ${it.description}`,
              "Look at the machine's state; `ring0 ps` shows it.",
            ),
      );
    }
  }

  /** An answer that is longer than anybody wants to hold is one question's trouble, not the machine's. */
  #refuse(tail: string): void {
    const id = idAtEnd(tail);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.settle(
      fail(
        'answer-too-long',
        `QEMU's answer to ${pending.command} is too long.`,
        `more than ${MAX_MESSAGE_CHARACTERS} characters`,
        'Ask for less.',
      ),
    );
  }

  #close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#resolveGreeting(closed('the greeting', why));
    for (const { command, settle, timer } of this.#pending.values()) {
      clearTimeout(timer);
      settle(closed(command, why));
    }
    this.#pending.clear();
    this.#events.dispose();
  }
}

function timedOut(command: string, timeoutMs: number) {
  return fail(
    'qmp-timeout',
    `QEMU did not answer ${command}.`,
    `no answer within ${timeoutMs} ms`,
    'Stop the machine with `ring0 stop` and start it again.',
  );
}

function closed(command: string, why: string) {
  return fail('qmp-closed', `QEMU is gone; ${command} did not reach it.`, why, 'Start the machine again.');
}

import { connect, type Socket } from 'node:net';
import { Emitter } from '../../../app/base/event.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type ControlMessage,
  ControlMessageSchema,
  type ControlRequest,
  type Machine,
  type MachineInfo,
  type MachineState,
  type QueryArguments,
} from '../../../app/contract/index.ts';
import { queryTimeoutMs } from '../../../app/machine/query.ts';
import { isEnded, reduceMachine } from '../../../app/machine/state.ts';
import { formatJsonWithBigints, LineSplitter, parseJsonWithBigints } from '../../../app/wire/qmp.ts';
import { askRegisters } from './queries.ts';

const SCROLLBACK_BYTES = 1 << 20;
/** Stopping takes QEMU up to a few seconds. */
const REPLY_TIMEOUT_MS = 15_000;

type Hello = Extract<ControlMessage, { kind: 'hello' }>;

/** A machine of another terminal, seen through its owner's control socket. */
export class AttachedMachine implements Machine {
  readonly info: MachineInfo;
  readonly #socket: Socket;
  readonly #changed = new Emitter<MachineState>();
  readonly #serial = new Emitter<Uint8Array>();
  readonly #waiting = new Map<number, (result: Result<string>) => void>();
  #state: MachineState;
  #scrollback: Buffer;
  #nextId = 1;

  readonly onDidChangeState = this.#changed.event;
  readonly onDidReceiveSerial = this.#serial.event;

  private constructor(socket: Socket, hello: Hello) {
    this.#socket = socket;
    this.info = hello.info;
    this.#state = hello.state;
    this.#scrollback = Buffer.from(hello.scrollback, 'base64');
  }

  /** Connects and waits for the owner's greeting. */
  static connect(path: string, timeoutMs: number): Promise<Result<AttachedMachine>> {
    return new Promise((resolve) => {
      const socket = connect(path);
      let machine: AttachedMachine | undefined;
      const refuse = (why: string) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(
          fail(
            'owner-unreachable',
            "The machine's owner does not answer.",
            `${path}: ${why}`,
            'Look at the terminal that started it; `ring0 ps` cleans up after one that is gone.',
          ),
        );
      };
      const timer = setTimeout(() => refuse(`nothing within ${timeoutMs} ms`), timeoutMs);
      const lines = new LineSplitter();
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => {
        try {
          for (const line of lines.push(text)) {
            const message = ControlMessageSchema.parse(JSON.parse(line));
            if (machine !== undefined) machine.#receive(message);
            else if (message.kind === 'hello') {
              clearTimeout(timer);
              machine = new AttachedMachine(socket, message);
              resolve(ok(machine));
            }
          }
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(messageOf(error)));
        }
      });
      socket.on('error', (error) => refuse(messageOf(error)));
      socket.on('close', () => {
        if (machine === undefined) refuse('the connection was closed');
        else machine.#lost();
      });
    });
  }

  get state(): MachineState {
    return this.#state;
  }

  serialScrollback(): Uint8Array {
    return this.#scrollback;
  }

  writeSerial(bytes: Uint8Array): void {
    // Requests are bounded: a large paste goes in pieces.
    for (let at = 0; at < bytes.length; at += 32768) {
      this.#send({ op: 'write', data: Buffer.from(bytes.subarray(at, at + 32768)).toString('base64') });
    }
  }

  pause(): Promise<Result<void>> {
    return this.#perform('pause');
  }

  resume(): Promise<Result<void>> {
    return this.#perform('resume');
  }

  reset(): Promise<Result<void>> {
    return this.#perform('reset');
  }

  registers(): Promise<Result<string>> {
    return askRegisters(this);
  }

  async query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    const text = args === undefined ? null : formatJsonWithBigints(args);
    const id = this.#nextId++;
    const timeoutMs = queryTimeoutMs(command) + REPLY_TIMEOUT_MS;
    const answer = await this.#request({ op: 'query', id, command, arguments: text }, timeoutMs);
    if (!answer.ok) return answer;
    // A connection that ends answers every request with nothing.
    if (answer.value === '') return outOfReach();
    return ok(parseJsonWithBigints(answer.value));
  }

  stop(): Promise<Result<void>> {
    return this.#perform('stop');
  }

  waitForEnd(): Promise<MachineState> {
    return new Promise((resolve) => {
      const ended = (state: MachineState) => isEnded(state) || state.phase === 'crashed';
      if (ended(this.#state)) return resolve(this.#state);
      const subscription = this.#changed.event((state) => {
        if (!ended(state)) return;
        subscription.dispose();
        resolve(state);
      });
    });
  }

  dispose(): void {
    this.#socket.destroy();
  }

  #receive(message: ControlMessage): void {
    switch (message.kind) {
      case 'state':
        this.#state = message.state;
        this.#changed.fire(message.state);
        break;
      case 'serial': {
        const bytes = Buffer.from(message.data, 'base64');
        this.#scrollback = Buffer.concat([this.#scrollback, bytes]).subarray(-SCROLLBACK_BYTES);
        this.#serial.fire(bytes);
        break;
      }
      case 'reply': {
        const settle = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        settle?.(message.error === null ? ok(message.text) : { ok: false, error: message.error });
        break;
      }
      case 'hello':
        break;
    }
  }

  #lost(): void {
    const next = reduceMachine(this.#state, { kind: 'owner-lost' });
    const changed = next !== this.#state;
    this.#state = next;
    // `stop` is answered by the end of everything as often as by a reply.
    for (const settle of this.#waiting.values()) settle(ok(''));
    this.#waiting.clear();
    if (changed) this.#changed.fire(next);
    this.#changed.dispose();
    this.#serial.dispose();
  }

  #send(request: ControlRequest): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(request)}\n`);
  }

  async #perform(op: 'pause' | 'resume' | 'reset' | 'stop'): Promise<Result<void>> {
    const result = await this.#request({ op, id: this.#nextId++ });
    return result.ok ? ok() : result;
  }

  #request(
    request: Exclude<ControlRequest, { op: 'write' }>,
    timeoutMs: number = REPLY_TIMEOUT_MS,
  ): Promise<Result<string>> {
    if (this.#socket.destroyed) return Promise.resolve(outOfReach());
    const { op, id } = request;
    return new Promise((resolve) => {
      const timer = setTimeout(
        () =>
          settle(
            fail(
              'owner-timeout',
              `The machine's owner did not answer ${op}.`,
              `nothing within ${timeoutMs} ms`,
              'Look at the terminal that started it.',
            ),
          ),
        timeoutMs,
      );
      const settle = (result: Result<string>) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(result);
      };
      this.#waiting.set(id, settle);
      this.#send(request);
    });
  }
}

function outOfReach() {
  return fail(
    'owner-unreachable',
    'The machine is out of reach.',
    'the connection to its owner is closed',
    'Attach to it again.',
  );
}

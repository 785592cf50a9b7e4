import { createServer, type Server, type Socket } from 'node:net';
import { type Disposable, DisposableStore, toDisposable } from '../../../app/base/disposable.ts';
import { type AppError, assertNever, fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type ControlMessage,
  type ControlRequest,
  ControlRequestSchema,
  type Machine,
  type QueryArguments,
} from '../../../app/contract/index.ts';
import { MAX_ANSWER_CHARACTERS } from '../../../app/machine/query.ts';
import { formatJsonWithBigints, LineSplitter, parseJsonWithBigints } from '../../../app/wire/qmp.ts';

/** The longest request: 64 KiB of serial input in base64. */
const MAX_LINE = 96 * 1024;
/** A reader that does not read is let go before it costs memory. */
const MAX_BACKLOG = 8 << 20;

/** Lets other terminals of the same user watch and steer a machine. The directory's mode keeps everybody else out. */
export function serveControl(machine: Machine, path: string): Promise<Disposable> {
  const store = new DisposableStore();
  const server: Server = createServer((socket) => store.add(serveOne(machine, socket)));
  store.add(toDisposable(() => server.close()));
  // The machine is what keeps the owner alive, not this.
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(store));
  });
}

function serveOne(machine: Machine, socket: Socket): Disposable {
  const store = new DisposableStore();
  const send = (message: ControlMessage) => {
    if (socket.destroyed) return;
    if (socket.writableLength > MAX_BACKLOG) socket.destroy();
    else socket.write(`${JSON.stringify(message)}\n`);
  };
  const scrollback = Buffer.from(machine.serialScrollback()).toString('base64');
  send({ kind: 'hello', info: machine.info, state: machine.state, scrollback });
  store.add(machine.onDidChangeState((state) => send({ kind: 'state', state })));
  store.add(
    machine.onDidReceiveSerial((bytes) => send({ kind: 'serial', data: Buffer.from(bytes).toString('base64') })),
  );
  // The last state is to arrive before the end.
  store.add(toDisposable(() => socket.end()));
  socket.on('error', () => store.dispose());
  socket.on('close', () => store.dispose());
  const lines = new LineSplitter(MAX_LINE);
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    try {
      for (const line of lines.push(text)) {
        const request = ControlRequestSchema.parse(JSON.parse(line));
        void answer(machine, request).then((reply) => reply !== undefined && send(reply));
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    }
  });
  return store;
}

async function answer(machine: Machine, request: ControlRequest): Promise<ControlMessage | undefined> {
  if (request.op === 'write') {
    machine.writeSerial(Buffer.from(request.data, 'base64'));
    return undefined;
  }
  const result = request.op === 'query' ? await ask(machine, request) : await perform(machine, request.op);
  const error: AppError | null = result.ok ? null : result.error;
  return { kind: 'reply', id: request.id, error, text: result.ok ? (result.value ?? '') : '' };
}

async function ask(machine: Machine, request: Extract<ControlRequest, { op: 'query' }>): Promise<Result<string>> {
  let args: QueryArguments | undefined;
  try {
    const parsed: unknown = request.arguments === null ? undefined : parseJsonWithBigints(request.arguments);
    args = typeof parsed === 'object' && parsed !== null ? (parsed as QueryArguments) : undefined;
  } catch (error) {
    return fail('bad-request', 'The question cannot be read.', messageOf(error), 'Attach again.');
  }
  const answer = await machine.query(request.command, args);
  if (!answer.ok) return answer;
  const text = formatJsonWithBigints(answer.value ?? null);
  return text.length <= MAX_ANSWER_CHARACTERS
    ? ok(text)
    : fail(
        'answer-too-long',
        `QEMU's answer to ${request.command} is too long.`,
        `${text.length} characters, at most ${MAX_ANSWER_CHARACTERS}`,
        'Ask for less.',
      );
}

function perform(machine: Machine, op: Exclude<ControlRequest['op'], 'write' | 'query'>): Promise<Result<void>> {
  switch (op) {
    case 'pause':
      return machine.pause();
    case 'resume':
      return machine.resume();
    case 'reset':
      return machine.reset();
    case 'stop':
      return machine.stop();
    default:
      return assertNever(op);
  }
}

/** What comes from a disk or a client may be anything. The kernel says what is wrong, and goes on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, type TestMachine } from '../support/lab.ts';
import { needSharedFile } from '../support/project.ts';

const lab = new Lab();
const scratch = mkdtempSync(join(tmpdir(), 'ring0-hostile-'));
afterAll(() => {
  lab.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

/** A GGUF header of version 3 with these counts, and what follows. */
function gguf(version: number, tensors: bigint, keys: bigint, rest: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(24);
  header.write('GGUF', 0, 'latin1');
  header.writeUInt32LE(version, 4);
  header.writeBigUInt64LE(tensors, 8);
  header.writeBigUInt64LE(keys, 16);
  // A disk is made of sectors.
  return Buffer.concat([header, rest, Buffer.alloc(8192)]);
}

const key = (name: string, type: number, value: Uint8Array) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(name.length));
  const kind = Buffer.alloc(4);
  kind.writeUInt32LE(type);
  return Buffer.concat([length, Buffer.from(name, 'latin1'), kind, value]);
};

/** A connection that is kept. */
class Client {
  readonly #socket: Socket;
  #received = '';
  #look: () => void = () => {};

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => {
      this.#received += text;
      this.#look();
    });
  }

  /** One request. @returns the whole answer, which must have a length */
  async get(path: string): Promise<string> {
    this.#received = '';
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    return await new Promise((resolve, reject) => {
      this.#socket.once('close', () => reject(new Error(`closed after: ${this.#received}`)));
      this.#look = () => {
        const [head, body] = this.#received.split('\r\n\r\n', 2);
        const length = /content-length: (\d+)/i.exec(head ?? '')?.[1];
        if (length !== undefined && body !== undefined && body.length >= Number(length)) resolve(this.#received);
      };
      this.#look();
    });
  }

  dispose(): void {
    this.#socket.destroy();
  }
}

describe('a bad model disk', () => {
  /** Boots with it; the error must name a byte offset, and the kernel must live on with 503. */
  async function refuses(modelPath: string, rule: RegExp): Promise<void> {
    const machine = await lab.start({ modelPath });
    await machine.waitForSerial(/ring0> $/);
    const complaint = machine
      .serial()
      .split('\n')
      .filter((line) => /offset/i.test(line))
      .join('\n');
    expect(complaint).toMatch(/offset (0x[0-9a-f]+|\d+)/i);
    expect(complaint).toMatch(rule);
    await machine.waitForSerial(/ring0: serving http/);
    const { status, body } = await machine.request('/v1/completions', { prompt: 'x', max_tokens: 1 });
    expect(status).toBe(503);
    expect(body).toMatchObject({ error: { message: expect.any(String) } });
    expect(await machine.shell('info')).not.toBe('');
    expect(await machine.stop()).toBe(true);
  }

  it.each([
    ['of an unknown version', gguf(99, 0n, 0n), /version/i],
    ['with 2^63 tensors', gguf(3, 1n << 63n, 0n), /tensor/i],
    ['with 2^63 keys', gguf(3, 0n, 1n << 63n), /key|metadata/i],
    ['whose key is 2^40 bytes long', gguf(3, 0n, 1n, Buffer.from([0, 0, 0, 0, 0, 1, 0, 0])), /string|key|long|length/i],
    ['whose value has an unknown type', gguf(3, 0n, 1n, key('general.architecture', 77, Buffer.alloc(8))), /type/i],
  ])('%s', async (title, bytes, rule) => {
    const path = join(scratch, `${title.replaceAll(/[^a-z0-9]+/gi, '-')}.gguf`);
    writeFileSync(path, bytes);
    await refuses(path, rule);
  });

  it('that another project made, and llama.cpp refuses too', async (context) => {
    await refuses(needSharedFile(context, 'seed-test-model.gguf'), /./);
  });

  it('that is no model at all is no error: the disk just holds none', async () => {
    const path = join(scratch, 'zeros.img');
    writeFileSync(path, Buffer.alloc(65536));
    const machine = await lab.start({ modelPath: path });
    await machine.waitForSerial(/ring0> $/);
    expect(machine.serial()).not.toMatch(/PANIC|EXCEPTION/);
    expect((await machine.request('/v1/completions', { prompt: 'x' })).status).toBe(503);
    expect(await machine.stop()).toBe(true);
  });
});

describe('a bad client', () => {
  let machine: TestMachine;
  beforeAll(async () => {
    machine = await lab.boot();
  });

  /** Sends bytes, perhaps piece by piece, and collects the answer until the guest closes or nothing more comes. */
  function send(pieces: readonly (string | Uint8Array)[], end: 'wait' | 'reset' = 'wait'): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(machine.apiUrl).port), '127.0.0.1');
      const received: Buffer[] = [];
      const finish = () => {
        socket.destroy();
        resolve(Buffer.concat(received).toString('latin1'));
      };
      socket.setNoDelay(true);
      socket.on('data', (chunk) => received.push(chunk));
      socket.on('close', finish);
      socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? reject(error) : finish()));
      socket.setTimeout(1500, finish);
      for (const piece of pieces) socket.write(piece);
      if (end === 'reset') socket.resetAndDestroy();
    });
  }

  const post = (headers: string, body: string) =>
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`;

  it.each([
    ['garbage', ['\x00\xff\x16\x03\x01 nonsense\r\n\r\n'], /^HTTP\/1\.1 400 /],
    ['a method without end', ['A'.repeat(100_000)], /^HTTP\/1\.1 4\d\d /],
    ['headers without end', [`GET / HTTP/1.1\r\n${'x-y: z\r\n'.repeat(20_000)}`], /^HTTP\/1\.1 (400|413|431) /],
    ['a negative length', [post('content-length: -1', '{}')], /^HTTP\/1\.1 400 /],
    ['a length beyond all memory', [post('content-length: 99999999999999999999', '{}')], /^HTTP\/1\.1 4(00|13) /],
    ['two lengths that differ', [post('content-length: 2\r\ncontent-length: 3', '{}')], /^HTTP\/1\.1 400 /],
    ['a chunk size that is none', [post('transfer-encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n')], /^HTTP\/1\.1 400 /],
    ['JSON that ends early', [post('content-length: 9', '{"prompt"')], /^HTTP\/1\.1 400 /],
    ['JSON nested 50,000 deep', [post('content-length: 50000', '['.repeat(50_000))], /^HTTP\/1\.1 4\d\d /],
    [
      'a request in single bytes',
      [...'GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
      /^HTTP\/1\.1 200 /,
    ],
  ] as const)('%s gets an answer that fits', async (_title, pieces, expected) => {
    expect(await send(pieces)).toMatch(expected);
  });

  it('that resets its connection in the middle leaves its slot to others', async () => {
    const request = post(
      'content-length: 78',
      '{"prompt": "Once upon a time", "max_tokens": 200, "stream": true}             ',
    );
    await Promise.all(Array.from({ length: 8 }, () => send([request], 'reset')));
    const { status } = await machine.request('/v1/completions', { prompt: 'Once', max_tokens: 2 });
    expect(status).toBe(200);
  });

  it('of whom there are forty at once is served with all the others', async () => {
    // One after the other until each is through: QEMU's user network listens with a backlog of one, and what the host's kernel drops
    // beside it never reaches the guest (a burst then waits for the host's retransmissions, which may take a minute).
    const clients: Client[] = [];
    for (let n = 0; n < 40; n += 1) {
      const client = new Client(Number(new URL(machine.apiUrl).port));
      expect(await client.get('/health'), `connection ${n}`).toMatch(/^HTTP\/1\.1 200 /);
      clients.push(client);
    }
    const answers = await Promise.all(clients.map((client) => client.get('/v1/models')));
    for (const client of clients) client.dispose();
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 200 '))).toHaveLength(40);
  });

  it('that closes its own direction after the request gets the answer all the same', async () => {
    const body = '{"prompt": "Once upon a time", "max_tokens": 60}';
    const request = post(`content-length: ${body.length}`, body);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port: Number(new URL(machine.apiUrl).port), host: '127.0.0.1', allowHalfOpen: true });
      const received: Buffer[] = [];
      socket.on('data', (chunk) => received.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(received).toString('latin1')));
      socket.end(request);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('"completion_tokens":60');
  });

  it('has not hurt the kernel', async () => {
    expect(machine.serial()).not.toMatch(/PANIC|EXCEPTION/);
    expect((await machine.request('/health')).status).toBe(200);
    expect(await machine.shell('info')).not.toBe('');
    expect(await machine.stop()).toBe(true);
  });
});

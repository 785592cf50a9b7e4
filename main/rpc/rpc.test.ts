import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer, WebSocket as WsSocket } from 'ws';
import { checkedLink } from '../../app/contract/checked-link.ts';
import { type StudioClient, studioContract } from '../../app/contract/studio.ts';
import { bundlePtyHost } from '../../test/support/pty-host.ts';
import { portWire, serveWire, type Wire } from './serve.ts';
import { createStudio, type Studio } from './studio.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-rpc-'));
const workspace = join(folder, 'workspace');
const bugs: unknown[] = [];
let studio: Studio;

beforeAll(async () => {
  mkdirSync(join(workspace, 'src'), { recursive: true });
  writeFileSync(join(workspace, 'src', 'main.rs'), 'fn main() {}\n');
  const root = dirname(dirname(import.meta.dirname));
  const made = await createStudio({
    root,
    workspace,
    data: join(folder, 'data'),
    runRoot: join(folder, 'run'),
    ptyHost: await bundlePtyHost(folder),
  });
  if (!made.ok) throw new Error(made.error.what);
  studio = made.value;
});
afterEach(() => expect(bugs.splice(0)).toEqual([]));
afterAll(() => {
  studio.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Connection {
  readonly client: StudioClient;
  /** Breaks the connection, as a window does that is closed. */
  close(): Promise<void>;
  /** Sends what no client would. */
  sendRaw(data: string | Uint8Array): void;
}

async function overMessagePort(): Promise<Connection> {
  const { port1, port2 } = new MessageChannel();
  void serveWire(studio.router, portWire(port1), (bug) => bugs.push(bug));
  const link = checkedLink(new PortLink({ port: port2 }), studioContract);
  port2.start();
  return {
    client: createORPCClient(link),
    sendRaw: (data) => port2.postMessage(data),
    close: async () => {
      const closed = new Promise((resolve) => port1.once('close', resolve));
      port2.close();
      await closed;
    },
  };
}

async function overWebSocket(): Promise<Connection> {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', (socket) => {
    const wire: Wire = {
      send: (data) => new Promise<void>((resolve) => socket.send(data, () => resolve())),
      onMessage: (listener) => socket.on('message', (data, binary) => listener(binary ? (data as Buffer) : `${data}`)),
      onClose: (listener) => socket.on('close', listener),
    };
    void serveWire(studio.router, wire, (bug) => bugs.push(bug));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = new WsSocket(`ws://127.0.0.1:${address.port}`);
  const link = checkedLink(new SocketLink({ websocket: socket as unknown as WebSocket }), studioContract);
  await new Promise((resolve) => socket.once('open', resolve));
  return {
    client: createORPCClient(link),
    sendRaw: (data) => socket.send(data),
    close: async () => {
      const closed = new Promise((resolve) => server.on('close', resolve));
      socket.close();
      http.close();
      server.close();
      await closed;
    },
  };
}

describe.each([
  ['MessagePort', overMessagePort],
  ['WebSocket', overWebSocket],
])('over a %s', (name, connect) => {
  let connection: Connection;
  let client: StudioClient;
  const at = (file: string) => `${name}-${file}`;

  beforeAll(async () => {
    connection = await connect();
    client = connection.client;
  });
  afterAll(() => connection.close());

  test('a call with an answer', async () => {
    const info = await client.studio.info();
    expect(info).toMatchObject({ protocol: 1, hostPid: process.pid, workspace: { name: 'workspace' } });
  });

  test('expected failure is a value with code, reason and remedy', async () => {
    const read = await client.workspace.read({ path: 'nowhere.rs' });
    expect(read).toMatchObject({ ok: false, error: { code: 'no-such-file', what: 'nowhere.rs does not exist.' } });
  });

  test('input that the contract does not allow is refused before it reaches a service', async () => {
    for (const path of ['../outside', '/etc/passwd', 'a//b', 'a\0b', 'src/../..', 'x'.repeat(2000)])
      await expect(client.workspace.read({ path })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    // @ts-expect-error: a field that does not exist
    await expect(client.workspace.read({ path: 'src', force: true })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('a large text and every kind of character go there and back', async () => {
    const text = `${'é€😀\u2028"\\ '.repeat(100_000)}\n`;
    const written = await client.workspace.write({ path: at('large.txt'), text, expected: null });
    expect(written).toMatchObject({ ok: true, value: { kind: 'written' } });
    const read = await client.workspace.read({ path: at('large.txt') });
    expect(read.ok && read.value.kind === 'text' && read.value.text === text).toBe(true);
  });

  test('a stream begins with the state, goes on with changes, and ends when its reader leaves', async () => {
    const stream = await client.settings.watch();
    const first = await stream.next();
    expect(first.value).toMatchObject({ problems: [] });
    const fontSize = name === 'WebSocket' ? 20 : 21;
    await client.settings.set({ editorFontSize: fontSize });
    const second = await stream.next();
    expect(second.value).toMatchObject({ settings: { editorFontSize: fontSize } });
    await stream.return();
    expect((await stream.next()).done).toBe(true);
  });

  test('a signal ends a stream', async () => {
    const controller = new AbortController();
    const stream = await client.workspace.watch(undefined, { signal: controller.signal });
    expect((await stream.next()).value).toEqual({ kind: 'watching' });
    const next = stream.next();
    controller.abort();
    await expect(next).rejects.toThrow();
  });

  test('a search streams its matches and says how it ended', async () => {
    const kinds: string[] = [];
    for await (const event of await client.workspace.search({ pattern: 'fn main' })) kinds.push(event.kind);
    expect(kinds).toEqual(['matches', 'finished']);
  });

  test('state is kept by key; a bad key is refused', async () => {
    const layout = { grid: [1, { two: null }], name };
    expect(await client.state.put({ key: 'layout.edit', value: layout })).toEqual({ ok: true });
    expect(await client.state.get({ key: 'layout.edit' })).toEqual({ value: layout });
    await expect(client.state.get({ key: '../../secret' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('nothing to boot, nobody there: said as values', async () => {
    const events = [];
    for await (const event of await client.machines.start({ profile: 'direct' })) events.push(event);
    expect(events).toMatchObject([{ kind: 'failed', error: { code: 'not-built' } }]);
    expect(await client.machines.stop({ id: 'direct-000000' })).toMatchObject({
      ok: false,
      error: { code: 'no-machine' },
    });
    const serial = [];
    for await (const chunk of await client.machines.serial({ id: 'direct-000000' })) serial.push(chunk);
    expect(serial).toEqual([{ offset: 0, data: '', ended: true }]);
  });

  test('a shell: typed at, read, gone on with from where one was, ended', async () => {
    const made = await client.terminals.create({ size: { columns: 90, rows: 20 }, name: at('shell') });
    if (!made.ok) throw new Error(made.error.why);
    const { id } = made.value;
    const listed = await client.terminals.watch();
    expect((await listed.next()).value).toContainEqual(made.value);
    await client.terminals.write({ id, text: 'pwd; stty size\r' });
    let shown = '';
    let offset = 0;
    const read = async (until: RegExp) => {
      for await (const chunk of await client.terminals.output({ id, from: offset })) {
        expect(chunk.offset).toBe(offset);
        shown += Buffer.from(chunk.data, 'base64').toString('utf8');
        offset += Buffer.from(chunk.data, 'base64').length;
        await client.terminals.acknowledge({ id, offset });
        if (until.test(shown)) return;
      }
    };
    await read(/20 90/);
    expect(shown).toContain(workspace);
    await client.terminals.write({ id, text: 'echo again-$((1+1))\r' });
    await read(/again-2/);
    const rest = await client.terminals.output({ id, from: offset });
    expect(await client.terminals.kill({ id })).toEqual({ ok: true });
    // Its end ends the streams of it.
    for await (const _ of rest);
    expect((await listed.next()).value).toEqual([]);
    await listed.return();
    expect(await client.terminals.write({ id, text: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'no-terminal' },
    });
    const size = { columns: 1e6, rows: 20 };
    await expect(client.terminals.create({ size })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('messages that are none do no harm', async () => {
    const silenced = console.error;
    console.error = () => {};
    try {
      for (const raw of [
        '',
        'null',
        '{',
        '[]',
        '{"i":1,"p":{"u":"/no/such"}}',
        '{"i":2,"p":null}',
        new Uint8Array([255, 1]),
      ])
        connection.sendRaw(raw);
      expect((await client.studio.info()).protocol).toBe(1);
    } finally {
      console.error = silenced;
    }
  });

  test('a connection that breaks ends its streams in the host', async () => {
    const doomed = await connect();
    const stream = await doomed.client.workspace.watch();
    expect((await stream.next()).value).toEqual({ kind: 'watching' });
    const next = stream.next().then(
      () => 'a value',
      () => 'an error',
    );
    await doomed.close();
    if (name === 'WebSocket') expect(await next).toBe('an error');
    // The host is unharmed, and others go on.
    expect((await client.studio.info()).protocol).toBe(1);
  });
});

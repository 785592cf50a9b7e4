/** `ring0 studio` as the page uses it: the whole main job over the contract, and what happens when the host dies in the middle of it. */
import { existsSync, readFileSync } from 'node:fs';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { ResponseValidationPlugin } from '@orpc/contract/plugins';
import { afterAll, expect, it } from 'vitest';
import { WebSocket as WsSocket } from 'ws';
import type { BuildEvent, ChatEvent, ReadyEvent } from '../../app/contract/index.ts';
import {
  type MachineStartEvent,
  type SerialChunk,
  type StudioClient,
  type StudioMachine,
  studioContract,
} from '../../app/contract/studio.ts';
import { CommandLine, type Running } from '../support/command-line.ts';
import { expectOk, isAlive } from '../support/lab.ts';

const shell = new CommandLine();
afterAll(() => shell.dispose());

interface Host {
  readonly running: Running;
  readonly url: URL;
  readonly token: string;
  readonly hostId: string;
}

async function startHost(args: readonly string[] = [], session: 'ours' | 'own' = 'ours'): Promise<Host> {
  const command = ['studio', '--no-open', '--json', ...args];
  const running = session === 'own' ? shell.startSession(command) : shell.start(command);
  const [line] = await running.waitFor(/^\{"event":"ready".*\}$/m);
  const { url, token, hostId } = JSON.parse(line) as { url: string; token: string; hostId: string };
  return { running, url: new URL(url), token, hostId };
}

async function connect({ url, token }: Host): Promise<{ client: StudioClient; close: () => void }> {
  const socket = new WsSocket(`ws://${url.host}/rpc?token=${token}`, { headers: { origin: url.origin } });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const plugins = [new ResponseValidationPlugin(studioContract)];
  const link = new RPCLink({ websocket: socket as unknown as WebSocket, plugins });
  return { client: createORPCClient(link), close: () => socket.terminate() };
}

async function all<T>(stream: Promise<AsyncIterable<T>>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of await stream) events.push(event);
  return events;
}

/** Builds, boots the demo model, and waits until it can be talked to. */
async function boot(client: StudioClient): Promise<StudioMachine> {
  const built: BuildEvent[] = await all(client.build.run());
  expect(built.at(-1)).toMatchObject({ kind: 'finished' });
  const started: MachineStartEvent[] = await all(client.machines.start({ profile: 'direct', accelerator: 'tcg' }));
  const last = started.at(-1);
  if (last?.kind !== 'started') throw new Error(JSON.stringify(last));
  const ready: ReadyEvent[] = await all(client.chat.ready({ id: last.machine.info.id }));
  expect(ready.at(-1)).toMatchObject({ kind: 'ready' });
  return last.machine;
}

it('builds, boots, types at the serial port, chats, inspects and stops', async () => {
  const host = await startHost();
  const page = await fetch(host.url);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect((await fetch(host.url.origin)).status).toBe(401);

  const { client, close } = await connect(host);
  const { info } = await boot(client);
  const { id } = info;
  expect(await client.build.status()).toMatchObject({ phase: 'succeeded', number: 1 });

  // Two readers of the console; the second comes late and asks from where the first one is.
  const serial = await client.machines.serial({ id });
  let text = '';
  let position = 0;
  const readUntil = async (wanted: RegExp) => {
    while (!wanted.test(text)) {
      const { value } = (await serial.next()) as { value: SerialChunk };
      expect(value).toMatchObject({ offset: position, ended: false });
      const bytes = Buffer.from(value.data, 'base64');
      position += bytes.length;
      text += bytes.toString('utf8');
    }
  };
  await readUntil(/ring0: shell ready/);
  expect(await client.machines.serialWrite({ id, text: 'info\r' })).toEqual({ ok: true });
  await readUntil(/info\r?\n[\s\S]*ring0> $/);
  const late = await client.machines.serial({ id, from: position - 10 });
  const { value } = (await late.next()) as { value: SerialChunk };
  expect(value.offset).toBe(position - 10);
  await late.return();

  const answered: ChatEvent[] = await all(
    client.chat.chat({
      id,
      request: { messages: [{ role: 'user', content: 'Hello!' }], maxTokens: 8, temperature: 0 },
    }),
  );
  expect(answered.at(-1)).toMatchObject({ kind: 'finished' });
  expect(expectOk(await client.chat.models({ id }))).toHaveLength(1);
  expect(expectOk(await client.inspect.boot({ id })).phases.length).toBeGreaterThan(3);
  expect(expectOk(await client.machines.registers({ id })).processors[0]?.values).toHaveProperty('rip');

  const watched = await client.machines.watch();
  expect(((await watched.next()) as { value: StudioMachine[] }).value).toMatchObject([{ own: true, info: { id } }]);
  expect(await client.machines.stop({ id })).toEqual({ ok: true });
  for (let phase = ''; phase !== 'stopped'; ) {
    const { value: machines } = (await watched.next()) as { value: StudioMachine[] };
    phase = machines[0]?.state.phase ?? '';
  }
  const rest: SerialChunk[] = [];
  for await (const chunk of serial) rest.push(chunk);
  expect(rest.at(-1)?.ended).toBe(true);
  expect(isAlive(info.qemuPid)).toBe(false);
  close();
  host.running.signal('SIGINT');
  expect(await host.running.end()).toMatchObject({ code: 0 });
});

it('a host that is killed leaves no QEMU; another one on the same port and key goes on with what was typed', async () => {
  const first = await startHost();
  const connection = await connect(first);
  const { info } = await boot(connection.client);
  expect(await connection.client.backups.put({ path: 'a.rs', text: 'unsaved', etag: null })).toEqual({ ok: true });
  const request = { messages: [{ role: 'user' as const, content: 'Tell me a story.' }], maxTokens: 200 };
  const stream = await connection.client.chat.chat({ id: info.id, request });
  await stream.next();
  first.running.signal('SIGKILL');
  await first.running.end();
  // The stream breaks, it does not hang.
  await expect(
    (async () => {
      for await (const _ of stream);
    })(),
  ).rejects.toThrow();
  await expect.poll(() => isAlive(info.qemuPid), { timeout: 20_000 }).toBe(false);

  const second = await startHost(['--port', first.url.port, '--token', first.token]);
  expect([second.url.href, second.hostId === first.hostId]).toEqual([first.url.href, false]);
  const { client, close } = await connect(second);
  expect(await client.backups.list()).toMatchObject([{ path: 'a.rs', text: 'unsaved' }]);
  expect(await client.machines.list()).toEqual([]);
  close();
  second.running.signal('SIGTERM');
  expect(await second.running.end()).toMatchObject({ code: 143 });
});

it('gives way to a machine while it is watched', async (context) => {
  if (!existsSync('/proc/self/autogroup'))
    context.skip('this kernel shares no processors between sessions (autogroup)');
  const host = await startHost([], 'own');
  const { client, close } = await connect(host);
  const { info } = await boot(client);
  const nice = (pid: number) => Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1]);
  const { hostPid } = await client.studio.info();
  expect(nice(hostPid)).toBe(0);
  const watched = await client.inspect.watch({ id: info.id, look: { of: 'cpu' }, pace: 10 });
  expect((await watched.next()).value).toMatchObject({ kind: 'whole' });
  expect([nice(hostPid), nice(info.qemuPid)]).toEqual([19, 0]);
  await watched.return();
  await expect.poll(() => nice(hostPid), { timeout: 5000 }).toBe(0);
  close();
  host.running.signal('SIGINT');
  expect(await host.running.end()).toMatchObject({ code: 0 });
});

it('Ctrl-C ends the machines too', async () => {
  const host = await startHost();
  const { client } = await connect(host);
  const { info } = await boot(client);
  expect(isAlive(info.qemuPid)).toBe(true);
  host.running.signal('SIGINT');
  expect(await host.running.end()).toMatchObject({ code: 0 });
  expect(isAlive(info.qemuPid)).toBe(false);
});

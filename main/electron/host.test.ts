/** The service host, which needs no Electron: over a channel of Node's, with what Electron would send it. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import type { StudioClient } from '../../app/contract/studio.ts';
import type { PortLike } from '../rpc/serve.ts';
import { runHost } from './host.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-electron-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('answers over a port that came before it was ready', async () => {
  const parent = new EventEmitter();
  const { port1, port2 } = new MessageChannel();
  const root = dirname(dirname(import.meta.dirname));
  process.env.RING0_STUDIO_DATA = join(folder, 'data');
  const options = { root, workspace: folder, ptyHost: join(folder, 'pty-host.mjs'), version: '9.9.9' };
  const running = runHost([JSON.stringify(options)], parent, (why) => expect.unreachable(why));
  parent.emit('message', { data: { kind: 'port' }, ports: [port1 as PortLike] });
  const client: StudioClient = createORPCClient(new RPCLink({ port: port2 }));
  port2.start();
  const end = await running;
  expect(await client.studio.info()).toMatchObject({ workspace: { root: folder }, version: '9.9.9' });
  const failures: string[] = [];
  const nowhere = JSON.stringify({ ...options, workspace: join(folder, 'none') });
  for (const text of [nowhere, '{}']) await runHost([text], new EventEmitter(), (why) => failures.push(why));
  expect(failures).toEqual([expect.stringContaining('does not exist'), expect.stringContaining('not told')]);
  // What a page says last is done before the end, though nobody waits for the answer.
  void client.state.put({ key: 'electron.test', value: 'last words' }).catch(() => {});
  setImmediate(() => port2.close());
  await end?.();
  const kept = readdirSync(join(folder, 'data'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFileSync(join(folder, 'data', name), 'utf8'));
  expect(kept.join('')).toContain('last words');
  delete process.env.RING0_STUDIO_DATA;
});

test('a page that never closes its port is waited for 2.5 s, and then no longer', async () => {
  const parent = new EventEmitter();
  process.env.RING0_STUDIO_DATA = join(folder, 'open');
  const root = dirname(dirname(import.meta.dirname));
  const options = { root, workspace: folder, ptyHost: join(folder, 'pty-host.mjs'), version: '9.9.9' };
  const end = await runHost([JSON.stringify(options)], parent, (why) => expect.unreachable(why));
  const hung = Object.assign(new EventEmitter(), { postMessage: vi.fn(), start: vi.fn(), close: vi.fn() });
  parent.emit('message', { data: { kind: 'port' }, ports: [hung as PortLike] });
  expect(hung.start).toHaveBeenCalledOnce();
  onTestFinished(() => void vi.useRealTimers());
  // Only this clock: what the services do when they end is real.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const ended = vi.fn();
  void end?.().then(ended);
  await vi.advanceTimersByTimeAsync(2499);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toHaveBeenCalledOnce();
  delete process.env.RING0_STUDIO_DATA;
});

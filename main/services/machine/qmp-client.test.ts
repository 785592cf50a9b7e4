import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { QmpClient, type QmpEvent } from './qmp-client.ts';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}\r\n';

let folder: string;
let server: Server;
let peer: Promise<Socket>;
let client: QmpClient;
/** Answers of the fake QEMU by command; none means silence. */
const answers: Record<string, string> = {
  qmp_capabilities: '"return": {}',
  'query-status': '"return": {"status": "running", "address": 18446744073709551615}',
  'query-long': `"return": "${'x'.repeat(17 << 20)}"`,
  cont: '"error": {"class": "GenericError", "desc": "Resetting the Virtual Machine is required"}',
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-qmp-'));
  const path = join(folder, 's');
  peer = new Promise((resolve) => {
    server = createServer((socket) => {
      socket.write(GREETING);
      socket.on('data', (data) => {
        for (const line of data.toString().trim().split('\n')) {
          const { execute, id } = JSON.parse(line) as { execute: string; id: number };
          if (answers[execute] !== undefined) socket.write(`{${answers[execute]}, "id": ${id}}\r\n`);
        }
      });
      resolve(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  client = new QmpClient(connect(path));
});

afterEach(() => {
  client.dispose();
  server.close();
  rmSync(folder, { recursive: true });
});

test('greets, answers, refuses, keeps 64-bit integers', async () => {
  expect(await client.negotiate()).toEqual({ ok: true, value: '7.2.22' });
  const [status, cont] = await Promise.all([client.execute('query-status'), client.execute('cont')]);
  expect(status).toEqual({ ok: true, value: { status: 'running', address: 0xffff_ffff_ffff_ffffn } });
  expect(cont).toMatchObject({
    ok: false,
    error: { code: 'qmp-refused', why: 'GenericError: Resetting the Virtual Machine is required' },
  });
});

test('silence ends in an error, and a late answer harms nobody', async () => {
  await client.negotiate();
  expect(await client.execute('system_reset', undefined, 20)).toMatchObject({
    ok: false,
    error: { code: 'qmp-timeout' },
  });
  // Numbers are used again, but not one whose answer may still come.
  const status = client.execute('query-status');
  (await peer).write('{"return": {"late": true}, "id": 1}\r\n{"return": {}, "id": 99}\r\nnonsense\r\n');
  expect(await status).toMatchObject({ ok: true, value: { status: 'running' } });
});

test('events are delivered; a lost connection settles what waits', async () => {
  await client.negotiate();
  const events: QmpEvent[] = [];
  client.onDidReceiveEvent((event) => events.push(event));
  const waiting = client.execute('system_reset');
  const socket = await peer;
  socket.end(
    '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}, "timestamp": {"seconds": 1, "microseconds": 2}}\r\n',
  );
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'qmp-closed' } });
  expect(events).toEqual([{ name: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } }]);
  expect(await client.execute('cont')).toMatchObject({ ok: false, error: { code: 'qmp-closed' } });
});

test('an answer that is too long fails its question alone', async () => {
  expect((await client.negotiate()).ok).toBe(true);
  const [long, next] = await Promise.all([
    client.execute('query-long', undefined, 60_000),
    client.execute('query-status'),
  ]);
  expect(long).toMatchObject({ ok: false, error: { code: 'answer-too-long' } });
  expect(next).toMatchObject({ ok: true });
  expect((await client.execute('query-status')).ok).toBe(true);
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket as WsSocket } from 'ws';
import type { StudioClient } from '../../app/contract/studio.ts';
import { createStudio, type Studio } from '../rpc/studio.ts';
import { type StudioServer, startStudioServer } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-server-'));
const directory = join(folder, 'page');
const root = dirname(dirname(import.meta.dirname));
let studio: Studio;
let server: StudioServer;

async function start(options: { port?: number; token?: string } = {}): Promise<StudioServer> {
  const started = await startStudioServer({
    router: studio.router,
    directory,
    port: options.port ?? 0,
    token: options.token,
    reportBug: (bug) => {
      throw bug;
    },
  });
  if (!started.ok) throw new Error(started.error.why);
  return started.value;
}

beforeAll(async () => {
  mkdirSync(join(directory, 'assets'), { recursive: true });
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(directory, 'assets', 'main-abcdef12.js'), 'export {};');
  writeFileSync(join(directory, '.hidden.json'), '{}');
  writeFileSync(join(directory, 'strange.exe'), 'MZ');
  writeFileSync(join(folder, 'secret.json'), '{"secret":true}');
  symlinkSync(join(folder, 'secret.json'), join(directory, 'link.json'));
  mkdirSync(join(folder, 'workspace'));
  const made = await createStudio({
    root,
    workspace: join(folder, 'workspace'),
    data: join(folder, 'data'),
    runRoot: join(folder, 'run'),
  });
  if (!made.ok) throw new Error(made.error.what);
  studio = made.value;
  server = await start();
});

afterAll(() => {
  server.dispose();
  studio.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request whose path and headers go out exactly as they are. */
function get(path: string, headers: Record<string, string> = {}, options: { method?: string; host?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(
      { host: options.host ?? '127.0.0.1', port: server.port, path, method: options.method ?? 'GET', headers },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

const withToken = (path: string) => `${path}?token=${server.token}`;

/** The status with which a WebSocket is refused, or 101. */
function upgrade(path: string, headers: Record<string, string | undefined> = {}): Promise<number> {
  const origin = `http://127.0.0.1:${server.port}`;
  return new Promise((resolve) => {
    const socket = new WsSocket(`ws://127.0.0.1:${server.port}${path}`, {
      headers: Object.fromEntries(
        Object.entries({ origin, ...headers }).filter((it): it is [string, string] => it[1] !== undefined),
      ),
    });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    socket.on('error', () => {});
  });
}

describe('the key', () => {
  test('without it, or with a wrong one, there is nothing', async () => {
    const wrong = `${server.token.slice(0, -1)}${server.token.endsWith('A') ? 'B' : 'A'}`;
    for (const path of [
      '/',
      '/assets/main-abcdef12.js',
      '/?token=',
      `/?token=${wrong}`,
      '/?token=%00',
      `/?TOKEN=${server.token}`,
    ]) {
      const answer = await get(path);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.body).not.toContain('page');
    }
    expect(await upgrade('/rpc')).toBe(401);
    expect(await upgrade(`/rpc?token=${wrong}`)).toBe(401);
  });

  test('with it comes the page, and a cookie that no script and no other site can use', async () => {
    const page = await get(withToken('/'));
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>page</title>' });
    const [cookie = ''] = page.headers['set-cookie'] ?? [];
    expect(cookie).toContain('; HttpOnly');
    expect(cookie).toContain('; SameSite=Strict');
    const [pair = ''] = cookie.split(';');
    expect((await get('/assets/main-abcdef12.js', { cookie: `other=1; ${pair}` })).status).toBe(200);
    expect((await get('/', { cookie: pair.slice(0, -3) })).status).toBe(401);
    expect(await upgrade('/rpc', { cookie: pair })).toBe(101);
    expect(await upgrade(`/rpc?token=${server.token}`)).toBe(101);
  });
});

describe('the Host header', () => {
  test.each([
    'evil.example',
    `evil.example:1`,
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    'localhost.',
  ])('%j is refused: a foreign name may have been made to point here', async (host) => {
    expect((await get(withToken('/'), { host })).status).toBe(421);
    expect(await upgrade(`/rpc?token=${server.token}`, { host, origin: `http://${host}` })).toBe(421);
  });

  test('loopback names are taken, with the port of a tunnel too', async () => {
    for (const host of [`localhost:${server.port}`, `[::1]:${server.port}`, '127.0.0.1:9999', 'localhost'])
      expect([host, (await get(withToken('/'), { host })).status]).toEqual([host, 200]);
    const tunnel = { host: 'localhost:9999', origin: 'http://localhost:9999' };
    expect(await upgrade(`/rpc?token=${server.token}`, tunnel)).toBe(101);
  });

  test('an address in the request line that names another host is refused', async () => {
    expect((await get(`http://evil.example/?token=${server.token}`)).status).toBe(400);
    expect((await get(`//evil.example/?token=${server.token}`)).status).toBe(400);
  });
});

describe('the Origin', () => {
  test('of another page is refused, the right key notwithstanding', async () => {
    const foreign = [
      'http://evil.example',
      'null',
      'https://127.0.0.1',
      `http://localhost:${server.port}`,
      'http://127.0.0.1:1',
    ];
    for (const origin of foreign) {
      expect([origin, (await get(withToken('/'), { origin })).status]).toEqual([origin, 403]);
      expect([origin, await upgrade(`/rpc?token=${server.token}`, { origin })]).toEqual([origin, 403]);
    }
    expect(await upgrade(`/rpc?token=${server.token}`, { origin: undefined })).toBe(403);
  });

  test("files are not for another site's page, but a link may lead here", async () => {
    const embedded = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' };
    expect((await get(withToken('/assets/main-abcdef12.js'), embedded)).status).toBe(403);
    const framed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
    expect((await get(withToken('/'), framed)).status).toBe(403);
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await get(withToken('/'), link)).status).toBe(200);
  });
});

describe('files', () => {
  test.each([
    '/../secret.json',
    '/assets/../../secret.json',
    '/%2e%2e/secret.json',
    '/..%2fsecret.json',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.json',
    '/..\\secret.json',
    '/%5c..%5csecret.json',
    '//etc/passwd',
    '/etc/passwd',
    '/link.json',
    '/.hidden.json',
    '/strange.exe',
    '/assets',
    '/assets/',
    '/index.html%00.js',
    `/${'a/'.repeat(20)}b.js`,
  ])('%s is not there', async (path) => {
    const answer = await get(withToken(path));
    expect([400, 404]).toContain(answer.status);
    expect(answer.body).not.toContain('secret');
    expect(answer.body).not.toContain('root:');
  });

  test('a request line that no client would send', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1');
      let got = '';
      socket.on('data', (data) => {
        got += data;
      });
      socket.on('close', () => resolve(got));
      socket.write(
        `GET /../../secret.json?token=${server.token} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      );
    });
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(text).not.toContain('secret"');
  });

  test('what changes is not kept, what is named by its content is', async () => {
    expect((await get(withToken('/'))).headers['cache-control']).toBe('no-store');
    expect((await get(withToken('/assets/main-abcdef12.js'))).headers['cache-control']).toContain('immutable');
  });

  test('only reading', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect([method, (await get(withToken('/'), {}, { method })).status]).toEqual([method, 405]);
    expect(await get(withToken('/'), {}, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  test('a strict policy goes with the page', async () => {
    const { headers } = await get(withToken('/'));
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe-eval');
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${server.port};`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
  });
});

test('the WebSocket is at one place only', async () => {
  expect(await upgrade(withToken('/'))).toBe(404);
});

test('a port that is taken is said, with what to do', async () => {
  const again = await startStudioServer({
    router: studio.router,
    directory,
    port: server.port,
    reportBug: () => {},
  });
  expect(again).toMatchObject({ ok: false, error: { code: 'port-taken' } });
});

test('after a restart on the same port with the same key the client gets through again', async () => {
  const first = await start();
  const { port, token } = first;
  const open = async () => {
    const origin = `http://127.0.0.1:${port}`;
    const socket = new WsSocket(`ws://127.0.0.1:${port}/rpc?token=${token}`, { headers: { origin } });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return socket;
  };
  const socket = await open();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  first.dispose();
  await closed;
  const second = await start({ port, token });
  const reconnected = await open();
  const client: StudioClient = createORPCClient(new RPCLink({ websocket: reconnected as unknown as WebSocket }));
  expect((await client.studio.info()).protocol).toBe(1);
  reconnected.terminate();
  second.dispose();
});

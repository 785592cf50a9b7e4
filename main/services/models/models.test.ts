import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gguf } from '../../../app/gguf/sample.ts';
import { ModelLibrary } from './index.ts';

const MODEL = Buffer.from(
  gguf({
    metadata: [
      ['general.architecture', 8, 'llama'],
      ['general.name', 8, 'Tiny'],
      ['tokenizer.ggml.model', 8, 'llama'],
    ],
    tensors: [{ name: 'a', dimensions: [65536n], type: 0, offset: 0n }],
    dataBytes: 4 * 65536,
  }),
);
const SHA256 = createHash('sha256').update(MODEL).digest('hex');

let folder: string;
let server: Server;
let base: string;
let serve: (request: IncomingMessage, response: ServerResponse) => void;
/** Method and range of every request. */
let log: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-models-'));
  log = [];
  server = createServer((request, response) => {
    log.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function library() {
  const known = {
    name: 'tiny',
    title: 'Tiny',
    url: `${base}/resolve/tiny.gguf`,
    fileName: 'tiny.gguf',
    approximateBytes: 1,
    licence: 'MIT',
  };
  return new ModelLibrary({ directory: join(folder, 'models'), demo: join(folder, 'none'), catalogue: [known] });
}

/** Like Hugging Face: the checksum is told with a redirect; the storage knows ranges. `cut` breaks the first transfer off there. */
function huggingFace({ sha256 = SHA256, cut = Number.POSITIVE_INFINITY } = {}) {
  let first = true;
  serve = ({ url, method, headers }, response) => {
    if (url === '/resolve/tiny.gguf') {
      response.writeHead(302, { location: '/storage', 'x-linked-etag': `"${sha256}"`, 'x-linked-size': MODEL.length });
      response.end();
      return;
    }
    const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${MODEL.length - 1}/${MODEL.length}` };
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': MODEL.length - start, ...range });
    if (method === 'HEAD') response.end();
    else if (first && cut < MODEL.length) {
      first = false;
      response.write(MODEL.subarray(start, cut), () => setTimeout(() => response.destroy(), 50));
    } else response.end(MODEL.subarray(start));
  };
}

describe('get', () => {
  test('downloads, checks, and appears in the list', async () => {
    huggingFace();
    const progress: number[] = [];
    const got = await library().get('tiny', { onProgress: ({ done }) => progress.push(done) });
    expect(got).toMatchObject({ ok: true, value: { name: 'tiny', source: 'library', facts: { title: 'Tiny' } } });
    expect(progress.at(-1)).toBe(MODEL.length);
    expect(readdirSync(join(folder, 'models'))).toEqual(['tiny.gguf']);
    expect(await library().catalogue()).toMatchObject([{ name: 'tiny', installed: true }]);
    const before = log.length;
    expect((await library().get('tiny')).ok).toBe(true);
    expect(log.length).toBe(before);
  });

  test('a broken transfer is taken up where it broke', async () => {
    huggingFace({ cut: 100_000 });
    expect((await library().get('tiny')).ok).toBe(true);
    expect(log.filter((line) => line.startsWith('GET'))).toEqual(['GET /storage', 'GET /storage bytes=100000-']);
    expect(readFileSync(join(folder, 'models', 'tiny.gguf'))).toEqual(MODEL);
  });

  test('a cancelled download goes on with the next command', async () => {
    huggingFace({ cut: 100_000 });
    const controller = new AbortController();
    const first = await library().get('tiny', { signal: controller.signal, onProgress: () => controller.abort() });
    expect(first).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(existsSync(join(folder, 'models', 'tiny.gguf'))).toBe(false);
    expect((await library().get('tiny')).ok).toBe(true);
    expect(log.at(-1)).toMatch(/^GET \/storage bytes=\d+-$/);
  });

  test('what is not what the server said is deleted', async () => {
    huggingFace({ sha256: '0'.repeat(64) });
    expect(await library().get('tiny')).toMatchObject({ ok: false, error: { code: 'wrong-checksum' } });
    expect(readdirSync(join(folder, 'models'))).toEqual([]);
  });

  test('the part of another version is not continued', async () => {
    huggingFace({ cut: 100_000, sha256: 'f'.repeat(64) });
    const controller = new AbortController();
    await library().get('tiny', { signal: controller.signal, onProgress: () => controller.abort() });
    huggingFace();
    expect((await library().get('tiny')).ok).toBe(true);
    expect(log.at(-1)).toBe('GET /storage');
  });

  test('no checksum, no file, no network, no such model: each is said', async () => {
    const code = async () => {
      const got = await library().get('tiny');
      return got.ok ? 'ok' : got.error.code;
    };
    serve = (_request, response) => response.writeHead(200, { 'content-length': 5 }).end();
    expect(await code()).toBe('no-checksum');
    serve = (_request, response) => response.writeHead(404).end();
    expect(await code()).toBe('download-refused');
    serve = (_request, response) => response.writeHead(302, { location: '/resolve/tiny.gguf' }).end();
    expect(await code()).toBe('download-refused');
    const nobody = library();
    await new Promise((resolve) => server.close(resolve));
    const got = await nobody.get('tiny');
    expect(got).toMatchObject({
      ok: false,
      error: { code: 'no-network', fix: expect.stringContaining('ring0 model add') as string },
    });
    expect(await nobody.get('huge')).toMatchObject({ ok: false, error: { code: 'no-such-model' } });
  });
});

describe('add and resolve', () => {
  test('a file is taken in once, under its name, and found by it', async () => {
    const file = join(folder, 'mine.gguf');
    writeFileSync(file, MODEL);
    const models = library();
    expect(await models.add(file)).toMatchObject({ ok: true, value: { name: 'mine', source: 'library' } });
    expect(await models.add(file)).toMatchObject({ ok: false, error: { code: 'model-exists' } });
    expect(await models.resolve('Mine')).toMatchObject({ ok: true, value: { name: 'mine', source: 'library' } });
    expect(await models.resolve(file)).toMatchObject({ ok: true });
    expect((await models.list()).map((it) => it.name)).toEqual(['mine']);
  });

  test('what is no model is refused with the offset, what is missing with a way out', async () => {
    const file = join(folder, 'bad.gguf');
    writeFileSync(file, 'GGUF');
    const models = library();
    expect(await models.add(file)).toMatchObject({
      ok: false,
      error: { code: 'bad-model', why: expect.stringContaining('at byte 4') as string },
    });
    expect(await models.add(join(folder, 'absent.gguf'))).toMatchObject({ ok: false, error: { code: 'bad-model' } });
    expect(await models.resolve('tiny')).toMatchObject({
      ok: false,
      error: { fix: 'Download it: `ring0 model get tiny`.' },
    });
    expect(await models.resolve()).toMatchObject({ ok: false, error: { code: 'no-such-model' } });
  });

  test('what is removed can be put back until the next removal', async () => {
    const models = library();
    for (const name of ['one', 'two']) {
      writeFileSync(join(folder, `${name}.gguf`), MODEL);
      await models.add(join(folder, `${name}.gguf`));
    }
    expect(await models.remove('one')).toMatchObject({ ok: true });
    expect((await models.list()).map((it) => it.name)).toEqual(['two']);
    expect(await models.restore('one')).toMatchObject({ ok: true, value: { name: 'one', source: 'library' } });
    expect(await models.restore('one')).toMatchObject({ ok: false, error: { code: 'cannot-restore-model' } });
    await models.remove('one');
    await models.remove('two');
    expect(await models.restore('one')).toMatchObject({ ok: false });
    expect(await models.restore('two')).toMatchObject({ ok: true });
    for (const name of ['demo', '../two', 'nobody'])
      expect(await models.remove(name)).toMatchObject({ ok: false, error: { code: 'no-such-model' } });
    expect(await models.restore('../two')).toMatchObject({ ok: false });
  });
});

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isCancelled } from '../../../app/base/cancel.ts';
import type { Disposable } from '../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import type { ModelOptions } from '../../../app/contract/index.ts';
import { cancelled } from '../../process/index.ts';

/** A connection that breaks is taken up again so many times in a row without a byte. */
const MAX_RETRIES = 4;
/** A connection that is silent for so long is broken. */
const SILENCE_MS = 60_000;
const MAX_REDIRECTS = 5;
const PROGRESS_MS = 100;

/** What a server says of a file before it sends it. */
interface RemoteFile {
  /** Where the bytes are, behind all redirects. */
  readonly url: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Downloads `url` to `target`, which appears whole and checked or not at all. What an interrupted download left beside it
 * (`.part`, with the checksum it belongs to in `.part.sha256`) is continued.
 */
export async function download(url: string, target: string, options: ModelOptions): Promise<Result<void>> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  options.signal?.addEventListener('abort', abort);
  if (isCancelled(options.signal)) abort();
  try {
    return await fetchChecked(url, target, options, controller.signal);
  } catch (error) {
    if (isCancelled(options.signal)) return cancelled('The download');
    return explainFailure(error, url);
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function fetchChecked(
  url: string,
  target: string,
  options: ModelOptions,
  signal: AbortSignal,
): Promise<Result<void>> {
  const remote = await lookUp(url, signal);
  if (!remote.ok) return remote;
  const part = `${target}.part`;
  await keepOnlyOwnPart(part, remote.value.sha256);
  const hash = createHash('sha256');
  let done = await hashExisting(part, hash);
  let fruitless = 0;
  const progress = new CalmProgress((bytes) =>
    options.onProgress?.({ message: 'downloading', done: bytes, total: remote.value.bytes, unit: 'bytes' }),
  );
  try {
    while (done < remote.value.bytes) {
      const before = done;
      const outcome = await receive(remote.value, part, done, hash, signal, (bytes) => progress.report(bytes));
      done = outcome.done;
      if (outcome.kind === 'refused') return outcome.error;
      fruitless = done > before ? 0 : fruitless + 1;
      if (fruitless > MAX_RETRIES) {
        throw outcome.kind === 'broken' ? outcome.cause : new Error('the server ends the connection early');
      }
    }
    progress.flush();
  } finally {
    progress.dispose();
  }
  const found = hash.digest('hex');
  if (found !== remote.value.sha256) {
    await rm(part, { force: true });
    await rm(`${part}.sha256`, { force: true });
    return fail(
      'wrong-checksum',
      'The download is not what the server says it is.',
      `SHA-256 is ${found}, it should be ${remote.value.sha256}`,
      'It was deleted; try again. If it stays, something between here and the server changes files.',
    );
  }
  await rename(part, target);
  await rm(`${part}.sha256`, { force: true });
  return ok();
}

/** Reports so often as a person can see, the last one included: a connection that stands still shows where it does. */
class CalmProgress implements Disposable {
  readonly #tell: (done: number) => void;
  #latest: number | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (done: number) => void) {
    this.#tell = tell;
  }

  report(done: number): void {
    this.#latest = done;
    if (this.#timer !== undefined) return;
    this.flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#latest !== null) this.report(this.#latest);
    }, PROGRESS_MS);
  }

  flush(): void {
    if (this.#latest !== null) this.#tell(this.#latest);
    this.#latest = null;
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

/** Follows redirects by hand: Hugging Face tells the checksum in the first answer, and the storage behind it does not. */
async function lookUp(url: string, signal: AbortSignal): Promise<Result<RemoteFile>> {
  let current = url;
  let sha256: string | undefined;
  let bytes: number | null = null;
  for (let n = 0; n <= MAX_REDIRECTS; n++) {
    const response = await fetch(current, { method: 'HEAD', redirect: 'manual', signal });
    sha256 ??= checksumOf(response.headers.get('x-linked-etag')) ?? checksumOf(response.headers.get('etag'));
    bytes = sizeOf(response.headers.get('x-linked-size')) ?? bytes;
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      current = new URL(location, current).href;
      continue;
    }
    if (!response.ok)
      return fail(
        'download-refused',
        'The server does not give the file.',
        `${current}: status ${response.status}`,
        'Look at the address in a browser; the file may have moved.',
      );
    if (sha256 === undefined)
      return fail(
        'no-checksum',
        'The server names no checksum, so the file could not be trusted.',
        current,
        'Download it by other means and use `ring0 model add FILE`.',
      );
    const size = bytes ?? sizeOf(response.headers.get('content-length'));
    if (size === null) {
      return fail(
        'no-size',
        'The server does not say how large the file is.',
        current,
        'Download it by other means and use `ring0 model add FILE`.',
      );
    }
    return ok({ url: current, sha256, bytes: size });
  }
  return fail('download-refused', 'The server sends us round in circles.', url, 'Look at the address in a browser.');
}

function checksumOf(etag: string | null): string | undefined {
  return /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(etag ?? '')?.[1];
}

function sizeOf(header: string | null): number | null {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

/** A part of another version of the file is of no use. */
async function keepOnlyOwnPart(part: string, sha256: string): Promise<void> {
  const belongsTo = await readFile(`${part}.sha256`, 'utf8').catch(() => '');
  if (belongsTo === sha256) return;
  await rm(part, { force: true });
  await writeFile(`${part}.sha256`, sha256);
}

async function hashExisting(part: string, hash: Hash): Promise<number> {
  const size = await stat(part).then(
    (it) => it.size,
    () => 0,
  );
  if (size === 0) return 0;
  for await (const bytes of createReadStream(part)) hash.update(bytes as Buffer);
  return size;
}

type Received =
  | { readonly kind: 'complete'; readonly done: number }
  | { readonly kind: 'broken'; readonly done: number; readonly cause: unknown }
  | { readonly kind: 'refused'; readonly done: number; readonly error: Result<never> };

/** One connection: appends what comes to the part. */
async function receive(
  remote: RemoteFile,
  part: string,
  start: number,
  hash: Hash,
  signal: AbortSignal,
  report: (done: number) => void,
): Promise<Received> {
  let done = start;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const file = await open(part, 'a');
  try {
    const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
    const response = await fetch(remote.url, { headers, signal: AbortSignal.any([signal, silence.signal]) });
    const continues =
      start > 0 &&
      response.status === 206 &&
      response.headers.get('content-range')?.startsWith(`bytes ${start}-`) === true;
    if (!response.ok || response.body === null || (start > 0 && !continues)) {
      await response.body?.cancel();
      const why = response.ok ? 'it does not continue downloads (no Range)' : `status ${response.status}`;
      return {
        kind: 'refused',
        done,
        error: fail(
          'download-refused',
          'The server does not give the file.',
          `${remote.url}: ${why}`,
          `Delete ${part} and try again.`,
        ),
      };
    }
    for await (const bytes of response.body) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      if (done + bytes.length > remote.bytes) throw new Error(`more than the announced ${remote.bytes} bytes`);
      await file.write(bytes);
      hash.update(bytes);
      done += bytes.length;
      report(done);
    }
    return { kind: 'complete', done };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'broken', done, cause: error };
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}

const NETWORK_CODES = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ECONNRESET',
];

function explainFailure(error: unknown, url: string): Result<never> {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCodeOf(cause);
  if (NETWORK_CODES.includes(code) || messageOf(error) === 'fetch failed') {
    return fail(
      'no-network',
      `${new URL(url).host} cannot be reached from here.`,
      messageOf(cause) || code,
      `In a closed network, download ${url} on another computer, bring it here, and use \`ring0 model add FILE\`. What has come so far is kept.`,
    );
  }
  return fail(
    'download-failed',
    'The download broke off.',
    messageOf(cause),
    'Run the same command again: it goes on where it stopped.',
  );
}

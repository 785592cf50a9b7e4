import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type Disposable, DisposableStore, toDisposable } from '../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../app/base/result.ts';
import type { StudioRouter } from '../rpc/router.ts';
import { type ReportBug, serveWire, type Wire } from '../rpc/serve.ts';
import { isOwnOrigin, loopbackHost, makeToken, securityHeaders, TokenGuard, tokenCookie } from './guard.ts';
import { findStaticFile } from './static-files.ts';

/** A text of 8 MiB, each character written as six. */
const MAX_MESSAGE_BYTES = 64 << 20;
/** A window that is gone without a word is noticed after two of these. */
const HEARTBEAT_MS = 20_000;
const RPC_PATH = '/rpc';

export interface StudioServerOptions {
  readonly router: StudioRouter;
  /** The built page. */
  readonly directory: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** By default a new one. */
  readonly token?: string | undefined;
  readonly reportBug: ReportBug;
}

export interface StudioServer extends Disposable {
  readonly port: number;
  readonly token: string;
  /** What a person opens, token included. */
  readonly url: string;
}

/** Serves the page and the contract on the loopback, to whoever has the token. */
export async function startStudioServer(options: StudioServerOptions): Promise<Result<StudioServer>> {
  const token = options.token ?? makeToken();
  const shell = new BrowserShell(options, token);
  const owned = new DisposableStore();
  owned.add(shell);
  try {
    const port = await listen(shell, owned, '127.0.0.1', options.port);
    // The same on IPv6, where there is any: `localhost` may mean it. Taken or missing, it is not needed.
    await listen(shell, owned, '::1', port).catch(() => {});
    return ok({ port, token, url: `http://127.0.0.1:${port}/?token=${token}`, dispose: () => owned.dispose() });
  } catch (error) {
    owned.dispose();
    const taken = systemCodeOf(error) === 'EADDRINUSE';
    return fail(
      taken ? 'port-taken' : 'cannot-listen',
      `The studio cannot listen on 127.0.0.1:${options.port}.`,
      messageOf(error),
      taken ? 'End the program that uses the port, or choose another with --port.' : 'Choose another port with --port.',
    );
  }
}

function listen(shell: BrowserShell, owned: DisposableStore, address: string, port: number): Promise<number> {
  const server = createServer((request, response) => void shell.answer(request, response));
  server.on('upgrade', (request, socket, head) => shell.upgrade(request, socket, head));
  // Slow and endless requests are cut off; none of ours is either.
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  owned.add(toDisposable(() => closeServer(server)));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}

class BrowserShell implements Disposable {
  readonly #options: StudioServerOptions;
  readonly #token: string;
  readonly #guard: TokenGuard;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  readonly #alive = new WeakSet<WebSocket>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: StudioServerOptions, token: string) {
    this.#options = options;
    this.#token = token;
    this.#guard = new TokenGuard(token);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const checked = this.#check(request);
    if (!checked.ok) return refuse(response, ...checked.refusal);
    const { address, host } = checked;
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'only GET and HEAD\n');
    const file = await findStaticFile(this.#options.directory, address.pathname);
    if (file === undefined) return refuse(response, 404, 'there is no such file\n');
    response.writeHead(200, {
      ...securityHeaders(`ws://${host}`),
      ...file.headers,
      // The page's own requests bring the cookie; the address bar is soon without the token.
      ...(address.searchParams.has('token') ? { 'set-cookie': tokenCookie(host, this.#token) } : {}),
    });
    if (request.method === 'HEAD') return void response.end();
    file
      .open()
      .on('error', () => response.destroy())
      .pipe(response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const checked = this.#check(request);
    const [status, why] = !checked.ok
      ? checked.refusal
      : checked.address.pathname !== RPC_PATH
        ? [404, 'nothing is here\n']
        : // A page always says where it comes from when it opens a WebSocket.
          request.headers.origin === undefined
          ? [403, 'an Origin is needed\n']
          : [0, ''];
    if (status !== 0) {
      socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${why}`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket));
  }

  dispose(): void {
    clearInterval(this.#heartbeat);
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
  }

  /** The checks that every request passes, in the order of what it may learn from the answer. */
  #check(
    request: IncomingMessage,
  ):
    | { readonly ok: true; readonly address: URL; readonly host: string }
    | { readonly ok: false; readonly refusal: readonly [status: number, why: string] } {
    const host = loopbackHost(request);
    if (host === undefined) return { ok: false, refusal: [421, 'this server answers for the loopback only\n'] };
    if (!isOwnOrigin(request, host)) return { ok: false, refusal: [403, 'this server answers its own page only\n'] };
    const address = parseAddress(request.url ?? '', `http://${host}`);
    if (address === undefined) return { ok: false, refusal: [400, 'the address makes no sense\n'] };
    if (!this.#guard.admits(request, address, host))
      return { ok: false, refusal: [401, 'open the address that the terminal shows: it holds the key\n'] };
    return { ok: true, address, host };
  }

  #serve(socket: WebSocket): void {
    this.#alive.add(socket);
    socket.on('pong', () => this.#alive.add(socket));
    socket.on('error', () => {});
    void serveWire(this.#options.router, socketWire(socket), this.#options.reportBug);
  }

  #beat(): void {
    for (const socket of this.#sockets.clients) {
      if (!this.#alive.has(socket)) socket.terminate();
      this.#alive.delete(socket);
      if (socket.readyState === socket.OPEN) socket.ping();
    }
  }
}

/** The address of a request, unless it names another host or is none. */
function parseAddress(url: string, base: string): URL | undefined {
  try {
    const address = new URL(url, base);
    return address.origin === new URL(base).origin ? address : undefined;
  } catch {
    return undefined;
  }
}

function socketWire(socket: WebSocket): Wire {
  return {
    send: (data) =>
      new Promise<void>((resolve) => {
        if (socket.readyState !== socket.OPEN) resolve();
        // A message that does not get through is one whose reader is gone: `close` tells of that.
        else socket.send(data, () => resolve());
      }),
    onMessage: (listener) => {
      socket.on('message', (data: RawData, isBinary) => {
        const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
        listener(isBinary ? bytes : bytes.toString('utf8'));
      });
    },
    onClose: (listener) => void socket.on('close', listener),
  };
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(why);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { BROWSER_ARGUMENTS, chromiumPath, NO_CHROMIUM } from '../e2e/browser.ts';

/**
 * A Chromium that nobody drives while it is measured: whoever is attached to a page is told of every message that it gets, and that costs
 * more than the page itself. One attaches to prepare a page, and lets go.
 */
export class FreeChromium {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #endpoint: string;

  private constructor(child: ChildProcess, folder: string, endpoint: string) {
    this.#child = child;
    this.#folder = folder;
    this.#endpoint = endpoint;
  }

  /** `session`: one of its own, as a browser has that a person has started, or ours, as the window of a program has. */
  static async launch(width: number, height: number, session: 'own' | 'ours'): Promise<FreeChromium> {
    if (chromiumPath === undefined) throw new Error(NO_CHROMIUM);
    const folder = mkdtempSync(join(tmpdir(), 'r0-chromium-'));
    const child = spawn(
      chromiumPath,
      [
        ...BROWSER_ARGUMENTS,
        ...[
          `--user-data-dir=${folder}`,
          '--remote-debugging-port=0',
          `--window-size=${width},${height}`,
          'about:blank',
        ],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: session === 'own' },
    );
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.on('exit', () => reject(new Error(`Chromium ended: ${said}`)));
    });
    return new FreeChromium(child, folder, endpoint);
  }

  /** Attaches, acts on its page, and lets go. */
  async with<T>(act: (page: Page, browser: Browser) => Promise<T>): Promise<T> {
    const browser = await chromium.connectOverCDP(this.#endpoint);
    try {
      const [context] = browser.contexts();
      const page = context?.pages()[0] ?? (await context?.newPage());
      if (page === undefined) throw new Error('Chromium has no page');
      return await act(page, browser);
    } finally {
      await browser.close();
    }
  }

  /** What Chromium notes of itself while `act` runs, as a trace for its Performance panel. Nobody is attached to a page meanwhile. */
  async traced<T>(categories: readonly string[], path: string, act: () => Promise<T>): Promise<T> {
    const protocol = await BrowserProtocol.connect(this.#endpoint);
    try {
      const traceConfig = { includedCategories: categories, recordMode: 'recordUntilFull' };
      await protocol.ask('Tracing.start', { transferMode: 'ReturnAsStream', traceConfig });
      const result = await act();
      const complete = protocol.next('Tracing.tracingComplete');
      await protocol.ask('Tracing.end');
      const { stream: handle } = await complete;
      const file = createWriteStream(path);
      for (let eof = false; !eof; ) {
        const { data, base64Encoded, ...rest } = await protocol.ask('IO.read', { handle });
        file.write(Buffer.from(String(data), base64Encoded === true ? 'base64' : 'utf8'));
        ({ eof = false } = rest as { eof?: boolean });
      }
      await new Promise((resolve) => file.end(resolve));
      return result;
    } finally {
      protocol.close();
    }
  }

  /** Its processes, each with what it is for: `renderer`, `gpu-process`, `utility`; empty for the browser itself. */
  processes(): { readonly pid: number; readonly type: string }[] {
    const root = this.#child.pid ?? -1;
    const parents = new Map<number, number>();
    for (const name of readdirSync('/proc').filter((it) => /^\d+$/.test(it))) {
      const parent = /\) \S (\d+)/.exec(read(`/proc/${name}/stat`))?.[1];
      if (parent !== undefined) parents.set(Number(name), Number(parent));
    }
    const isOurs = (pid: number): boolean => pid === root || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
    return [...parents.keys()].filter(isOurs).map((pid) => ({
      pid,
      type: /--type=([\w-]+)/.exec(read(`/proc/${pid}/cmdline`))?.[1] ?? '',
    }));
  }

  async close(): Promise<void> {
    const processes = this.processes();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    // Some of its processes write for a moment after it has ended.
    for (const { pid } of processes)
      while (existsSync(`/proc/${pid}`)) await new Promise((next) => setTimeout(next, 20));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** The DevTools protocol to the browser alone: Playwright attaches to every page, which then reports each of its messages. */
class BrowserProtocol {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number | string, (fields: Fields) => void>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (text) => {
      const { id, method, result, params, error } = JSON.parse(String(text)) as Fields & {
        id?: number;
        method?: string;
      };
      if (error !== undefined) throw new Error(`Chromium refuses: ${JSON.stringify(error)}`);
      const key = id ?? method ?? '';
      this.#waiting.get(key)?.((result ?? params) as Fields);
      this.#waiting.delete(key);
    });
  }

  static async connect(endpoint: string): Promise<BrowserProtocol> {
    const socket = new WebSocket(endpoint, { maxPayload: 0 });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new BrowserProtocol(socket);
  }

  ask(method: string, params: Fields = {}): Promise<Fields> {
    this.#asked += 1;
    const answer = this.next(this.#asked);
    this.#socket.send(JSON.stringify({ id: this.#asked, method, params }));
    return answer;
  }

  /** The next event of that name, or the answer to the question of that number. */
  next(key: number | string): Promise<Fields> {
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  close(): void {
    this.#socket.close();
  }
}

/** Of a process that may be gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

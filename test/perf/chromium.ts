import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
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

  static async launch(width: number, height: number): Promise<FreeChromium> {
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
      { stdio: ['ignore', 'ignore', 'pipe'] },
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
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    // Its processes write for a moment after it has ended.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
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

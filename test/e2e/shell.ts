/** A shell of the studio as scenarios drive it, whichever it is: the browser's, or Electron's. */
import type { Browser } from 'playwright-core';
import { CommandLine, type Running } from '../support/command-line.ts';
import { launchBrowser, Studio } from './browser.ts';

export interface ShellOptions {
  /** What the studio edits and builds. */
  readonly folder: string;
  /** The person's settings.json. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  readonly viewport?: { readonly width: number; readonly height: number } | undefined;
}

export interface StudioShell {
  readonly studio: Studio;
  /** Where the services keep what outlives them: the home of this one studio. */
  readonly home: string;
  /** Kills the service host without a word, and returns when it is gone. */
  killHost(): Promise<void>;
  /** Returns when there is a service host again; a shell that starts one by itself has little to do. */
  reviveHost(): Promise<void>;
  close(): Promise<void>;
}

export type OpenShell = (options: ShellOptions) => Promise<StudioShell>;

const TOKEN = 'e2e-token-of-one-studio';

/** `ring0 studio` and its page in Chromium. */
export class BrowserShell implements StudioShell {
  readonly studio: Studio;
  /** The address, with the token. */
  readonly url: string;
  readonly #line: CommandLine;
  readonly #folder: string;
  readonly #browser: Browser;
  #host: Running;

  private constructor(line: CommandLine, folder: string, browser: Browser, studio: Studio, host: Running, url: string) {
    this.#line = line;
    this.#folder = folder;
    this.#browser = browser;
    this.studio = studio;
    this.#host = host;
    this.url = url;
  }

  static readonly open = async ({ folder, settings, viewport }: ShellOptions): Promise<BrowserShell> => {
    const line = new CommandLine();
    let browser: Browser | undefined;
    try {
      line.putSettings(settings);
      const [launched, { host, url }] = await Promise.all([launchBrowser(), startHost(line, folder, 0)]);
      browser = launched;
      const context = await browser.newContext({ viewport: viewport ?? { width: 1280, height: 800 } });
      const studio = new Studio(await context.newPage());
      await studio.visit(url);
      return new BrowserShell(line, folder, browser, studio, host, url);
    } catch (error) {
      await browser?.close();
      line.dispose();
      throw error;
    }
  };

  get home(): string {
    return this.#line.home;
  }

  /** A command of the same person in another terminal: `ring0 run` there is a machine that this window sees. */
  elsewhere(args: readonly string[]): Running {
    return this.#line.start(args);
  }

  async killHost(): Promise<void> {
    this.#host.signal('SIGKILL');
    await this.#host.end();
  }

  async reviveHost(): Promise<void> {
    ({ host: this.#host } = await startHost(this.#line, this.#folder, Number(new URL(this.url).port)));
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#line.dispose();
  }
}

async function startHost(line: CommandLine, folder: string, port: number): Promise<{ host: Running; url: string }> {
  const host = line.start(['studio', folder, '--no-open', '--json', '--token', TOKEN, '--port', String(port)]);
  const [, url = ''] = await host.waitFor(/"url":"([^"]+)"/);
  return { host, url };
}

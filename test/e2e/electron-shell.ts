/** The studio in its own window, driven as the browser's is; where there is an Electron to open one. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { _electron, type ElectronApplication } from 'playwright-core';
import { expect } from 'vitest';
import { findElectron } from '../../main/cli/electron-window.ts';
import { makeBundle } from '../../main/cli/make-bundle.ts';
import { ensurePage } from '../../main/server/page.ts';
import { CommandLine } from '../support/command-line.ts';
import { expectOk, isAlive } from '../support/lab.ts';
import { root } from '../support/project.ts';
import { Studio } from './browser.ts';
import type { ShellOptions, StudioShell } from './shell.ts';

/** As the shell itself names it to Electron. */
const HOST_NAME = 'Ring0 service host';

/** Electron's program, or why no window can be opened here: what `npm start` would say. */
export const electron = findElectron(root);

export class ElectronWindow implements StudioShell {
  readonly studio: Studio;
  readonly home: string;
  readonly #application: ElectronApplication;
  readonly #line: CommandLine;
  #killed = 0;

  private constructor(application: ElectronApplication, line: CommandLine, studio: Studio) {
    this.#application = application;
    this.#line = line;
    this.studio = studio;
    this.home = line.home;
  }

  static readonly open = async ({ folder, settings, viewport }: ShellOptions): Promise<ElectronWindow> => {
    if (!('program' in electron)) throw new Error(electron.why);
    // For its home of its own, and for what it removes at the end.
    const line = new CommandLine();
    const { home } = line;
    try {
      const data = join(home, 'data', 'ring0', 'studio');
      mkdirSync(data, { recursive: true });
      writeFileSync(join(data, 'settings.json'), JSON.stringify({ workspaceTrust: false, ...settings }));
      expectOk(await ensurePage(root, () => {}));
      const main = await makeBundle(root, 'electron-main');
      for (const name of ['electron-host', 'electron-preload', 'pty-host']) await makeBundle(root, name);
      const application = await _electron.launch({
        executablePath: electron.program,
        // A profile of its own is also a single instance of its own.
        args: [main, root, folder, `--user-data-dir=${join(home, 'electron')}`],
        env: {
          ...(process.env as Record<string, string>),
          XDG_RUNTIME_DIR: home,
          XDG_STATE_HOME: join(home, 'state'),
          XDG_DATA_HOME: join(home, 'data'),
        },
      });
      const page = await application.firstWindow();
      const { width, height } = viewport ?? { width: 1280, height: 800 };
      await application.evaluate(
        ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
        { width, height },
      );
      const studio = new Studio(page);
      await page.getByRole('tree', { name: 'Files' }).getByRole('treeitem').first().waitFor();
      return new ElectronWindow(application, line, studio);
    } catch (error) {
      line.dispose();
      throw error;
    }
  };

  async killHost(): Promise<void> {
    this.#killed = await this.#hostPid();
    expect(this.#killed).toBeGreaterThan(0);
    process.kill(this.#killed, 'SIGKILL');
    await expect.poll(() => isAlive(this.#killed)).toBe(false);
  }

  /** The shell starts another by itself. */
  async reviveHost(): Promise<void> {
    await expect.poll(() => this.#hostPid()).not.toBe(0);
  }

  async close(): Promise<void> {
    await this.#application.close();
    this.#line.dispose();
  }

  /** 0 while there is none, or only the one that was killed. */
  async #hostPid(): Promise<number> {
    const pids = await this.#application.evaluate(
      ({ app }, name) =>
        app
          .getAppMetrics()
          .filter((metric) => metric.name === name)
          .map(({ pid }) => pid),
      HOST_NAME,
    );
    return pids.find((pid) => pid !== this.#killed) ?? 0;
  }
}

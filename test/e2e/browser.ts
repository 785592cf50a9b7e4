import { spawnSync } from 'node:child_process';
/** Chromium as the studio's browser shell is tested in it, and the page as a person finds it. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

const PATHS = [process.env.RING0_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A browser of this computer; undefined where there is none. */
export const chromiumPath = PATHS.find((path) => path !== undefined && existsSync(path));

export const NO_CHROMIUM = 'needs Chromium (Debian: apt-get install chromium), or its path in RING0_CHROMIUM';

/** Why a build cannot be tried in the browser here; null where it can. */
export const noBuildHere =
  chromiumPath === undefined
    ? NO_CHROMIUM
    : spawnSync('cargo', ['--version']).status === 0
      ? null
      : 'needs cargo (https://rustup.rs)';

export const BROWSER_ARGUMENTS: readonly string[] = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(NO_CHROMIUM);
  return await chromium.launch({
    executablePath: chromiumPath,
    args: [...BROWSER_ARGUMENTS],
  });
}

/** A pane as `View: Open View` lists it. */
export interface View {
  readonly title: string;
  /** `primary side bar`, `secondary side bar`, `panel` or `editor`. */
  readonly place: string;
}

/** The studio's page, by what stands on it. Whatever the page complains about is kept in `complaints`. */
export class Studio {
  readonly page: Page;
  readonly complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // A host that is gone on purpose leaves a refused connection behind.
      if (message.type() === 'error' && !/ERR_CONNECTION|WebSocket/.test(message.text()))
        this.complaints.push(message.text());
    });
  }

  async visit(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.getByRole('tree', { name: 'Files' }).getByRole('treeitem').first().waitFor();
  }

  get quickInput(): Locator {
    return this.page.getByRole('combobox', { name: 'Go to file or command' });
  }

  /** Opens a file by Ctrl+P and waits until its text is there and has the keyboard. */
  async open(path: string): Promise<void> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    await this.#openBox('Control+P');
    await this.quickInput.fill(path);
    await this.page.locator('#quick-list').getByRole('option', { name }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.editor(path).locator('.view-line').first().waitFor();
    await this.editor(path).locator('.monaco-editor.focused').waitFor();
  }

  /** Runs a command from the palette. */
  async command(title: string): Promise<void> {
    await this.#openBox('Control+Shift+P');
    await this.quickInput.fill(`>${title}`);
    await this.page.locator('#quick-list').getByRole('option', { name: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.quickInput.waitFor({ state: 'detached' });
  }

  /** All panes that there are. */
  async views(): Promise<View[]> {
    await this.#openBox('Control+Shift+P');
    await this.quickInput.fill('>View: Open View');
    await this.page.locator('#quick-list').getByRole('option', { name: 'View: Open View' }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.viewPicker.waitFor();
    const options = await this.page.locator('#quick-list').getByRole('option').all();
    const views = await Promise.all(
      options.map(async (option) => ({
        title: await option.locator('.quick-label').innerText(),
        place: await option.locator('.quick-detail').innerText(),
      })),
    );
    await this.page.keyboard.press('Escape');
    await this.viewPicker.waitFor({ state: 'detached' });
    return views;
  }

  get viewPicker(): Locator {
    return this.page.getByRole('combobox', { name: 'Open view' });
  }

  /** Opens a pane by its title. */
  async openView(title: string): Promise<void> {
    await this.command('View: Open View');
    await this.viewPicker.fill(title);
    await this.page.locator('#quick-list').getByRole('option', { name: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.viewPicker.waitFor({ state: 'detached' });
  }

  /** A pane that can be seen, by its title. */
  pane(title: string): Locator {
    return this.page.locator(`section[data-pane][aria-label="${title}"]:visible`);
  }

  /** Changes the colours, and waits until they have changed. */
  async theme(name: string): Promise<void> {
    await this.command('Preferences: Colour Theme');
    await this.page.getByRole('combobox', { name: 'Colour theme' }).fill(name);
    await this.page.keyboard.press('Enter');
    await this.page
      .locator(`html[data-theme="${name.toLowerCase().replaceAll(' ', '-')}"]`)
      .waitFor({ state: 'attached' });
  }

  /** The editor of a file: the visible one, where there are several. */
  editor(path: string): Locator {
    return this.page.locator(`section[aria-label="${path}"]:visible`).first();
  }

  tab(name: string | RegExp): Locator {
    return this.page.getByRole('tab', { name });
  }

  /** The text of an editor's visible lines. */
  async text(path: string): Promise<string> {
    const lines = await this.editor(path).locator('.view-line').allInnerTexts();
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }

  /** Opens the box at the top; a key that comes while another box is closing is asked for again. */
  async #openBox(key: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await this.page.keyboard.press(key);
      try {
        return await this.quickInput.waitFor({ timeout: 5000 });
      } catch (error) {
        if (tries === 4) throw error;
      }
    }
  }
}

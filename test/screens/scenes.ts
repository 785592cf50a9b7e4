/** The studio at work, so that every pane has something to show: a machine that was talked to, a build with problems, a search. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Studio, View } from '../e2e/browser.ts';

const SOURCE = 'kernel/ring0/src/main.rs';
const BROKEN = 'kernel/ring0/src/units.rs';
const BUILD_MS = 300_000;

/** Builds, boots, types at the console, talks to the model, then breaks the build. Done once. */
export async function setTheStage(studio: Studio, folder: string, say: (what: string) => void): Promise<void> {
  const { page } = studio;
  await studio.open(SOURCE);
  say('builds and boots');
  await page.keyboard.press('F5');
  await page.getByTitle(/^Machine .*: running/).waitFor({ timeout: BUILD_MS });
  await page.keyboard.press('Control+Alt+`');
  await page.locator('[data-pane="serial"] .xterm.focus').waitFor();
  await consoleShows(studio, /ring0> /);
  await page.keyboard.type('info\n');
  await consoleShows(studio, /ring0> info\n[\s\S]+\nring0> /);
  say('talks to the model');
  await studio.command('Chat: Go to Chat');
  for (const question of ['What is a GDT?', 'Tell me a story.']) {
    const box = page.getByRole('textbox', { name: 'Message' });
    await box.fill(question);
    await box.press('Enter');
    await page.locator('.chat-bubble', { hasText: question }).waitFor();
    await page.locator('.chat-answer[aria-busy="false"] .chat-facts').last().waitFor({ timeout: 60_000 });
  }
  say('breaks the build');
  const path = join(folder, BROKEN);
  writeFileSync(
    path,
    `${readFileSync(path, 'utf8')}\nfn halve(bytes: u64) -> u32 {\n    let mut half = bytes / 2;\n    half\n}\n`,
  );
  if (existsSync(join(folder, 'README.md'))) appendFileSync(join(folder, 'README.md'), '\n');
  await studio.open(BROKEN);
  await page.keyboard.press('Control+End');
  await page.keyboard.press('Control+Shift+B');
  await page.getByTitle(/^1 error\b/).waitFor({ timeout: BUILD_MS });
}

async function consoleShows({ page }: Studio, pattern: RegExp): Promise<void> {
  const screen = page.locator('[data-pane="serial"] .xterm-rows');
  for (let tries = 0; tries < 600; tries += 1) {
    if (pattern.test((await screen.innerText()).replaceAll('\u00a0', ' '))) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`the console did not show ${pattern}`);
}

const LAYOUTS: Readonly<Record<string, string>> = {
  Search: 'Edit',
  Explorer: 'Edit',
  Problems: 'Edit',
  Build: 'Edit',
  Serial: 'Debug',
  Machine: 'Debug',
  Chat: 'Chat',
  Settings: 'Edit',
  Welcome: 'Edit',
  Processor: 'Inspect',
  'Descriptor Tables': 'Inspect',
  Interrupts: 'Inspect',
  Virtqueues: 'Inspect',
  'Page Tables': 'Inspect',
  Memory: 'Inspect',
};

/** What more a pane needs to show what it can do. One that is not named here is shown as it opens. */
const SCENES: Readonly<Record<string, (studio: Studio) => Promise<void>>> = {
  Search: async ({ page }) => {
    const box = page.getByRole('textbox', { name: 'Search', exact: true });
    if ((await box.inputValue()) !== 'unsafe fn') await box.fill('unsafe fn');
    await page.getByText(/results? in \d+ files?/).waitFor();
  },
  Memory: async (studio) => {
    const { page } = studio;
    await studio.command('Inspect: Show a Static or Type in Memory');
    const name = page.getByRole('combobox', { name: 'Static or type' });
    await name.fill('RING0_BOOT_REPORT');
    await page.getByRole('option', { name: /^RING0_BOOT_REPORT/ }).waitFor();
    await name.press('Enter');
    await page.getByRole('treeitem', { name: /^tsc_hz/ }).click();
  },
  'Descriptor Tables': async ({ page }) => {
    await page
      .getByRole('row', { name: /#PF page fault/ })
      .getByRole('rowheader')
      .getByRole('button')
      .click();
    await page.locator('.what-if-outcome').waitFor();
  },
  Problems: async ({ page }) => {
    await page
      .getByRole('button', { name: /mismatched types/ })
      .first()
      .click();
  },
};

/** Puts a pane into its layout and its scene. The pane is then what has the keyboard. */
export async function showScene(studio: Studio, view: View): Promise<void> {
  const layout = LAYOUTS[view.title] ?? (view.place === 'editor' ? 'Edit' : 'Debug');
  await studio.command(`View: ${layout} Layout`);
  // As it comes, whatever the scenes before have opened in it.
  await studio.command('View: Reset Layout');
  await studio.openView(view.title);
  await studio.pane(view.title).waitFor();
  await SCENES[view.title]?.(studio);
  await settle(studio);
}

/** Takes down what a scene has put among the editors. */
export async function endScene(studio: Studio, view: View): Promise<void> {
  if (view.place === 'editor') await studio.page.keyboard.press('Alt+W');
}

/** Waits until the page has stopped changing; what never stops, such as a clock, is given up on soon. */
export async function settle({ page }: Studio): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const end = () => { observer.disconnect(); clearTimeout(limit); clearTimeout(quiet); resolve(); };
    let quiet = setTimeout(end, 250);
    const limit = setTimeout(end, 1500);
    const observer = new MutationObserver(() => { clearTimeout(quiet); quiet = setTimeout(end, 250); });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  })`);
}

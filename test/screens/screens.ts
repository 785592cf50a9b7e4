/**
 * `npm run screenshots`: pictures of every pane in every theme and size, into docs/screens, with a page that shows them. Boots its own
 * machine in a copy of the repository. With titles of panes as arguments, only of those.
 */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { chromiumPath, NO_CHROMIUM, type Studio, type View } from '../e2e/browser.ts';
import { BrowserShell } from '../e2e/shell.ts';
import { copyRepository } from '../support/kernel-copy.ts';
import { root } from '../support/project.ts';
import { screensPage } from './page.ts';
import { fileName, SIZES, THEMES } from './pictures.ts';
import { endScene, setTheStage, settle, showScene } from './scenes.ts';

/** Text stays sharp, and the whole set small enough for a repository. */
const QUALITY = 40;
const directory = join(root, 'docs', 'screens');
const say = (text: string) => process.stderr.write(`screenshots: ${text}\n`);

async function picture(cdp: CDPSession, path: string): Promise<void> {
  const { data } = await cdp.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  writeFileSync(path, Buffer.from(data, 'base64'));
}

async function takeAll(studio: Studio, wanted: readonly string[]): Promise<{ views: View[]; failures: string[] }> {
  const { page } = studio;
  const cdp = await page.context().newCDPSession(page);
  const views = (await studio.views()).filter(({ title }) => wanted.length === 0 || wanted.includes(title));
  const failures: string[] = [];
  for (const theme of THEMES) {
    await studio.theme(theme);
    for (const view of views) {
      try {
        for (const size of SIZES) {
          await page.setViewportSize(size);
          if (size === SIZES[0]) await showScene(studio, view);
          else await settle(studio);
          await picture(cdp, join(directory, fileName(view.title, theme, size.width)));
        }
        await endScene(studio, view);
      } catch (error) {
        failures.push(`${view.title}, ${theme}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
        await page.keyboard.press('Escape');
      }
    }
    say(`${theme}: ${views.length} panes`);
  }
  return { views, failures };
}

async function main(wanted: readonly string[]): Promise<number> {
  if (chromiumPath === undefined) {
    say(NO_CHROMIUM);
    return 3;
  }
  const started = performance.now();
  const copy = copyRepository();
  let shell: BrowserShell | undefined;
  try {
    shell = await BrowserShell.open({ folder: copy.folder, settings: { reducedMotion: true }, viewport: SIZES[0] });
    shell.studio.page.setDefaultTimeout(15_000);
    await setTheStage(shell.studio, copy.folder, say);
    if (wanted.length === 0) rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    const { views, failures } = await takeAll(shell.studio, wanted);
    if (wanted.length === 0) writeFileSync(join(directory, 'README.md'), screensPage(views));
    const files = readdirSync(directory).filter((name) => name.endsWith('.webp'));
    const bytes = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    say(`${files.length} pictures, ${(bytes / 1e6).toFixed(1)} MB, in ${seconds} s`);
    for (const failure of failures) say(`FAILED ${failure}`);
    for (const complaint of shell.studio.complaints) say(`the page said: ${complaint}`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await shell?.close();
    copy.dispose();
  }
}

process.exitCode = await main(process.argv.slice(2));

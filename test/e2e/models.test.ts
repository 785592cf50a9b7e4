import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine, type Running } from '../support/command-line.ts';
import { root } from '../support/project.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`models in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('the model library, and the look of what needs no machine', () => {
  const line = new CommandLine();
  let browser: Browser;
  let host: Running;
  let studio: Studio;
  let page: Page;

  beforeAll(async () => {
    host = line.start(['studio', '--no-open', '--json']);
    const [ready, launched] = await Promise.all([host.waitFor(/"url":"([^"]+)"/), launchBrowser()]);
    browser = launched;
    page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    studio = new Studio(page);
    await studio.visit(ready[1] ?? '');
  });

  afterAll(async () => {
    await browser?.close();
    host?.signal('SIGINT');
    await host?.end();
    line.dispose();
  });

  const names = () => page.locator('.models-name').allInnerTexts();
  const add = async (path: string) => {
    await page.getByRole('textbox', { name: 'Path of a GGUF file' }).fill(path);
    await page.keyboard.press('Enter');
  };

  it('says what each model is and whether the kernel runs it', async () => {
    await studio.command('Model Library');
    const demo = page.getByRole('row', { name: /demo/ });
    await demo.getByText('runs it').waitFor();
    expect(await demo.innerText()).toMatch(/MiB\s+Q8_0\s+1\.7 M\s+512\s+yes/);
  });

  it('takes a file in, chooses it, removes it and puts it back', async () => {
    const file = join(line.home, 'mine.gguf');
    copyFileSync(join(root, 'kernel', 'demo', 'ring0-demo-q8_0.gguf'), file);
    await add(file);
    await expect.poll(names).toEqual(['demo', 'mine']);
    await page.getByRole('radio', { name: 'Use mine for the next start' }).check();
    await page.getByRole('button', { name: 'Remove mine' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(names).toEqual(['demo']);
    await page.getByText('Run takes the demo model now.').waitFor();
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(names).toEqual(['demo', 'mine']);
    await expect.poll(() => page.getByRole('radio', { name: 'Use mine for the next start' }).isChecked()).toBe(true);
  });

  it('refuses what is no model, and says at which byte', async () => {
    const file = join(line.home, 'text.gguf');
    writeFileSync(file, 'not a model');
    await add(file);
    await page.getByText('at byte 0: the file does not begin with GGUF').waitFor();
  });

  it('offers models of the catalogue', async () => {
    expect(await page.getByRole('button', { name: /^Get / }).count()).toBeGreaterThan(2);
    await page
      .getByText(/from huggingface\.co/)
      .first()
      .waitFor();
  });

  it.each(['dark', 'light', 'high-contrast'])('has nothing serious for axe in the theme %s', async (theme) => {
    await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
    const found: string[] = [];
    for (const [pane, command] of [
      ['models', 'Model Library'],
      ['profiles', 'Edit Machine Profiles'],
      ['welcome', 'Welcome'],
      ['settings', 'Settings'],
    ] as const) {
      await studio.command(command);
      await page.locator(`[data-pane="${pane}"] h1, [data-pane="${pane}"] h2`).first().waitFor();
      const { violations } = await new AxeBuilder({ page }).include(`[data-pane="${pane}"]`).analyze();
      for (const { id, impact, nodes } of violations)
        if (impact === 'serious' || impact === 'critical') found.push(`${pane}: ${id}: ${nodes[0]?.html}`);
    }
    expect(found).toEqual([]);
    expect(studio.complaints).toEqual([]);
  });
});

/** The serial console of a guest that a test plays: its hyperlinks, its log in a file, and messages that lie on nothing. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fail } from '../../app/base/result.ts';
import type { BuildService } from '../../app/contract/index.ts';
import { FakeMachine, type FakeStudio, startFakeStudio } from '../support/fake-studio.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`a console in a browser: ${NO_CHROMIUM}`, () => {});

const guest = new FakeMachine({ id: 'direct-1', startedAt: 1 });
const link = (address: string, text: string) => `\x1b]8;;${address}\x1b\\${text}\x1b]8;;\x1b\\\r\n`;

/** Goes on until it is cancelled. */
const build: BuildService = {
  async *build(options) {
    yield { kind: 'step', title: 'compiling', command: ['cargo'] };
    await new Promise<void>((resolve) => options?.signal?.addEventListener('abort', () => resolve()));
    const error = { code: 'cancelled', what: 'The build was cancelled.', why: '', fix: '' };
    yield { kind: 'failed', error, errors: 0 };
  },
  size: async () => fail('no-image', 'There is none.', '', ''),
};

describe.skipIf(chromiumPath === undefined)('a console in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-console-'));
  let browser: Browser;
  let host: FakeStudio;
  let studio: Studio;

  beforeAll(async () => {
    [host, browser] = await Promise.all([startFakeStudio(folder, [guest], { build }), launchBrowser()]);
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.page.goto(host.url);
    await studio.openView('Serial');
    await studio.pane('Serial').locator('.xterm-rows').waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    host?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const row = (text: string) => studio.pane('Serial').locator('.xterm-rows span', { hasText: text }).first();
  const dialog = () => studio.page.getByRole('dialog');

  /** xterm looks for a link where the pointer has come to rest. */
  async function clickOn(place: Locator): Promise<void> {
    const box = await place.boundingBox();
    if (box === null) return;
    const y = box.y + box.height / 2;
    for (const x of [box.x + 4, box.x + 12, box.x + 13]) await studio.page.mouse.move(x, y);
    await studio.page.mouse.click(box.x + 13, y);
  }

  it('asks before it follows a guest’s hyperlink, and shows where it really leads', async () => {
    const { page } = studio;
    guest.print(link('https://ex\u0430mple.test/steal?from=you', 'https://kernel.org/docs'));
    await row('https://kernel.org/docs').waitFor();
    await expect
      .poll(async () => {
        if ((await dialog().count()) === 0) await clickOn(row('https://kernel.org/docs'));
        return dialog().count();
      })
      .toBe(1);
    // The Cyrillic а is spelled out.
    await dialog().getByText('https://xn--exmple-4nf.test/steal?from=you').waitFor();
    expect(page.context().pages()).toHaveLength(1);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    expect(page.context().pages()).toHaveLength(1);
  });

  it('does nothing at all for an address that is no web address', async () => {
    const { page } = studio;
    for (const address of ['javascript:window.hacked=1', 'file:///etc/passwd', 'data:text/html,<script>1</script>']) {
      guest.print(link(address, `to ${address.slice(0, 8)}`));
      await row(`to ${address.slice(0, 8)}`).waitFor();
      await clickOn(row(`to ${address.slice(0, 8)}`));
    }
    // A link that does lead somewhere is asked about after these: they had their turn.
    guest.print(link('http://last.test/', 'the last one'));
    await row('the last one').waitFor();
    await expect
      .poll(async () => {
        if ((await dialog().count()) === 0) await clickOn(row('the last one'));
        return dialog().count();
      })
      .toBe(1);
    await dialog().getByText('http://last.test/').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1/);
  });

  it('goes on into a file until it is stopped, over a reload of the page', async () => {
    const { page } = studio;
    await studio.command('Serial: Log to File');
    const box = page.getByRole('combobox', { name: 'Log to file' });
    await box.fill('logs/run.log');
    await page.getByRole('option', { name: /from now on/ }).click();
    await studio.pane('Serial').getByText('Logging to logs/run.log').waitFor();
    const file = join(folder, 'logs', 'run.log');
    guest.print('first line\r\n');
    await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8')).toBe('first line\r\n');
    await page.reload();
    await studio.pane('Serial').getByText('Logging to logs/run.log').waitFor();
    guest.print('second line\r\n');
    await studio.pane('Serial').getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('The log is complete: 25 bytes in logs/run.log').waitFor();
    guest.print('unheard\r\n');
    expect(readFileSync(file, 'utf8')).toBe('first line\r\nsecond line\r\n');
    // The message leads to it.
    await page.getByRole('region', { name: 'Notifications' }).getByRole('button', { name: 'Open' }).click();
    await studio.editor('logs/run.log').locator('.view-line').first().waitFor();
  });

  it('says why a file cannot be written, and offers another', async () => {
    const { page } = studio;
    await studio.command('Serial: Log to File');
    const box = page.getByRole('combobox', { name: 'Log to file' });
    await box.fill('.git/hooks/post-commit');
    await page.getByRole('option', { name: /from now on/ }).click();
    await page
      .getByRole('region', { name: 'Notifications' })
      .getByRole('button', { name: 'Choose Another File' })
      .click();
    await box.waitFor();
    await page.keyboard.press('Escape');
  });

  it('lays messages where they cover no button, those of the build’s pane least of all', async () => {
    const { page } = studio;
    for (const name of ['.git/a', '.git/b']) {
      await studio.command('Serial: Log to File');
      await page.getByRole('combobox', { name: 'Log to file' }).fill(name);
      await page.getByRole('option', { name: /from now on/ }).click();
      await page.getByRole('combobox', { name: 'Log to file' }).waitFor({ state: 'detached' });
    }
    const toasts = page.getByRole('region', { name: 'Notifications' }).getByRole('button', { name: 'Dismiss' });
    await expect.poll(() => toasts.count()).toBe(2);
    await page.keyboard.press('Control+Shift+B');
    const cancel = studio.pane('Build').getByRole('button', { name: 'Cancel', exact: true });
    await cancel.waitFor();
    for (const size of [
      { width: 1280, height: 800 },
      { width: 900, height: 600 },
      { width: 1920, height: 1080 },
    ]) {
      await page.setViewportSize(size);
      // Playwright waits until nothing else would take the click.
      await cancel.click({ trial: true });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await cancel.click();
    await studio.pane('Build').getByText('Build cancelled').waitFor();
    for (let n = await toasts.count(); n > 0; n -= 1) await toasts.first().click();
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect([studio.complaints, host.bugs]).toEqual([[], []]);
  });
});

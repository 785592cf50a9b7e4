/** Host shells in the page: typed at, followed through a reload, linked, ended, started again. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sessionMembers } from '../../main/services/terminal/session-processes.ts';
import { CommandLine, type Running } from '../support/command-line.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

const TOKEN = 'e2e-token-of-the-terminal';

if (chromiumPath === undefined) it.skip(`shells in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('shells in Chromium', () => {
  const line = new CommandLine();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'r0-shell-')));
  let browser: Browser;
  let host: Running;
  let studio: Studio;
  let url = '';

  async function startHost(): Promise<void> {
    const port = url === '' ? [] : ['--port', new URL(url).port];
    host = line.start(['studio', folder, '--no-open', '--json', '--token', TOKEN, ...port]);
    url = (await host.waitFor(/"url":"([^"]+)"/))[1] ?? '';
  }

  beforeAll(async () => {
    line.putSettings();
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src', 'deep.rs'), `${'// a line\n'.repeat(40)}fn found() {}\n`);
    [browser] = await Promise.all([launchBrowser(), startHost()]);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    studio = new Studio(await context.newPage());
    await studio.visit(url);
  });
  afterAll(async () => {
    await browser?.close();
    line.dispose();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => expect(studio.complaints.splice(0)).toEqual([]));

  const pane = () => studio.page.locator('[data-pane="terminal"]');
  const screen = (): Locator => pane().locator('.terminal-screen:visible');
  const rows = async () =>
    (await screen().locator('.xterm-rows > div').allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');
  const prints = (text: string | RegExp) => expect.poll(rows).toMatch(text);

  it('opens with its key, in the folder, and does what is typed', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+`');
    await screen().locator('.xterm-helper-textarea').waitFor();
    await prints(/[#$] /);
    await page.keyboard.type('export PS1="> "; clear; pwd; echo sum-$((20+3))\n');
    await prints('sum-23');
    expect(await rows()).toContain(folder);
    // What a shell wants for itself reaches it: Ctrl+P is its last line.
    await page.keyboard.press('Control+P');
    await prints(/echo sum-\$\(\(20\+3\)\)\s*$/);
    await page.keyboard.press('Control+C');
  });

  it('goes away and comes back with the same key', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+`');
    await pane().waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+`');
    await pane().waitFor();
    await page.keyboard.type('echo back-$((1+1))\n');
    await prints('back-2');
  });

  it('knows its size, also after it has changed', async () => {
    const { page } = studio;
    const wait =
      'a=$(stty size); echo from-$a; while [ "$(stty size)" = "$a" ]; do sleep 0.1; done; echo to-$(stty size)';
    await page.keyboard.type(`clear; ${wait}\n`);
    await prints(/^from-\d+ \d+/m);
    await page.setViewportSize({ width: 1000, height: 800 });
    await prints(/^to-\d+ \d+/m);
    const [, before, after] = /from-\d+ (\d+).*to-\d+ (\d+)/s.exec(await rows()) ?? [];
    expect(Number(after)).toBeLessThan(Number(before));
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('leads from a place in its output to the file', async () => {
    const { page } = studio;
    await page.keyboard.type('clear; echo "error at src/deep.rs:41:4"\n');
    await prints(/^error at src\/deep\.rs:41:4/m);
    const row = screen()
      .locator('.xterm-rows > div')
      .filter({ hasText: /^error at src/ });
    const box = await row.boundingBox();
    if (box === null) throw new Error('the line is not to be seen');
    const cell = await screen()
      .locator('.xterm-rows > div')
      .first()
      .evaluate((it) => it.getBoundingClientRect().height / 2);
    await page.mouse.move(box.x + cell * 14, box.y + box.height / 2);
    await screen().locator('.xterm[title="Open src/deep.rs:41"]').waitFor();
    await page.mouse.click(box.x + cell * 14, box.y + box.height / 2);
    await studio.editor('src/deep.rs').locator('.view-line').first().waitFor();
    await expect.poll(() => studio.text('src/deep.rs')).toContain('fn found()');
  });

  it('several stand in a list; one is renamed, another killed with all that runs in it', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+Shift+`');
    const list = pane().getByRole('list', { name: 'Terminals' });
    await expect.poll(() => list.getByRole('listitem').count()).toBe(2);
    await prints(/[#$] /);
    await page.keyboard.type('sleep 1000 & echo pid-$$-end\n');
    await prints(/pid-(\d+)-end/);
    const pid = Number(/pid-(\d+)-end/.exec(await rows())?.[1]);
    expect(sessionMembers(pid).length).toBeGreaterThanOrEqual(2);
    await list.getByRole('listitem').nth(1).getByRole('button').first().focus();
    await page.keyboard.press('F2');
    await page.keyboard.type('watcher');
    await page.keyboard.press('Enter');
    await list.getByRole('button', { name: 'watcher', exact: true }).waitFor();
    const { violations } = await new AxeBuilder({ page }).include('[data-pane="terminal"]').analyze();
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    // By key: a notification may lie over the button.
    await list.getByRole('button', { name: 'watcher', exact: true }).focus();
    await page.keyboard.press('Delete');
    await list.waitFor({ state: 'detached' });
    await expect.poll(() => sessionMembers(pid)).toEqual([]);
  });

  it('lives on while the page is loaded again, and shows what was printed meanwhile', async () => {
    const { page } = studio;
    await screen().click();
    await page.keyboard.type('clear; echo before-$((1+1)); (sleep 1; echo meanwhile-$((1+1))) & \n');
    await prints('before-2');
    await page.reload();
    await prints('meanwhile-2');
    expect(await rows()).toContain('before-2');
    await screen().click();
    await page.keyboard.type('echo after-$((1+1))\n');
    await prints('after-2');
  });

  it('answers a question of a program once, and not again when the page shows the past', async () => {
    const { page } = studio;
    // DA1: xterm answers ESC [ ? 1 ; 2 c, which the shell would take for typing.
    await page.keyboard.type(
      'clear; stty -echo; printf \'\\033[c\'; read -t 5 -n 7 answer; stty echo; echo "got-$(printf %s "$answer" | wc -c)"\n',
    );
    await prints('got-7');
    await page.reload();
    await prints('got-7');
    await screen().click();
    await page.keyboard.type('echo clean-$((1+1))\n');
    await prints('clean-2');
    expect(await rows()).not.toMatch(/1;2c/);
  });

  it('takes a flood, and what is typed after it', async () => {
    const { page } = studio;
    await page.keyboard.type('clear; seq 1 300000; echo flood-$((1+1))\n');
    await prints('flood-2');
    expect(await rows()).toContain('300000');
    await page.keyboard.type('echo typed-$((1+1))\n');
    await prints('typed-2');
  });

  it('finds text', async () => {
    const { page } = studio;
    await page.keyboard.type('clear; echo needle needle\n');
    await prints(/^needle needle/m);
    await pane()
      .page()
      .getByRole('button', { name: /^Find in the terminal/ })
      .click();
    await page.getByRole('textbox', { name: 'Find in the terminal' }).fill('needle');
    await expect.poll(() => page.locator('.terminal-search-count:visible').innerText()).toMatch(/of [23]/);
    await page.keyboard.press('Escape');
  });

  it('says how its shell has ended, and starts another in its place', async () => {
    const { page } = studio;
    await page.keyboard.type('exit 3\n');
    await pane().getByText('The shell has ended with exit code 3.').waitFor();
    await pane().getByRole('button', { name: 'Restart' }).click();
    await pane().getByText('The shell has ended').waitFor({ state: 'detached' });
    await expect.poll(rows).toMatch(/exit\s+\S+[#$] \s*$/);
    await page.keyboard.type('echo anew-$((1+1))\n');
    await prints('anew-2');
  });

  it('ends with its host, whose successor has others', async () => {
    const { page } = studio;
    await page.keyboard.type('clear; echo pid-$$-end; sleep 1000\n');
    await prints(/pid-(\d+)-end/);
    const pid = Number(/pid-(\d+)-end/.exec(await rows())?.[1]);
    host.signal('SIGKILL');
    await host.end();
    await expect.poll(() => sessionMembers(pid)).toEqual([]);
    await startHost();
    await pane().getByText('No shell is open').waitFor();
    await pane()
      .getByRole('button', { name: /New terminal/ })
      .click();
    await prints(/[#$] /);
  });
});

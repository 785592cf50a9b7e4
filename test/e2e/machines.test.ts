import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DoctorCheckSchema } from '../../app/contract/doctor.ts';
import { CommandLine, type Running } from '../support/command-line.ts';
import { root } from '../support/project.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`machines in a browser: ${NO_CHROMIUM}`, () => {});

/** `12.5 KiB` in bytes. */
function sizeOf(text: string): number {
  const [number = '', unit = ''] = text.trim().split(/\s+/);
  return Number(number) * ({ KiB: 1024, MiB: 1 << 20 }[unit] ?? 1);
}

/** Building may come first, on a computer that has much to do. */
const BOOT_MS = 240_000;

describe.skipIf(chromiumPath === undefined)('machines, from the first page on', () => {
  const line = new CommandLine();
  let browser: Browser;
  let host: Running;
  let studio: Studio;

  beforeAll(async () => {
    host = line.start(['studio', '--no-open', '--json']);
    const [ready, launched] = await Promise.all([host.waitFor(/"url":"([^"]+)"/), launchBrowser()]);
    browser = launched;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    studio = new Studio(await context.newPage());
    await studio.visit(ready[1] ?? '');
  });

  afterAll(async () => {
    await browser?.close();
    host?.signal('SIGINT');
    await host?.end();
    line.dispose();
  });

  const serial = () => studio.page.locator('.xterm-rows').innerText();
  const serious = async (pane: string) => {
    const { violations } = await new AxeBuilder({ page: studio.page }).include(`[data-pane="${pane}"]`).analyze();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${pane}: ${id}: ${nodes[0]?.html}`);
  };

  it('begins with a page that has checked the computer', async () => {
    const { page } = studio;
    const computer = page.getByRole('region', { name: 'This computer' });
    // Some of the checks say that everything else works.
    const summary = computer.locator('.welcome-summary');
    await expect.poll(() => summary.innerText(), { timeout: BOOT_MS }).toMatch(/^(Everything|\d+ things? )/);
    expect(await computer.getByRole('listitem').count()).toBe(DoctorCheckSchema.shape.id.options.length);
    expect(await serious('welcome')).toEqual([]);
  });

  it(
    'goes from nothing to a conversation in one click, with the time of every stage',
    async () => {
      const { page } = studio;
      await page.getByRole('button', { name: 'Build, boot and chat' }).click();
      await page.getByRole('button', { name: 'Cancel', exact: true }).waitFor();
      const message = page.getByRole('textbox', { name: 'Message' });
      await page.locator('[data-pane="chat"] textarea:focus').waitFor({ timeout: BOOT_MS });
      await message.fill('What is paging?');
      await page.keyboard.press('Enter');
      const answer = page.getByRole('article', { name: 'Answer' });
      await answer.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
      expect((await answer.innerText()).length).toBeGreaterThan(40);
      await studio.command('Welcome');
      const stages = await page.locator('.welcome-stages [data-state="done"]').count();
      expect(stages).toBe(4);
    },
    BOOT_MS + 60_000,
  );

  it('shows what the built image is made of: sections, crates, and the largest symbols', async () => {
    const { page } = studio;
    await studio.command('Build: Show Size of the Image');
    const pane = studio.pane('Build');
    await pane.getByText(/in memory/).waitFor();
    const legend = await pane.locator('.size-legend').innerText();
    expect(legend).toMatch(/\.text\s+[\d.]+ KiB/);
    expect(legend).toMatch(/\.bss/);
    expect(await pane.locator('.size-crates').innerText()).toMatch(/ring0_engine|engine/);
    const rows = pane.locator('.size-table tbody tr');
    expect(await rows.count()).toBeGreaterThan(50);
    const bytes = async () => (await rows.locator('.size-col-bytes').allInnerTexts()).slice(0, 30).map(sizeOf);
    const largest = await bytes();
    expect(largest).toEqual(largest.toSorted((a, b) => b - a));
    // The other way round, and only some.
    await pane.getByRole('button', { name: 'Size', exact: true }).click();
    await expect.poll(async () => (await bytes())[0]).toBeLessThan(largest[29] ?? 0);
    await pane.getByRole('textbox', { name: 'Filter the symbols' }).fill('tokenizer');
    await expect.poll(() => rows.locator('.size-col-name').first().innerText()).toMatch(/tokenizer/);
    expect(await serious('build')).toEqual([]);
    await page.keyboard.press('Escape');
  });

  it('shows what the machine costs, and where its processor is in the source', async () => {
    const { page } = studio;
    await studio.command('Debug Layout');
    const card = page.getByRole('region', { name: /^Machine direct/ });
    await card.getByText(/^\d+ %$/).waitFor();
    await card.getByText(/^\d[\d.]* MiB guest$/).waitFor();
    await expect.poll(() => card.locator('.machine-usage').innerText()).toMatch(/Tokens\/s\s+\d/);
    await card.locator('.machine-at').first().waitFor();
    expect(await serious('machine')).toEqual([]);
  });

  it('pauses, resumes and resets, and says what is true', async () => {
    const { page } = studio;
    const state = page.locator('.machine-head [role="status"]');
    await page.keyboard.press('Control+F6');
    await expect.poll(() => state.innerText()).toBe('Paused');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await expect.poll(() => state.innerText()).toBe('Running');
    // A long answer takes the lines of the boot out of sight; the next boot brings them back.
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('help\r');
    await expect.poll(serial).not.toMatch(/serving http/);
    await page.getByRole('button', { name: 'Reset the machine' }).click();
    await expect.poll(serial).toMatch(/serving http/);
    expect(await state.innerText()).toBe('Running');
  }, 60_000);

  it('edits a profile as a form: inherits, overrides, is checked, saved, undone', async () => {
    const { page } = studio;
    const file = join(root, 'qemu-profiles', 'e2e-form.json');
    rmSync(file, { force: true });
    try {
      await studio.command('Edit Machine Profiles');
      await page.getByRole('button', { name: 'New profile' }).click();
      const name = page.getByRole('textbox', { name: 'Name of the profile' });
      await name.fill('e2e-form');
      await name.press('Enter');
      const editor = page.getByRole('region', { name: 'Profile e2e-form' });
      await editor.getByText('from direct').first().waitFor();

      await editor.getByRole('button', { name: 'Memory, MiB: override' }).click();
      const memory = editor.getByRole('textbox', { name: 'Memory, MiB' });
      await memory.fill('7');
      await editor.getByText('must be a whole number from 32 to 1048576').waitFor();
      expect(await editor.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
      await memory.fill('192');
      await expect.poll(() => page.locator('.profiles-argv .code-block').innerText()).toContain('size=192M');
      await memory.press('Control+S');
      await expect
        .poll(() => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null))
        .toMatchObject({
          extends: 'direct',
          memoryMiB: 192,
        });
      expect(await serious('profiles')).toEqual([]);

      // Somebody else writes the file while it is being changed here.
      await memory.fill('256');
      const theirs = { $schema: './profile.schema.json', extends: 'direct', memoryMiB: 100, cores: 2 };
      writeFileSync(file, `${JSON.stringify(theirs)}\n`);
      await memory.press('Control+S');
      const conflict = editor.getByText('was changed on the disk while it was being changed here');
      await conflict.waitFor();
      expect(await memory.inputValue()).toBe('256');
      await editor.getByRole('button', { name: 'Keep mine' }).click();
      await memory.press('Control+S');
      await expect.poll(() => JSON.parse(readFileSync(file, 'utf8')) as unknown).toMatchObject({ memoryMiB: 256 });

      await editor.getByRole('button', { name: 'Memory, MiB: inherit again (512)' }).click();
      await editor.getByRole('button', { name: 'Undo' }).click();
      expect(await memory.inputValue()).toBe('256');
      await editor.getByRole('button', { name: 'Delete' }).click();
      await expect.poll(() => existsSync(file)).toBe(false);
      await page.getByRole('button', { name: 'Undo', exact: true }).last().click();
      await expect.poll(() => existsSync(file)).toBe(true);
    } finally {
      rmSync(file, { force: true });
    }
  }, 60_000);

  it(
    'runs two machines side by side; console, boot and chat follow the choice',
    async () => {
      const { page } = studio;
      await studio.command('Debug Layout');
      await page.getByRole('combobox', { name: 'Profile' }).selectOption('microvm');
      await page.getByRole('button', { name: 'Build and run another' }).click();
      const machines = page.getByRole('radiogroup', { name: 'Machines' });
      await machines.getByText('microvm').waitFor({ timeout: BOOT_MS });
      await expect.poll(serial, { timeout: 60_000 }).toMatch(/serving http[\s\S]*ring0>/);
      await page.locator('.xterm-helper-textarea').focus();
      await page.keyboard.type('uptime\r');
      await expect.poll(serial).toMatch(/up \d+\.\d+ s/);
      await machines.getByText('direct').click();
      await expect.poll(serial).not.toMatch(/up \d+\.\d+ s/);
      await expect.poll(() => page.locator('.machine-name').innerText()).toBe('direct');

      // Its clock went on through the reset: the other one's boot is on the axis from QEMU's start.
      await studio.openView('Boot');
      await page.getByText(/Not from QEMU's start: the guest was reset/).waitFor();
      await machines.getByText('microvm').click();
      await page.getByText(/from QEMU's start to the end of its last phase/).waitFor();
      await page.locator('.boot-bar[data-by="firmware"]').waitFor();
      expect(await serious('boot-timeline')).toEqual([]);

      await studio.command('Chat Layout');
      await page.getByRole('button', { name: 'New conversation' }).click();
      await page.locator('[data-pane="chat"]').getByText('microvm').waitFor();
    },
    BOOT_MS + 60_000,
  );

  it('opens the source of an address in a backtrace on the console', async () => {
    const { page } = studio;
    await studio.command('Debug Layout');
    await studio.openView('Serial');
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('panic panic\r');
    await expect.poll(serial).toMatch(/#\d+ 0xffffffff80[0-9a-f]+ \S*provoke/);
    await expect.poll(() => page.locator('.machine-head [role="status"]').innerText()).toBe('Crashed');
    // The call stack has the same places, each with its line.
    await page.locator('.machine-frames .link').first().waitFor();
    const row = page.locator('.xterm-rows > div', { hasText: /#\d+ 0xffffffff80[0-9a-f]+ \S*provoke/ }).last();
    const box = await row.boundingBox();
    const text = await row.innerText();
    if (box === null) throw new Error('the row is not drawn');
    const column = text.indexOf('0xffffffff') + 5;
    // Cells are all as wide as one another; xterm's element of a row is as wide as the terminal.
    const spans = await row.locator('span').first().boundingBox();
    const first = await row.locator('span').first().innerText();
    const width = (spans?.width ?? 0) / first.length;
    const at = { x: box.x + width * column, y: box.y + box.height / 2 };
    await page.mouse.move(at.x, at.y);
    await expect.poll(() => page.locator('.xterm').getAttribute('title')).toMatch(/provoke.*kernel\/ring0\/src/);
    expect(studio.complaints).toEqual([]);
  }, 60_000);

  it('stops what it started, by key', async () => {
    const { page } = studio;
    for (let left = 2; left > 0; left--) {
      await page.keyboard.press('Shift+F5');
      await expect.poll(() => page.locator('.machine-tabs label, .machine-head').allInnerTexts()).toBeTruthy();
      await page.getByRole('button', { name: 'Remove from the list' }).click();
    }
    await expect.poll(() => page.locator('.machine-card').count()).toBe(0);
  });
});

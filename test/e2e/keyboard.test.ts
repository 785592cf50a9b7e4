/** What a person does who has no mouse: settings, keys and notifications, each reached by keys alone, with a focus that can be seen. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`by keyboard in a browser: ${NO_CHROMIUM}`, () => {});

/** What has the focus: its name, and whether it looks different from when it has not. */
const FOCUS = `(() => {
  const element = document.activeElement;
  const look = () => {
    const own = [element, element.parentElement, element.closest('label, .toast, tr, .setting')].filter(Boolean);
    return own.map((it) => {
      const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } = getComputedStyle(it);
      return [outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor].join();
    }).join(';');
  };
  const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText ?? element.textContent ?? '';
  const focused = look();
  element.blur();
  const blurred = look();
  element.focus({ preventScroll: true, focusVisible: true });
  const { top, bottom } = element.getBoundingClientRect();
  return { name: name.trim(), visible: focused !== blurred && bottom > 0 && top < innerHeight };
})()`;

describe.skipIf(chromiumPath === undefined)('by keyboard alone', () => {
  const line = new CommandLine();
  const folder = mkdtempSync(join(tmpdir(), 'r0-keyboard-'));
  let browser: Browser;
  let studio: Studio;

  beforeAll(async () => {
    writeFileSync(join(folder, 'one.rs'), 'fn one() {}\n');
    writeFileSync(join(folder, 'Cargo.toml'), '[package]\nname = "one"\nversion = "0.1.0"\n');
    writeFileSync(join(folder, 'two.md'), 'two\n');
    line.putSettings();
    const host = line.start(['studio', folder, '--no-open', '--json'], {
      RING0_RUST_ANALYZER: join(folder, 'nothing'),
    });
    const [[, url = '']] = await Promise.all([
      host.waitFor(/"url":"([^"]+)"/),
      launchBrowser().then((it) => {
        browser = it;
      }),
    ]);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    studio = new Studio(await context.newPage());
    await studio.visit(url);
  });

  afterAll(async () => {
    await browser?.close();
    line.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const focus = () => studio.page.evaluate<{ name: string; visible: boolean }>(FOCUS);
  const settings = () => {
    try {
      return JSON.parse(readFileSync(join(line.home, 'data', 'ring0', 'studio', 'settings.json'), 'utf8'));
    } catch {
      return {};
    }
  };
  /** Tab by Tab to what has this name; every stop on the way must be seen. */
  async function tabTo(name: RegExp, limit = 60): Promise<void> {
    for (let n = 0; n < limit; n += 1) {
      await studio.page.keyboard.press('Tab');
      const now = await focus();
      expect(now).toEqual({ name: now.name, visible: true });
      if (name.test(now.name)) return;
    }
    throw new Error(`${name} was not reached`);
  }

  it('changes settings: a number, a choice and a switch', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+,');
    await page.locator('[aria-label="Search settings and keys"]:focus').waitFor();
    await page.keyboard.type('editor');
    await tabTo(/^Editor tab size/);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('8');
    await page.keyboard.press('Enter');
    await expect.poll(() => settings().editorTabSize).toBe(8);
    // Its value is no longer the default: there is a way back beside it.
    await page.getByRole('button', { name: 'Reset Editor tab size' }).waitFor();
    await studio.command('Preferences: Settings');
    await page.locator('[aria-label="Search settings and keys"]:focus').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('editor');
    await tabTo(/^Reset Editor tab size/);
    await page.keyboard.press('Enter');
    await expect.poll(() => settings().editorTabSize ?? 4).toBe(4);
  });

  it('passes every control of the settings, and sees where it is', async () => {
    const { page } = studio;
    await studio.command('Preferences: Settings');
    await page.locator('[aria-label="Search settings and keys"]:focus').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    const names: string[] = [];
    for (let n = 0; n < 45; n += 1) {
      await page.keyboard.press('Tab');
      const { name, visible } = await focus();
      names.push(name);
      expect([name, visible]).toEqual([name, true]);
    }
    expect(names).toEqual(expect.arrayContaining(['Theme', 'Zoom', 'Editor minimap', 'Workspace trust', 'Profile']));
  });

  it('gives a command another key, uses it, and takes it back', async () => {
    const { page } = studio;
    await studio.command('Preferences: Settings');
    await page.locator('[aria-label="Search settings and keys"]:focus').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('file: new file');
    await tabTo(/^Change the key of File: New File/);
    await page.keyboard.press('Enter');
    await page.locator('[data-records-keys]:focus').waitFor();
    await page.keyboard.press('Control+Alt+Y');
    await expect.poll(() => settings().keybindings).toEqual([{ key: 'mod+alt+y', command: 'explorer.newFile' }]);
    await page.keyboard.press('Control+Alt+Y');
    await page.getByRole('textbox', { name: 'Name of the new file' }).waitFor();
    await page.keyboard.press('Escape');
    await studio.command('Preferences: Settings');
    await page.locator('[aria-label="Search settings and keys"]:focus').waitFor();
    await tabTo(/^Reset the key of File: New File/);
    await page.keyboard.press('Enter');
    await expect.poll(() => settings().keybindings ?? []).toEqual([]);
  });

  it('reaches a notification, does what it offers, and is back where it was', async () => {
    const { page } = studio;
    await studio.open('one.rs');
    const toast = page.getByRole('region', { name: 'Notifications' });
    await toast.getByText('rust-analyzer would complete').waitFor();
    await studio.command('Notifications: Go to Notifications');
    expect(await focus()).toEqual({ name: 'Install', visible: true });
    await page.keyboard.press('Tab');
    expect(await focus()).toEqual({ name: 'Copy Command', visible: true });
    await page.keyboard.press('Enter');
    await toast.getByText('rust-analyzer would complete').waitFor({ state: 'detached' });
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('rustup component add rust-analyzer');
    await page.locator('.monaco-editor.focused').waitFor();
  });

  it('goes to it by F6, and away by Escape', async () => {
    const { page } = studio;
    await page.reload();
    const toast = page.getByRole('region', { name: 'Notifications' });
    await toast.getByText('rust-analyzer would complete').waitFor();
    for (let n = 0; n < 10 && (await toast.locator(':focus').count()) === 0; n += 1) await page.keyboard.press('F6');
    expect((await focus()).visible).toBe(true);
    await page.keyboard.press('Escape');
    await toast.getByText('rust-analyzer would complete').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement !== document.body')).toBe(true);
  });

  it('is not asked again after it has said so', async () => {
    const { page } = studio;
    await page.reload();
    const toast = page.getByRole('region', { name: 'Notifications' });
    await toast.getByText('rust-analyzer would complete').waitFor();
    await studio.command('Notifications: Go to Notifications');
    for (let n = 0; n < 2; n += 1) await page.keyboard.press('Tab');
    expect((await focus()).name).toBe('Don’t Ask Again');
    await page.keyboard.press('Enter');
    await toast.getByText('rust-analyzer would complete').waitFor({ state: 'detached' });
    await page.reload();
    // The status bar knows what the message would have said.
    await page.getByText('No rust-analyzer').waitFor();
    expect(await toast.getByText('rust-analyzer would complete').count()).toBe(0);
  });

  it('splits the editors by dragging a tab beside the text, for whoever has a mouse', async () => {
    const { page } = studio;
    await studio.open('two.md');
    await studio.open('one.rs');
    const tab = studio.tab(/^one\.rs/);
    const text = await studio.editor('one.rs').boundingBox();
    const from = await tab.boundingBox();
    if (text === null || from === null) throw new Error('not drawn');
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(text.x + text.width / 2, text.y + text.height / 2, { steps: 8 });
    await page.mouse.move(text.x + text.width * 0.92, text.y + text.height / 2, { steps: 8 });
    await page.mouse.up();
    await expect
      .poll(async () => {
        const [left, right] = await Promise.all([
          page.locator('section[aria-label="two.md"]:visible').boundingBox(),
          page.locator('section[aria-label="one.rs"]:visible').boundingBox(),
        ]);
        return left !== null && right !== null && left.x + left.width <= right.x + 2;
      })
      .toBe(true);
    // Both are still there after a reload.
    await page.reload();
    for (const path of ['two.md', 'one.rs'])
      await page.locator(`section[aria-label="${path}"]:visible .view-line`).first().waitFor();
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});

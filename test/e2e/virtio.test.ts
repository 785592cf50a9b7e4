/** The virtqueues pane: rings move while a guest works, history can be stepped through, and a queue that is too small is diagnosed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastUsedOffset } from '../../app/wire/abi/index.ts';
import { root } from '../support/project.ts';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const BOOT_MS = 120_000;
/** Of a queue in the registry, kernel/abi/src/driver.rs. */
const SIZE_IN_ENTRY = 2;
const DEVICE_SIZE_IN_ENTRY = 4;
const LAST_USED_IN_ENTRY = 34;

if (chromiumPath === undefined) it.skip(`virtqueues in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('the virtqueues pane', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-virtio-'));
  /** Pictures for people: RING0_SHOTS names a folder that keeps them. */
  const shots = process.env.RING0_SHOTS ?? folder;
  let shell: BrowserShell;
  let studio: Studio;

  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    writeFileSync(
      join(folder, 'legacy.json'),
      JSON.stringify({ extends: 'direct', block: 'transitional', network: 'transitional' }),
    );
    shell = await BrowserShell.open({ folder: root });
    studio = shell.studio;
  });
  afterAll(async () => {
    await shell?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const accessible = async () => {
    const { violations } = await new AxeBuilder({ page: studio.page }).include('.vq').analyze();
    expect(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(' ')}`)).toEqual([]);
  };
  /** Events that the tape of the shown queue has. */
  const recorded = async () =>
    Number(/(\d+) events?/.exec(await studio.page.locator('.vq-moment').innerText())?.[1] ?? 0);

  /** Whether something on the rings has a colour of the theme. */
  const drawnIn = (token: string) =>
    studio.page.evaluate<boolean>(`(() => {
      const canvas = document.querySelector('.vq-rings canvas');
      const hex = getComputedStyle(document.documentElement).getPropertyValue('${token}').trim();
      const wanted = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255 && wanted.every((value, n) => data[at + n] === value)) return true;
      return false;
    })()`);

  /** The page has asked what this place holds, and asked again: it has drawn what came of the first question. */
  const askedAgain = async (place: string) => {
    const session = await studio.page.context().newCDPSession(studio.page);
    let asked = 0;
    session.on('Network.webSocketFrameSent', ({ response: { opcode, payloadData } }) => {
      const text = opcode === 1 ? payloadData : Buffer.from(payloadData, 'base64').toString();
      if (text.includes(place)) asked += 1;
    });
    await session.send('Network.enable');
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(1);
    await session.detach();
  };

  /** What a person names takes the place of what the registry says: its own variables are as good as another kernel's. */
  const namedVariables = async (verdict: Locator) => {
    const { page } = studio;
    const size = page.getByRole('combobox', { name: "driver's queue size" });
    const name = async (place: string) => {
      await size.fill(place);
      await size.press('Enter');
    };
    const field = lastUsedOffset(0, 0) - LAST_USED_IN_ENTRY;
    await size.fill('RING0_DRIVER_REG');
    await page.getByRole('option', { name: /RING0_DRIVER_REGISTRY/ }).waitFor();
    await name('no such');
    await page.getByRole('alert').filter({ hasText: 'no such is no place' }).waitFor();
    await size.press('Escape');
    await expect.poll(() => size.inputValue()).toBe('');
    await name('no_such_symbol');
    await page.getByRole('alert').filter({ hasText: 'no symbol no_such_symbol' }).waitFor();
    // What means nothing replaces nothing.
    await verdict.filter({ hasText: /entries by the driver's registry entry/ }).waitFor();
    // The size that the device offered: nothing is wrong with the size then.
    await name(`RING0_DRIVER_REGISTRY+${field + DEVICE_SIZE_IN_ENTRY}`);
    await page.getByText('The verdict is from these, read once a second, whichever queue is shown.').waitFor();
    await verdict.waitFor({ state: 'detached' });
    await expect.poll(() => page.locator('.vq-indices').innerText()).not.toContain('≠');
    // It counts also while another queue is shown, in its mark and in its device's.
    const mark = page.getByRole('option', { name: /requestq/ }).locator('.vq-mark');
    await expect.poll(() => mark.getAttribute('data-severity')).toBe('pass');
    await page
      .getByRole('option', { name: /transmitq/ })
      .first()
      .click();
    await page
      .getByText('Nobody tells')
      .or(page.getByRole('img', { name: /^Rings of transmitq/ }))
      .first()
      .waitFor();
    await askedAgain('RING0_DRIVER_REGISTRY');
    expect(await mark.getAttribute('data-severity')).toBe('pass');
    await page.getByRole('option', { name: /requestq/ }).click();
    await name(`RING0_DRIVER_REGISTRY+${field + SIZE_IN_ENTRY}`);
    await verdict.filter({ hasText: /entries by the symbol that you named\s*16/ }).waitFor();
    await expect.poll(() => page.locator('.vq-indices').innerText()).toContain('256 ≠ 16');
    await page.screenshot({ path: join(shots, 'virtio-named.png') });
    await accessible();
    // They are there again with the page.
    await page.waitForTimeout(600);
    await page.reload();
    await verdict.filter({ hasText: /the symbol that you named/ }).waitFor();
    await page.getByRole('button', { name: "Forget the driver's variables" }).click();
    await verdict.filter({ hasText: /entries by the driver's registry entry/ }).waitFor();
    expect(await size.inputValue()).toBe('');
  };

  it(
    'moves while the guest boots and loads its model, and goes back to any moment of it',
    async () => {
      const { page } = studio;
      const machine = shell.elsewhere(['run', '-p', 'direct', '--port', '0', '--json']);
      await machine.waitFor(/"event": ?"started"/);
      await studio.command('Show Virtqueues');
      await page.getByRole('option', { name: /requestq/ }).click({ timeout: BOOT_MS });
      await page.getByRole('img', { name: /^Rings of requestq: 256 descriptors/ }).waitFor();
      await page.locator('.vq-scrubber').waitFor();
      const before = await recorded();
      // The driver registry shows the new queue before its first buffer: the boot's own load is all there.
      await studio.command('Machine: Reset');
      await expect.poll(recorded, { timeout: BOOT_MS }).toBeGreaterThan(before + 3);
      await page.getByRole('tab', { name: 'Events' }).click();
      await expect.poll(() => page.locator('.vq-events').innerText(), { timeout: BOOT_MS }).toMatch(/IN sector \d+/);
      await page.screenshot({ path: join(shots, 'virtio-load.png') });
      await page.getByRole('option', { name: /requestq/ }).click();
      await page.keyboard.press(',');
      await page.getByText(/s ago/).waitFor();
      await page.getByRole('button', { name: 'Live', exact: true }).click();
      await page.getByText(/live · /).waitFor();
      await accessible();
      // A theme that comes while the pane is hidden: its canvas is out of the document then.
      await studio.theme('Light');
      await studio.command('Show Virtqueues');
      await expect.poll(() => drawnIn('--bg-side')).toBe(true);
      await studio.theme('Dark');
      await studio.command('Show Virtqueues');
      await expect.poll(() => drawnIn('--bg-side')).toBe(true);
      machine.signal('SIGTERM');
      await machine.end();
    },
    2 * BOOT_MS,
  );

  it(
    'names a driver that assumes 16 entries where the device has 256',
    async () => {
      const { page } = studio;
      const profile = join(folder, 'legacy.json');
      const machine = shell.elsewhere([
        'run',
        '-p',
        profile,
        '--port',
        '0',
        '--json',
        '--append',
        'provoke=virtq-size:16',
      ]);
      await machine.waitFor(/"event": ?"started"/);
      await studio.command('Show Virtqueues');
      const verdict = page
        .getByRole('article')
        .filter({ hasText: 'The driver assumes 16 entries where the device has 256' });
      await verdict.waitFor({ timeout: BOOT_MS });
      await expect.poll(() => verdict.innerText()).toMatch(/entries by the device \(vring-num\)\s+256/);
      await expect.poll(() => page.locator('.vq-indices').innerText()).toContain('256 ≠ 16');
      await page.screenshot({ path: join(shots, 'virtio-small-queue.png') });
      await accessible();
      await namedVariables(verdict);
      expect(studio.complaints).toEqual([]);
      machine.signal('SIGTERM');
      await machine.end();
    },
    2 * BOOT_MS,
  );
});

/** The virtqueues pane: rings move while a guest works, history can be stepped through, and a queue that is too small is diagnosed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/project.ts';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const BOOT_MS = 120_000;

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
    Number(/(\d+) events/.exec(await studio.page.locator('.vq-moment').innerText())?.[1] ?? 0);

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
      const verdict = page
        .getByRole('article')
        .filter({ hasText: 'The driver assumes 16 entries where the device has 256' });
      await verdict.waitFor({ timeout: BOOT_MS });
      await expect.poll(() => verdict.innerText()).toMatch(/entries by the device \(vring-num\)\s+256/);
      await expect.poll(() => page.locator('.vq-indices').innerText()).toContain('256 ≠ 16');
      await page.screenshot({ path: join(shots, 'virtio-small-queue.png') });
      await accessible();
      expect(studio.complaints).toEqual([]);
      machine.signal('SIGTERM');
      await machine.end();
    },
    2 * BOOT_MS,
  );
});

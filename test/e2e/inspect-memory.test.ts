/** The panes for page tables and memory, on the real kernel in a real machine. */
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/project.ts';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const BUILD_MS = 280_000;
/** Where pictures go, for whoever wants to look at them. */
const SHOTS = process.env.RING0_SHOTS;

if (chromiumPath === undefined) it.skip(`memory in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('page tables and memory in Chromium', () => {
  let shell: BrowserShell;
  let studio: Studio;
  const shoot = async (name: string) => {
    if (SHOTS !== undefined) await studio.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  };
  const check = async (selector: string) => {
    const { violations } = await new AxeBuilder({ page: studio.page }).include(selector).analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(
      serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' … ')}`),
    ).toEqual([]);
  };
  const theme = async (name: string) => {
    await studio.command('Preferences: Colour Theme');
    await studio.page.getByRole('combobox', { name: 'Colour theme' }).fill(name);
    await studio.page.keyboard.press('Enter');
    await expect
      .poll(() => studio.page.evaluate<string>('document.documentElement.dataset.theme'))
      .toBe(name.toLowerCase());
  };

  beforeAll(async () => {
    shell = await BrowserShell.open({ folder: root, settings: { profile: 'smp4' } });
    studio = shell.studio;
    await studio.command('Inspect: Show Page Tables');
    await studio.page.getByText('No machine runs whose page tables could be seen').waitFor();
    await studio.page.keyboard.press('F5');
    await studio.page.getByTitle(/^Machine .*: running/).waitFor({ timeout: BUILD_MS });
  });
  afterAll(async () => {
    await shell?.close();
  });

  it('draws the address space, walks to a symbol, and lists what is odd', async () => {
    const { page } = studio;
    const pane = page.getByRole('region', { name: 'page tables' });
    await pane.getByText('.text').first().waitFor({ timeout: 60_000 });
    const address = pane.getByRole('combobox', { name: 'Walk to' });
    await address.fill('RING0_BOOT_REPORT');
    await address.press('Enter');
    await pane.getByText(/^Mapped by a page of 4 KiB/).waitFor();
    expect(await pane.getByRole('rowheader').allInnerTexts()).toEqual([
      'PML4E[511]',
      'PDPTE[510]',
      expect.stringMatching(/^PDE/),
      expect.stringMatching(/^PTE/),
    ]);
    await shoot('paging-dark');
    // The map: from the whole space into one of its pieces, by the keyboard.
    await pane
      .getByRole('button', { name: /ffff_ffff_80/ })
      .first()
      .click();
    const map = pane.getByRole('listbox');
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => pane.locator('.paging-detail').innerText()).toContain('.text');
    await shoot('paging-zoomed');
    await pane.getByRole('tab', { name: /Findings/ }).click();
    await pane.getByText('guard').first().waitFor();
    await pane.getByRole('button', { name: 'Take snapshot' }).click();
    await pane.getByText(/^Nothing has changed since the snapshot/).waitFor();
    await check('.inspect');
    await theme('Light');
    await shoot('paging-light');
    await check('.inspect');
    await theme('Dark');
  });

  it('shows bytes, follows a pointer, finds text, and changes memory of a machine that stands still', async () => {
    const { page } = studio;
    await studio.command('Inspect: Show Memory');
    const pane = page.getByRole('region', { name: 'memory', exact: true });
    const address = pane.getByRole('combobox', { name: 'Go to' });
    await address.fill('RING0_BOOT_REPORT');
    await address.press('Enter');
    await pane.getByText('R0BOOTRP').first().waitFor();
    await shoot('memory-dark');
    await pane.getByRole('button', { name: 'Search memory' }).click();
    await pane.getByRole('textbox', { name: 'Text to find' }).fill('R0BOOTRP');
    await page.keyboard.press('Enter');
    await pane.getByRole('list').getByRole('button').first().waitFor();
    await expect.poll(() => pane.getByText(/^\d+ found/).innerText()).toMatch(/^[1-9]/);
    await shoot('memory-search');
    await studio.command('Machine: Pause');
    await pane.getByText('machine stands still', { exact: true }).waitFor();
    const rows = pane.getByRole('listbox', { name: /^Bytes/ });
    await rows.focus();
    await page.keyboard.type('5859');
    await pane.getByText('2 bytes typed, not written yet.').waitFor();
    await shoot('memory-edit');
    await pane.getByRole('button', { name: 'Write' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Write' }).click();
    await pane.getByText('XYBOOTRP').first().waitFor();
    await pane.getByRole('button', { name: 'Undo the last write' }).click();
    await pane.getByText('XYBOOTRP').first().waitFor({ state: 'detached' });
    await check('.memory');
    await theme('Light');
    await shoot('memory-light');
    await studio.command('Machine: Resume');
    expect(studio.complaints).toEqual([]);
  });
});

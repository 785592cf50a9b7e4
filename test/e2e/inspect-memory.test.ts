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
    // Two address spaces: the snapshot is of the kernel's tables, and the page at 0x1000 is no table of anybody.
    const root = pane.getByRole('combobox', { name: 'CR3' });
    await root.fill('0x1000');
    await root.press('Enter');
    await pane.getByText(/^Since the snapshot of .*, which was of CR3 0x[0-9a-f]+; this is of 0x1000:$/).waitFor();
    expect(await pane.locator('.paging-change').first().innerText()).toBe('removed');
    await shoot('paging-two-roots');
    await root.fill('nobody');
    await root.press('Enter');
    await pane.getByText(/^The image has no symbol nobody/).waitFor();
    await root.fill('');
    await root.press('Enter');
    await pane.getByText(/^Nothing has changed since the snapshot/).waitFor();
    await check('.inspect');
    await studio.theme('Light');
    await shoot('paging-light');
    await check('.inspect');
    await studio.theme('Dark');
  });

  it('lays types over memory: fields and bytes point at each other, and pointers are followed with their types', async () => {
    const { page } = studio;
    await studio.command('Inspect: Show a Static or Type in Memory');
    const pane = page.getByRole('region', { name: 'memory', exact: true });
    const lens = pane.getByRole('region', { name: 'Typed lens' });
    const name = lens.getByRole('combobox', { name: 'Static or type' });
    await lens.locator('input:focus').waitFor();
    await page.keyboard.type('boot rep');
    await lens.getByRole('option', { name: /^RING0_BOOT_REPORT/ }).waitFor();
    await shoot('lens-list');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const field = (label: string | RegExp) => lens.getByRole('treeitem', { name: label });
    await field(/^cores_online 4/).waitFor();
    const seen = await shell.elsewhere(['inspect', 'symbol', 'RING0_BOOT_REPORT', '--json']).end();
    const { value } = JSON.parse(seen.stdout) as {
      value: { children: { name: string; text: string; type: string; offset: number; bytes: number }[] };
    };
    const rows = await lens.getByRole('treeitem').evaluateAll((all) => all.map((row) => row.textContent));
    expect(rows).toEqual(
      value.children.map((it) => `${it.name}${it.text}${it.type}+0x${it.offset.toString(16)}${it.bytes}`),
    );
    // From the field to its bytes, which are little-endian, and from a byte to its field.
    const marked = () => pane.locator('.hex-byte[data-field]').allInnerTexts();
    await field(/^cores_online/).click();
    await page.mouse.move(0, 0);
    await expect.poll(marked).toEqual(['04', '00', '00', '00']);
    await pane.locator('.hex .hex-row').nth(4).locator('.hex-byte').nth(1).click();
    await expect.poll(() => lens.locator('[aria-selected="true"] .lens-name').innerText()).toBe('engine');
    await lens.getByText('RING0_BOOT_REPORT.engine', { exact: true }).waitFor();
    // Into an array, by the keyboard.
    await field(/^phases\b/).click();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await expect.poll(() => lens.locator('.lens-foot').innerText()).toMatch(/^RING0_BOOT_REPORT\.phases\[0\]\./);
    await shoot('lens-dark');
    // A pointer leads to what its type says, and back again.
    await name.fill('smp BLOCKS');
    await lens.getByRole('option', { name: /^BLOCKS/ }).waitFor();
    await name.press('Enter');
    await field(/^1 ?0x/)
      .getByRole('button', { name: /^0x/ })
      .click();
    await field(/^gdt/).waitFor();
    await expect.poll(() => lens.locator('.lens-head strong').innerText()).toBe('CoreBlock');
    const block = await lens.locator('.lens-head button').innerText();
    await expect.poll(() => pane.locator('.memory-inspector code').innerText()).toBe(block);
    await shoot('lens-followed');
    await lens.getByRole('button', { name: /^Back/ }).click();
    await expect.poll(() => lens.locator('.lens-head strong').innerText()).toBe('BLOCKS');
    // What does not exist is said, with what there is.
    await name.fill('NO_SUCH_THING_xyz');
    await expect.poll(() => lens.getByRole('option').count()).toBe(0);
    await name.press('Enter');
    await lens.getByText('The image has no static NO_SUCH_THING_xyz.').waitFor();
    await lens.getByRole('button', { name: /^Back/ }).click();
    await check('.lens');
    for (const colours of ['Light', 'High Contrast']) {
      await studio.theme(colours);
      await check('.lens');
      await shoot(`lens-${colours.toLowerCase()}`);
    }
    await studio.theme('Dark');
    await lens.getByRole('button', { name: 'Close the typed lens' }).click();
    await lens.waitFor({ state: 'detached' });
  }, 120_000);

  it('pages through an array that is too long, or begins with any of its elements', async () => {
    const { page } = studio;
    await studio.command('Inspect: Show a Static or Type in Memory');
    const lens = page.getByRole('region', { name: 'memory', exact: true }).getByRole('region', { name: 'Typed lens' });
    const name = lens.getByRole('combobox', { name: 'Static or type' });
    await name.fill('tables IDT');
    await lens.getByRole('option', { name: /^IDT/ }).waitFor();
    await name.press('Enter');
    await expect.poll(() => lens.locator('.lens-head strong').innerText()).toBe('IDT');
    await lens.getByRole('treeitem').first().click();
    const pager = lens.locator('.lens-omitted');
    // Into what it is wrapped in; a key too many goes on within the array.
    for (let key = 0; key < 12 && (await pager.count()) === 0; key += 1) {
      await page.keyboard.press('ArrowRight');
      await page.waitForTimeout(150);
    }
    await pager.getByText('0 to 127 of 256').waitFor();
    await pager.getByRole('button', { name: 'Elements after' }).click();
    await pager.getByText('128 to 255 of 256').waitFor();
    await pager.getByRole('textbox', { name: 'Element to begin with, 0 to 255' }).fill('200');
    await page.keyboard.press('Enter');
    await pager.getByText('200 to 255 of 256').waitFor();
    await lens.getByRole('treeitem', { name: /^200/ }).getByText('+0xc80').waitFor();
    // Rows and bytes both show it.
    await expect.poll(() => lens.locator('[aria-selected="true"] .lens-name').innerText()).toBe('200');
    await expect.poll(() => lens.locator('.lens-foot').innerText()).toMatch(/^IDT.*\[200\]/);
    await shoot('lens-array');
    await check('.lens');
    await lens.getByRole('button', { name: 'Close the typed lens' }).click();
    await lens.waitFor({ state: 'detached' });
  }, 120_000);

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
    await studio.theme('Light');
    await shoot('memory-light');
    await studio.command('Machine: Resume');
    expect(studio.complaints).toEqual([]);
  });
});

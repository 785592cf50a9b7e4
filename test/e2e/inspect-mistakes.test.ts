/** Mistakes that the kernel makes on purpose are named in the panes: in its tables, in its pages, and on the way of an interrupt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IrqView, TablesView } from '../../app/contract/index.ts';
import { expectOk, Lab } from '../support/lab.ts';
import { bootLdtGuest, typeAtLdtGuest } from '../support/ldt-guest.ts';
import { root } from '../support/project.ts';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const BOOT_MS = 120_000;
const SHOTS = process.env.RING0_SHOTS;

if (chromiumPath === undefined) it.skip(`mistakes in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('a mistake on purpose', () => {
  let shell: BrowserShell;
  let studio: Studio;

  beforeAll(async () => {
    shell = await BrowserShell.open({ folder: root, settings: { reducedMotion: true } });
    studio = shell.studio;
    await studio.command('View: Inspect Layout');
  });
  afterAll(async () => {
    await shell?.close();
  });

  const shoot = async (name: string) => {
    if (SHOTS !== undefined) await studio.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  };
  async function ask<T>(...subject: string[]): Promise<T> {
    const { code, stdout, stderr } = await shell.elsewhere(['inspect', ...subject, '--json']).end();
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }
  /** Starts a machine with a mistake, in another terminal as it were. */
  async function withMistake(name: string, look: () => Promise<void>, profile = 'direct'): Promise<void> {
    const machine = shell.elsewhere(['run', '-p', profile, '--port', '0', '--json', '--append', `provoke=${name}`]);
    try {
      await machine.waitFor(/"event": ?"started"/);
      await look();
    } finally {
      machine.signal('SIGTERM');
      await machine.end();
    }
  }

  it(
    'an LDT whose descriptor was written anew: its rows, the finding, and what if',
    async () => {
      const { page } = studio;
      const folder = mkdtempSync(join(tmpdir(), 'r0-ldt-'));
      const lab = new Lab();
      try {
        const guest = await bootLdtGuest(lab, folder);
        await typeAtLdtGuest(guest, 's');
        const dump = join(folder, 'dump.elf');
        expectOk(await lab.host.inspect.dump({ machine: guest.machine.info }, dump));
        await studio.command('Inspect: Open a Dump');
        await page.getByRole('combobox', { name: 'Open a dump' }).fill(dump);
        await page.keyboard.press('Enter');
        await studio.openView('Descriptor Tables');
        const tables = page.getByRole('region', { name: 'descriptor tables' });
        await tables.getByRole('tab', { name: 'LDT' }).click();
        await tables.getByText('LDTR 0x18, base').waitFor();
        const shown = await tables.locator('.tables-table tbody tr').allInnerTexts();
        const { ldt } = await ask<TablesView>('ldt', '--dump', dump);
        expect(ldt?.descriptors.length).toBe(5);
        expect(shown.map((row) => row.trim().split(/\s+/)[0])).toEqual(['0004', '000c', '0014', '001c']);
        for (const { type, bytes, kind } of ldt?.descriptors ?? [])
          if (kind !== 'upper')
            expect(shown.join('\n')).toMatch(new RegExp(`${type}.*${bytes.replace(/(.{8})(?=.)/g, '$1 ')}`));
        // A bit of a copy: the same answer as on the command line.
        await tables.getByRole('row', { name: /FS/ }).getByRole('rowheader').getByRole('button').click();
        const apart = tables.getByRole('complementary', { name: /^LDT descriptor 0xc, data/ });
        await apart.locator('.what-if-outcome[data-kind="loaded"]').waitFor();
        await apart.getByRole('button', { name: /^P 1/ }).click();
        await apart.getByText('#SS stack-segment fault, error code 0xc (LDT entry 1)').first().waitFor();
        await apart.getByText('A segment in use is not present').waitFor();
        await shoot('ldt');
        await apart.getByRole('button', { name: 'Close' }).click();
        await tables.getByRole('button', { name: 'The LDT in use is not the one in the GDT' }).click();
        await tables.getByRole('tab', { name: 'GDT', selected: true }).waitFor();
        await tables.getByRole('complementary', { name: /^Descriptor 0x18, LDT/ }).waitFor();
        await tables.getByRole('row', { name: /LDTR/, selected: true }).waitFor();
        await shoot('ldt-stale');
        // Beside a row that is taken apart nothing runs out of sight.
        const main = tables.locator('.tables-main');
        expect(await main.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
      } finally {
        await studio.command('Inspect: Back from the Dump to the Machine');
        lab.dispose();
        rmSync(folder, { recursive: true });
      }
    },
    BOOT_MS,
  );

  it.each([
    { mistake: 'idt-bad-selector', part: 'IDT', row: /#BP breakpoint/ },
    { mistake: 'ist-at-stack-start', part: 'TSS', row: null },
  ])(
    '$mistake is found, with evidence and cure, and leads to its place',
    async ({ mistake, part, row }) => {
      await withMistake(mistake, async () => {
        await studio.openView('Descriptor Tables');
        const tables = studio.page.getByRole('region', { name: 'descriptor tables' });
        await tables.getByText(/^\d+ mistakes? found$/).waitFor({ timeout: BOOT_MS });
        const { findings } = await ask<Pick<TablesView, 'findings'>>('idt');
        const serious = findings.filter(({ severity }) => severity !== 'note');
        expect(serious.length).toBeGreaterThan(0);
        const list = tables.getByRole('region', { name: 'Findings' });
        for (const { title, evidence, fix } of serious) {
          const finding = list.getByRole('listitem').filter({ hasText: title }).filter({ hasText: evidence }).first();
          await finding.getByText(fix, { exact: true }).waitFor();
        }
        // The finding leads to the table that it is about, and the row is marked with it.
        await tables.getByRole('tab', { name: 'GDT' }).click();
        await list.getByRole('button', { name: serious[0]?.title ?? '' }).click();
        await tables.getByRole('tab', { name: part, selected: true }).waitFor();
        if (row !== null)
          await tables
            .getByRole('row', { name: row })
            .locator('.tables-mark')
            .getByText(serious[0]?.title ?? '')
            .waitFor({ state: 'attached' });
        await shoot(`mistake-${mistake}`);
      });
    },
    2 * BOOT_MS,
  );

  it(
    'page-w-and-x is among the findings of the page tables',
    async () => {
      await withMistake('page-w-and-x', async () => {
        await studio.openView('Page Tables');
        const paging = studio.page.getByRole('region', { name: 'page tables' });
        await paging.getByRole('tab', { name: /^Findings/ }).click({ timeout: BOOT_MS });
        await expect
          .poll(async () => await paging.getByText(/W\+X|written and executed/i).count(), { timeout: BOOT_MS })
          .toBeGreaterThan(1);
        const { findings } = await ask<{ findings: { kind: string; start: string; severity: string }[] }>('paging');
        const found = findings.find(({ severity, kind }) => severity !== 'info' && /w/i.test(kind));
        expect(found).toBeDefined();
        await shoot('mistake-page-w-and-x');
      });
    },
    2 * BOOT_MS,
  );

  it(
    'pat-one-core: the processors differ, and what was written after bring-up says when',
    async () => {
      const look = async () => {
        await studio.openView('Processor');
        const differences = studio.page.getByRole('region', { name: 'Differences between processors' });
        await differences
          .getByRole('row', { name: /^pat 0 0x7010600070406 1 0x7040600070406 / })
          .waitFor({ timeout: BOOT_MS });
        await differences.getByRole('row').nth(1).waitFor({ state: 'detached' });
        const pat = (processor: number) =>
          studio.page
            .getByRole('region', { name: `Model-specific registers of processor ${processor}`, exact: true })
            .locator('.cpu-register')
            .filter({ has: studio.page.getByText('PAT', { exact: true }) });
        await pat(0).getByText('PA5=WC', { exact: true }).waitFor();
        await pat(0)
          .getByText(/^as the kernel left it with a write after bring-up, \d\.\d{3} s after power-on$/)
          .waitFor();
        expect(await pat(1).innerText()).not.toMatch(/after bring-up/);
        for (const n of [0, 1]) expect(await pat(n).getAttribute('data-differs')).toBe('true');
        await pat(0).scrollIntoViewIfNeeded();
        await shoot('mistake-pat-one-core');
      };
      await withMistake('pat-one-core', look, 'smp4');
    },
    2 * BOOT_MS,
  );

  it(
    'virtq-no-irq: the way of the disk is broken at the message, and says by which bit',
    async () => {
      await withMistake('virtq-no-irq', async () => {
        await studio.openView('Interrupts');
        const irq = studio.page.getByRole('region', { name: 'interrupt paths' });
        await irq.getByText(/^\d+ cannot arrive$/).waitFor({ timeout: BOOT_MS });
        const { routes } = await ask<IrqView>('irq');
        const broken = routes.find(({ verdict }) => verdict === 'broken');
        const route = irq.locator('.irq-route[data-verdict="broken"]').first();
        await expect.poll(() => route.locator('.irq-title').innerText()).toBe(broken?.title);
        const hop = broken?.hops.find(({ state }) => state === 'broken');
        const station = route.locator('li[data-state="broken"]');
        expect(await station.locator('.irq-station').innerText()).toBe(hop?.station);
        // A broken way is open by itself: its words and its evidence are there to be read.
        expect(await station.locator('.irq-words').innerText()).toContain(hop?.text);
        expect(await station.locator('code').innerText()).toBe(hop?.evidence);
        await shoot('mistake-virtq-no-irq');
        expect(studio.complaints).toEqual([]);
      });
    },
    2 * BOOT_MS,
  );
});

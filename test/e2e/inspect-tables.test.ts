/** Processors, descriptor tables and interrupt paths of a booted machine: the panes show what the command line says, and a dump does too. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CpuView, IrqView, TablesView } from '../../app/contract/index.ts';
import { foldRanges } from '../../app/x86/msrs-text.ts';
import { root } from '../support/project.ts';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const BUILD_MS = 280_000;
const SHOTS = process.env.RING0_SHOTS;

if (chromiumPath === undefined) it.skip(`tables in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('processors, tables and interrupts in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-tables-'));
  let shell: BrowserShell;
  let studio: Studio;

  beforeAll(async () => {
    shell = await BrowserShell.open({ folder: root, settings: { profile: 'smp4', reducedMotion: true } });
    studio = shell.studio;
    await studio.command('View: Inspect Layout');
    await studio.page.keyboard.press('F5');
    await studio.page.getByTitle(/^Machine .*: running/).waitFor({ timeout: BUILD_MS });
    // Every core is at work, and nothing is being set up any more.
    const settled = async () => {
      expect((await ask<CpuView>('cpu')).processors.length).toBe(4);
      expect((await ask<IrqView>('irq')).routes.filter(({ verdict }) => verdict !== 'off').length).toBeGreaterThan(2);
    };
    await vi.waitFor(settled, { timeout: 60_000, interval: 500 });
  }, BUILD_MS + 60_000);
  afterAll(async () => {
    await shell?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const shoot = async (name: string) => {
    if (SHOTS !== undefined) await studio.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  };
  /** What the command line says of the same machine. */
  async function ask<T>(...subject: string[]): Promise<T> {
    const { code, stdout, stderr } = await shell.elsewhere(['inspect', ...subject, '--json']).end();
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }
  const pane = (label: string) => studio.page.getByRole('region', { name: label, exact: true });
  /** A table's cells, row by row, without the column of marks. */
  const cells = (table: Locator) =>
    table
      .locator('tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [...row.children].slice(1).map((cell) => (cell.textContent ?? '').trim())),
      );
  const wide = (hex: string, digits: number) => hex.slice(2).padStart(digits, '0');

  it('the layout gives the panes all the room: no side is open', async () => {
    for (const title of ['Processor', 'Descriptor Tables', 'Interrupts', 'Virtqueues', 'Page Tables', 'Memory'])
      await studio.tab(title).waitFor();
    const [width, height] = await studio.page.evaluate<[number, number]>(
      `(() => { const box = document.querySelector('.inspect:not([hidden])').getBoundingClientRect(); return [box.width, box.height]; })()`,
    );
    expect(width).toBeGreaterThan(1200);
    expect(height).toBeGreaterThan(680);
    // What the layout has opened goes with it, and comes back as it was left; choosing it twice changes nothing.
    await studio.openView('Virtqueues');
    await studio.command('View: Inspect Layout');
    await studio.command('View: Edit Layout');
    for (const title of ['Processor', 'Memory']) await studio.tab(title).waitFor({ state: 'detached' });
    await studio.tab('Welcome').waitFor();
    await studio.command('View: Inspect Layout');
    await studio.tab('Memory').waitFor();
    await expect.poll(() => studio.tab('Virtqueues').getAttribute('aria-selected')).toBe('true');
  });

  it('a larger window shows more panes at once, and a smaller one again fewer', async () => {
    const { page } = studio;
    const shown = () => page.locator('.inspect:visible').count();
    try {
      await page.setViewportSize({ width: 1920, height: 1080 });
      await expect.poll(shown).toBe(2);
      await shoot('inspect-1920');
      await page.setViewportSize({ width: 2560, height: 1440 });
      await expect.poll(shown).toBe(6);
      await shoot('inspect-2560');
      const boxes = await page.locator('.inspect:visible').evaluateAll((all) => all.map((it) => it.clientWidth));
      expect(Math.max(...boxes) - Math.min(...boxes)).toBeLessThan(8);
      // It is kept for the next visit, which may have another window.
      await page.waitForTimeout(1000);
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.reload();
      await expect.poll(shown).toBe(1);
    } finally {
      await page.setViewportSize({ width: 1280, height: 800 });
    }
  });

  it('a page that cannot be seen asks nothing, and goes on when it is seen again', async () => {
    await studio.openView('Processor');
    const seenAt = () => pane('processor').locator('.inspect-as-of').innerText();
    const moves = async () => {
      const before = await seenAt();
      await expect.poll(seenAt, { timeout: 10_000 }).not.toBe(before);
    };
    await moves();
    const become = (state: 'hidden' | 'visible') =>
      studio.page.evaluate(`(() => {
        Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });
        document.dispatchEvent(new Event('visibilitychange'));
      })()`);
    await become('hidden');
    // What was on its way may still come.
    await studio.page.waitForTimeout(500);
    const last = await seenAt();
    await studio.page.waitForTimeout(2500);
    expect(await seenAt()).toBe(last);
    await become('visible');
    await moves();
  });

  it('every processor stands beside the others, with registers and bits as the command line has them', async () => {
    await studio.openView('Processor');
    const view = await ask<CpuView>('cpu');
    for (const it of view.processors) {
      const one = pane(`Processor ${it.index}`);
      await one.waitFor();
      const segments = await cells(one.locator('.cpu-segments'));
      // What an idle processor does not change from look to look.
      expect(segments.slice(0, it.segments.length).map((row) => row.slice(0, 4))).toEqual(
        it.segments.map((s) => [wide(s.selector, 4), wide(s.base, 16), wide(s.limit, 8), String(s.dpl)]),
      );
      for (const name of ['cr0', 'cr4', 'efer']) {
        const register = it.registers.find((each) => each.name === name);
        const shown = one
          .locator('.cpu-register')
          .filter({ has: studio.page.getByText(name.toUpperCase(), { exact: true }) });
        expect(await shown.locator('.cpu-register-value').innerText()).toBe(wide(register?.value ?? '', 16));
        expect(await shown.locator('.cpu-chip[data-set="true"]').allInnerTexts()).toEqual(
          register?.bits.filter(({ value }) => value !== '0x0').map((bit) => bit.name),
        );
      }
    }
    // Side by side, not below each other.
    const [first, second] = await Promise.all([0, 1].map((n) => pane(`Processor ${n}`).boundingBox()));
    expect(second?.y).toBe(first?.y);
    expect(second?.x).toBeGreaterThan((first?.x ?? 0) + (first?.width ?? 0));
    const differing = new Set(view.differences.map(({ name }) => name));
    if (differing.size > 0) await pane('Differences between processors').waitFor();
    // A bit says what it means, folded and unfolded.
    const cr0 = pane('Processor 0')
      .locator('.cpu-register')
      .filter({ has: studio.page.getByText('CR0', { exact: true }) });
    expect(await cr0.getByText('WP', { exact: true }).getAttribute('title')).toMatch(/^Bit 16: Write protect/);
    await cr0.getByRole('button').click();
    await cr0.getByRole('row', { name: /^16 WP 1 Write protect: ring 0 too/ }).waitFor();
    await cr0.getByRole('button').click();
    // The timer moves something between any two looks; what moved is marked.
    await pane('Processor 0').locator('.cpu-general [data-changed="true"]').first().waitFor({ timeout: 60_000 });
    await shoot('cpu');
  });

  it('model-specific registers are those of the command line, with when they were read, and stay while one looks', async () => {
    await studio.openView('Processor');
    const { msrs, differences } = await ask<CpuView>('cpu');
    expect(msrs?.processors.length).toBe(4);
    for (const { index, readMs, registers } of msrs?.processors ?? []) {
      const section = pane(`Model-specific registers of processor ${index}`);
      const when = `as the kernel read them at bring-up, ${((readMs ?? 0) / 1000).toFixed(3)} s after power-on`;
      await section.getByText(when).waitFor();
      const values = await section.locator('.cpu-register-value').allInnerTexts();
      const { shown, off } = foldRanges(registers);
      expect(values).toEqual(shown.map(({ value }) => wide(value, 16)));
      await section.getByText(off ?? 'no such text', { exact: true }).waitFor();
      for (const { says } of shown) if (says !== null) await section.getByText(says, { exact: true }).first().waitFor();
    }
    for (const { name } of differences)
      await pane('Differences between processors').getByRole('rowheader', { name, exact: true }).waitFor();
    const pat = pane('Model-specific registers of processor 1')
      .locator('.cpu-register')
      .filter({ has: studio.page.getByText('PAT', { exact: true }) });
    expect(await pat.locator('.cpu-chip').first().innerText()).toBe('PA0=WB');
    await pat.getByRole('button').click();
    await pat.getByRole('row', { name: /^10:8 PA1 4 Memory type of pages with PWT: WT, write-through/ }).waitFor();
    await shoot('cpu-msrs');
    // It is drawn from what was sent once: many looks later it still stands, and what was unfolded is.
    await pane('Processor 0').locator('.cpu-general [data-changed="true"]').first().waitFor({ timeout: 60_000 });
    await pat.getByRole('row', { name: /^10:8 PA1/ }).waitFor();
    await pat.getByRole('button').click();
  });

  it('the GDT is the one of the command line, and of each core its own', async () => {
    await studio.openView('Descriptor Tables');
    const tables = pane('descriptor tables');
    await tables.getByRole('tab', { name: 'GDT' }).click();
    for (const processor of [0, 2]) {
      const { gdt } = await ask<TablesView>('gdt', '--processor', String(processor));
      await tables.getByRole('combobox', { name: 'Processor' }).selectOption(String(processor));
      await tables.getByText(gdt.base, { exact: true }).waitFor();
      const expected = gdt.descriptors
        .filter(({ kind }) => kind !== 'upper')
        .map((it) => [
          wide(it.selector, 4),
          it.type,
          it.kind === 'null' ? '' : it.present ? '1' : '0',
          it.kind === 'null' ? '' : String(it.dpl),
          it.base ?? '',
          it.limit ?? '',
          it.flags,
          it.users.join(' '),
          it.bytes.replace(/(.{8})(?=.)/g, '$1 '),
        ]);
      expect(await cells(tables.locator('.tables-table'))).toEqual(expected);
    }
    await tables.getByRole('combobox', { name: 'Processor' }).selectOption('0');
    await tables.getByText('No mistake found in these tables').waitFor();
    await shoot('gdt');
  });

  it('our kernel has no LDT, which is said, and so is why the TSS in use looks available', async () => {
    const tables = pane('descriptor tables');
    await tables.getByRole('tab', { name: 'LDT' }).click();
    await tables.getByText('LDTR is null: no LDT is in use').waitFor();
    const { ldt } = await ask<TablesView>('ldt');
    expect(ldt).toBeNull();
    await shoot('no-ldt');
    await studio.openView('Processor');
    for (const [name, said] of [
      ['LDT', /: LDTR is null/],
      ['TR', /^TSS64 (busy|available: the copy in QEMU's TR.*its descriptor in the GDT says)$/],
    ] as const) {
      const row = pane('Processor 0')
        .locator('.cpu-segments')
        .getByRole('row', { name: new RegExp(`^${name} `) });
      expect(await row.locator('.cpu-type').getAttribute('title')).toMatch(said);
    }
    await shoot('notes');
    await studio.openView('Descriptor Tables');
  });

  it('a gate leads to its handler in the editor, and its stack is drawn', async () => {
    const tables = pane('descriptor tables');
    await tables.getByRole('tab', { name: 'IDT' }).click();
    const { idt } = await ask<TablesView>('idt');
    const { tss } = await ask<TablesView>('tss');
    const shown = await cells(tables.locator('.tables-table'));
    expect(shown).toEqual(
      idt.gates
        .filter(({ empty }) => !empty)
        .map((it) => [
          `${it.vector} ${it.vector.toString(16).padStart(2, '0')}`,
          it.name,
          it.type,
          String(it.dpl),
          String(it.ist),
          wide(it.selector, 4),
          it.symbol ?? it.offset,
          it.bytes.replace(/(.{8})(?=.)/g, '$1 '),
        ]),
    );
    const gate = idt.gates[14];
    const row = tables.getByRole('row', { name: /#PF page fault/ });
    await row.getByText('#PF page fault').click();
    const apart = tables.getByRole('complementary', { name: 'Gate 14, #PF page fault, taken apart' });
    const stack = tss?.stacks.find(({ name }) => name === `IST${gate?.ist}`);
    const drawn = apart.getByRole('region', { name: "The handler's stack" });
    await drawn.getByText(`Stack: IST${gate?.ist}`).waitFor();
    await drawn.getByText(stack?.top ?? 'no stack', { exact: true }).waitFor();
    await drawn.getByText('guard: not mapped').waitFor();
    await shoot('gate');
    // The stub is assembler: what it calls has lines.
    await row.getByRole('button', { name: /stubs|0x/ }).click();
    const choice = studio.page.getByRole('combobox', { name: 'The stub calls these' });
    const editor = studio.page.locator('section[aria-label^="kernel/arch/"]:visible');
    await choice.or(editor).first().waitFor();
    let place: RegExpExecArray | null = null;
    if (await choice.isVisible()) {
      const option = studio.page.locator('#quick-list').getByRole('option').first();
      place = /(kernel\/\S+):(\d+)/.exec(await option.innerText());
      await studio.page.keyboard.press('Enter');
    }
    await editor.locator('.monaco-editor.focused').waitFor();
    const line = await editor.locator('.line-numbers.active-line-number').innerText();
    if (place !== null) {
      expect(await editor.getAttribute('aria-label')).toBe(place[1]);
      expect(line).toBe(place[2]);
    }
    expect(await editor.locator('.view-line').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringMatching(/fn\s|global_asm|stub/)]),
    );
    await shoot('handler');
    await studio.openView('Descriptor Tables');
  });

  it('a bit is changed in a copy, and what the processor would do is told with the failed check', async () => {
    const tables = pane('descriptor tables');
    const row = tables.getByRole('row', { name: /#PF page fault/ });
    await row.getByRole('rowheader').getByRole('button').click();
    const apart = tables.getByRole('complementary', { name: /^Gate 14/ });
    await apart.locator('.what-if-outcome[data-kind="handler"]').waitFor();
    const bytes = (await ask<TablesView>('idt')).idt.gates[14]?.bytes;
    await apart.getByRole('button', { name: /^P 1/ }).click();
    await apart.getByText(/^As it is:/).waitFor();
    const outcome = apart.locator('.what-if-outcome');
    await expect.poll(() => outcome.innerText()).not.toMatch(/^#PF.*ring0_vector_stubs\+0xe0/);
    await apart.locator('li[data-passed="false"]').first().waitFor();
    // The same question to the command line: byte 5 of the gate without its P bit.
    const predicted = await ask<{ after: { outcome: string } }>('idt', '--deliver', '14', '--edit', 'idt+0xe5=0e');
    await expect.poll(() => outcome.innerText()).toContain(predicted.after.outcome);
    // The page fault ends in the double fault's handler: that is no success.
    expect(await outcome.getAttribute('data-kind')).toBe('astray');
    await apart.getByText('Stack: IST2', { exact: true }).waitFor();
    await shoot('what-if');
    // Nothing of the guest has changed.
    expect((await ask<TablesView>('idt')).idt.gates[14]?.bytes).toBe(bytes);
    await apart.getByRole('button', { name: 'Undo changes' }).click();
    await apart.locator('.what-if-outcome[data-kind="handler"]').waitFor();
    await apart.getByRole('button', { name: 'Close' }).click();
  });

  it('the stacks of the TSS are drawn from the highest down, with their vectors', async () => {
    const tables = pane('descriptor tables');
    await tables.getByRole('tab', { name: 'TSS' }).click();
    const { tss } = await ask<TablesView>('tss');
    const stacks = (tss?.stacks ?? []).toSorted((a, b) => (BigInt(a.top) > BigInt(b.top) ? -1 : 1));
    expect(stacks.length).toBeGreaterThan(3);
    await expect.poll(() => tables.locator('.tss-top').allInnerTexts()).toEqual(stacks.map(({ top }) => top));
    expect(await tables.locator('.tss-bar strong').allInnerTexts()).toEqual(stacks.map(({ name }) => name));
    await shoot('tss');
  });

  it('every interrupt that is switched on has its way, as the command line says', async () => {
    await studio.openView('Interrupts');
    const irq = pane('interrupt paths');
    let on: IrqView['routes'] = [];
    // The guest runs between the two looks: both are taken anew until they agree.
    const differences = async () => {
      on = (await ask<IrqView>('irq')).routes.filter(({ verdict }) => verdict !== 'off');
      const titles = await irq.locator('.irq-title').allInnerTexts();
      const same = titles.length === on.length && titles.every((title, n) => title === on[n]?.title);
      return same ? [] : [titles, on.map(({ title }) => title)];
    };
    await expect.poll(differences, { timeout: 15_000 }).toEqual([]);
    await irq.getByText('Every interrupt that is switched on can arrive').waitFor();
    const timer = irq.getByRole('listitem').filter({ hasText: 'local APIC timer' }).first();
    expect(await timer.locator('.irq-station').allInnerTexts()).toEqual(
      on.find(({ device }) => device === 'local APIC timer')?.hops.map(({ station }) => station),
    );
    await shoot('irq');
  });

  it('a dump that the page saves shows the same tables, says that it is one, and leads back to the machine', async () => {
    const { page } = studio;
    await studio.openView('Descriptor Tables');
    const tables = pane('descriptor tables');
    await tables.getByRole('tab', { name: 'GDT' }).click();
    const live = await cells(tables.locator('.tables-table'));
    const path = join(folder, 'saved.elf');
    await studio.command('Inspect: Save a Dump of the Machine');
    const box = page.getByRole('combobox', { name: 'Save a dump of the machine' });
    expect(await box.inputValue()).toMatch(/^dumps\/smp4-\d{8}-\d{6}\.elf$/);
    await box.fill(path);
    await page.keyboard.press('Enter');
    const progress = page.getByTitle(/^Saving .*saved\.elf/);
    await progress.waitFor();
    // Cancelled: nothing stays, and the machine goes on.
    await studio.command('Inspect: Cancel the Dump');
    await progress.waitFor({ state: 'detached' });
    await page.getByTitle(/^Machine .*: running/).waitFor();
    expect(existsSync(path)).toBe(false);
    await studio.command('Inspect: Save a Dump of the Machine');
    await box.fill(path);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Look at it' }).click({ timeout: 120_000 });
    const banner = tables.getByText(/^512 MiB, 4 processors, of smp4, saved /);
    await banner.waitFor();
    await expect.poll(() => cells(tables.locator('.tables-table'))).toEqual(live);
    await shoot('dump');
    await tables.getByRole('button', { name: 'Back to smp4' }).click();
    await banner.waitFor({ state: 'detached' });
    // By its path, as another day.
    await studio.command('Inspect: Open a Dump');
    await page.getByRole('combobox', { name: 'Open a dump' }).fill(join(folder, 'nothing.elf'));
    await page.keyboard.press('Enter');
    await page.getByText('The dump cannot be opened.').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).last().click();
    await studio.command('Inspect: Open a Dump');
    await page.getByRole('combobox', { name: 'Open a dump' }).fill(path);
    await page.keyboard.press('Enter');
    await banner.waitFor();
    await studio.command('Inspect: Back from the Dump to the Machine');
    await banner.waitFor({ state: 'detached' });
    expect(studio.complaints).toEqual([]);
  }, 240_000);
});

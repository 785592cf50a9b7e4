import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

const MAIN = 'pub fn main() {\n    let answer = 42;\n}\n';
const FILES: Readonly<Record<string, string>> = {
  'kernel/src/main.rs': MAIN,
  'kernel/src/other.rs': '// another file\n',
  'kernel/kernel.ld': 'ENTRY(start)\nSECTIONS { . = 0x200000; }\n',
  'kernel/boot.s': '.globl start\nstart: movq %rax, %cr3\n',
  'notes/todo.md': '# Things\n\nfind the needle\n',
  ...Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`many/file-${100 + n}.txt`, `${n}\n`])),
};

if (chromiumPath === undefined) it.skip(`the studio in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('the workbench in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-e2e-'));
  let shell: BrowserShell;
  let studio: Studio;

  const onDisk = (path: string) => readFileSync(join(folder, path), 'utf8');

  beforeAll(async () => {
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args]);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'first');
    shell = await BrowserShell.open({ folder });
    studio = shell.studio;
  });

  afterAll(async () => {
    await shell?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes the key out of the address', () => {
    expect(studio.page.url()).not.toContain('token');
  });

  it('opens a file by its name, marks a change, and saves it', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('// first line\n');
    await studio.tab(/^main\.rs\s*, not saved/).waitFor();
    expect(onDisk('kernel/src/main.rs')).toBe(MAIN);

    await page.keyboard.press('Control+S');
    await studio.tab(/^main\.rs\s*, not saved/).waitFor({ state: 'detached' });
    expect(onDisk('kernel/src/main.rs')).toBe(`// first line\n${MAIN}`);
    // The tree says that git sees a change.
    await page.getByRole('treeitem', { name: 'main.rs, modified' }).waitFor();
  });

  it('keeps unsaved text through a reload of the page, with undo back to the file', async () => {
    const { page } = studio;
    await studio.open('kernel/src/other.rs');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('typed and not saved');
    await studio.tab(/^other\.rs\s*, not saved/).waitFor();
    await waitForBackup('typed and not saved');

    await page.reload();
    await studio.tab(/^other\.rs\s*, not saved/).waitFor();
    await studio.tab('main.rs').waitFor();
    await expect.poll(() => studio.text('kernel/src/other.rs')).toContain('typed and not saved');
    expect(onDisk('kernel/src/other.rs')).toBe('// another file\n');
  });

  it('keeps what was typed while the service host was killed', async () => {
    const { page } = studio;
    await studio.open('kernel/src/other.rs');
    await page.keyboard.press('Control+End');
    await shell.killHost();
    await page.keyboard.type(' and typed without a host');
    await page.getByText('Disconnected, text is kept').waitFor();

    await shell.reviveHost();
    await page.getByText('Disconnected, text is kept').waitFor({ state: 'detached' });
    await waitForBackup('typed without a host');
    // The page too: what the new host kept is all that is left.
    await page.reload();
    await expect
      .poll(() => studio.text('kernel/src/other.rs'))
      .toContain('typed and not saved and typed without a host');

    await studio.open('kernel/src/other.rs');
    await page.keyboard.press('Control+S');
    await expect.poll(() => onDisk('kernel/src/other.rs')).toContain('typed without a host');
  });

  it('asks what to do when a file with unsaved text changes on disk', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('// mine\n');
    writeFileSync(join(folder, 'kernel/src/main.rs'), '// theirs\n');
    const notice = page.getByText('main.rs has changed on disk');
    await notice.waitFor();
    await page.getByRole('button', { name: 'Reload', exact: true }).click();
    await expect.poll(() => studio.text('kernel/src/main.rs')).toContain('// theirs');
    expect(await studio.text('kernel/src/main.rs')).not.toContain('// mine');
    await studio.tab(/^main\.rs\s*, not saved/).waitFor({ state: 'detached' });
  });

  it('follows a file that changes on disk while it has no unsaved text', async () => {
    await studio.open('kernel/src/main.rs');
    writeFileSync(join(folder, 'kernel/src/main.rs'), '// changed outside\n');
    await expect.poll(() => studio.text('kernel/src/main.rs')).toContain('// changed outside');
  });

  it('creates, renames, deletes and restores a file by keyboard', async () => {
    const { page } = studio;
    await studio.command('File: New File');
    await page.getByRole('textbox', { name: 'Name of the new file' }).fill('fresh.rs');
    await page.keyboard.press('Enter');
    await studio.tab('fresh.rs').waitFor();
    // Its editor takes the keyboard when it is there.
    await page.locator('section[aria-label$="fresh.rs"] .monaco-editor.focused').waitFor();

    await page.getByRole('treeitem', { name: /^fresh\.rs/ }).press('F2');
    await page.getByRole('textbox', { name: 'New name of fresh.rs' }).fill('renamed.rs');
    await page.keyboard.press('Enter');
    await studio.tab('renamed.rs').waitFor();

    await page.getByRole('treeitem', { name: /^renamed\.rs/ }).press('Delete');
    await page.getByText('renamed.rs was moved to the trash').waitFor();
    await page.getByRole('treeitem', { name: /^renamed\.rs/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('treeitem', { name: /^renamed\.rs/ }).waitFor();
  });

  it('finds in files and goes to the place', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+Shift+F');
    await page.getByRole('textbox', { name: 'Search', exact: true }).fill('needle');
    await page.getByText('1 result in 1 file').waitFor();
    await page.getByTitle('Line 3: find the needle').click();
    await page.getByText('Ln 3, Col 10').waitFor();
    await page.keyboard.press('Control+Shift+E');
  });

  it('shows what has changed since HEAD', async () => {
    await studio.open('kernel/src/main.rs');
    await studio.command('Git: Compare with HEAD');
    await studio.tab('main.rs (HEAD)').waitFor();
    await studio.page.locator('.monaco-diff-editor .line-insert').first().waitFor();
  });

  it('colours assembly and linker scripts', async () => {
    await studio.open('kernel/boot.s');
    await studio.page.getByText('x86 Assembly').waitFor();
    await studio.open('kernel/kernel.ld');
    await studio.page.getByText('Linker Script').waitFor();
    const colours = studio.editor('kernel/kernel.ld').locator('.view-line span[class^="mtk"]');
    await expect
      .poll(async () => new Set(await colours.evaluateAll((spans) => spans.map((span) => span.className))).size)
      .toBeGreaterThan(2);
  });

  it('goes through the parts of the window with F6', async () => {
    const { page } = studio;
    const reached = new Set<string>();
    for (let step = 0; step < 8; step += 1) {
      await page.keyboard.press('F6');
      reached.add(
        await page.evaluate<string>(
          'document.activeElement.closest("[data-panel], [data-region]")?.getAttribute("data-panel") ?? document.activeElement.closest("[data-region]")?.getAttribute("data-region") ?? "nowhere"',
        ),
      );
    }
    expect([...reached]).toEqual(
      expect.arrayContaining(['title', 'activity', 'pane:explorer', 'file:kernel/kernel.ld']),
    );
    expect(reached).not.toContain('nowhere');
  });

  it.each(['Light', 'High Contrast', 'Dark'])('has nothing serious for axe in the theme %s', async (theme) => {
    const { page } = studio;
    await studio.theme(theme);
    // Monaco's own inside is Monaco's; its text is asserted by the themes' contrast.
    const { violations } = await new AxeBuilder({ page })
      .exclude('.monaco-editor')
      .exclude('.monaco-diff-editor')
      .analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(
      serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' … ')}`),
    ).toEqual([]);
  });

  it('asks before it closes unsaved text', async () => {
    const { page } = studio;
    await studio.open('kernel/src/other.rs');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('// to be dropped');
    await studio.tab(/^other\.rs\s*, not saved/).waitFor();
    await page.keyboard.press('Alt+W');
    await page.getByRole('dialog', { name: 'Save the changes to other.rs?' }).waitFor();
    await page.getByRole('button', { name: 'Don’t Save' }).click();
    await studio.tab('other.rs').waitFor({ state: 'detached' });
    expect(onDisk('kernel/src/other.rs')).not.toContain('// to be dropped');
  });

  it('keeps how far a pane is scrolled while the dock takes it out of the page and back', async () => {
    const { page } = studio;
    const tree = page.locator('.explorer');
    /** The first row that can be seen, of those that are drawn. */
    const first = (): Promise<string | undefined> =>
      page.evaluate(`(() => {
        const element = document.querySelector('.explorer');
        const top = element.getBoundingClientRect().top;
        const rows = [...element.querySelectorAll('[data-path]')];
        return rows.find((row) => row.getBoundingClientRect().bottom > top)?.dataset.path;
      })()`);
    await studio.openView('Explorer');
    await page.getByRole('treeitem', { name: 'many', exact: true }).click();
    await page.getByRole('treeitem', { name: 'file-100.txt' }).waitFor();
    await tree.evaluate((element) => element.scrollTo({ top: 1000 }));
    await expect.poll(first).toMatch(/^many\/file-1[34]\d/);
    const before = await first();
    for (const command of ['View: Debug Layout', 'View: Edit Layout', 'View: Reset Layout'])
      await studio.command(command);
    await studio.openView('Search');
    await studio.openView('Explorer');
    await studio.command('View: Reset Layout');
    await expect.poll(first).toBe(before);
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });

  /** Waits until the host has kept a text: a second page sees it in its list. */
  async function waitForBackup(text: string): Promise<void> {
    const files = () => execFileSync('grep', ['-rlF', '--', text, shell.home], { encoding: 'utf8' });
    await expect
      .poll(() => {
        try {
          return files();
        } catch {
          return '';
        }
      })
      .not.toBe('');
  }
});

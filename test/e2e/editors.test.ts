import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine, type Running } from '../support/command-line.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

const FAKE = fileURLToPath(new URL('../support/fake-language-server.mjs', import.meta.url));
const MAIN = 'mod boot;\n\nfn start() { halt() }\n\nfn halt() { loop {} }\n';
const BOOT = `// Boots, and never comes to halt.
use core::arch::global_asm;

pub struct Gdt {
    entries: [u64; 3],
}

impl Gdt {
    pub fn load(&self) {}
}

global_asm!(
    r#"
start:
    movq %rax, %cr3
"#,
    options(att_syntax)
);
`;
const FILES: Readonly<Record<string, string>> = {
  'kernel/Cargo.toml': '[package]\nname = "kernel"\nversion = "0.1.0"\n',
  'kernel/src/main.rs': MAIN,
  'kernel/src/boot.rs': BOOT,
  'kernel/kernel.ld': 'ENTRY(start)\nSECTIONS\n{\n  .text : { *(.text) }\n  .bss : { *(.bss) }\n}\n',
  'notes/one.md': 'alpha and alpha\nbeta\n',
  'notes/two.md': 'alpha\n',
  'notes/merge.md': 'one\ntwo\nthree\nfour\nfive\n',
};

if (chromiumPath === undefined) it.skip(`editors in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('editors in Chromium', () => {
  const line = new CommandLine();
  const folder = mkdtempSync(join(tmpdir(), 'r0-editors-'));
  let browser: Browser;
  let host: Running;
  let studio: Studio;

  const onDisk = (path: string) => readFileSync(join(folder, path), 'utf8');

  /** A rust-analyzer that is none: the protocol is real, its knowledge is a handful of regular expressions. */
  function fakeAnalyzer(): string {
    const program = join(folder, 'analyzer.sh');
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`);
    chmodSync(program, 0o755);
    return program;
  }

  beforeAll(async () => {
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    line.putSettings();
    host = line.start(['studio', folder, '--no-open', '--json', '--token', 'e2e-token-of-editors'], {
      RING0_RUST_ANALYZER: fakeAnalyzer(),
    });
    const [[, url = '']] = await Promise.all([
      host.waitFor(/"url":"([^"]+)"/),
      launchBrowser().then((it) => (browser = it)),
    ]);
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.visit(url);
  });

  afterAll(async () => {
    await browser?.close();
    line.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Puts the cursor somewhere by the box that Ctrl+G opens. */
  async function goTo(place: string): Promise<void> {
    await studio.page.keyboard.press('Control+G');
    await studio.quickInput.fill(`:${place}`);
    await studio.page.keyboard.press('Enter');
    const [row, column = '1'] = place.split(':');
    await studio.page.getByText(`Ln ${row}, Col ${column}`).waitFor();
    await studio.page.locator('.monaco-editor.focused').waitFor();
  }

  it('starts the language server with the first Rust file, and shows what it finds', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await page.getByTitle('fake-language-server 1.0 is ready').waitFor();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('// @error');
    await studio.editor('kernel/src/main.rs').locator('.squiggly-error').first().waitFor();
    // What the server finds is a problem like those of a build, and says who found it.
    await page.keyboard.press('Control+Shift+M');
    const row = studio.pane('Problems').getByRole('button', { name: /there is an @error/ });
    await expect.poll(() => row.innerText()).toMatch(/fake/);
    await page.getByRole('button', { name: '1 error, 0 warnings' }).waitFor();
    await row.click();
    await page.locator('.monaco-editor.focused').waitFor();
    await page.keyboard.press('Control+End');
    for (let times = 0; times < 9; times += 1) await page.keyboard.press('Backspace');
    await studio.editor('kernel/src/main.rs').locator('.squiggly-error').first().waitFor({ state: 'detached' });
    await page.keyboard.press('Control+S');
  });

  it('explains, completes, and goes to definitions and back', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await goTo('3:15');
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Control+I');
    await page.locator('.monaco-hover').getByText('about halt').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('F12');
    await page.getByText('Ln 5, Col 4').waitFor();

    await page.keyboard.press('Control+End');
    await page.keyboard.type('sta');
    await page.locator('.suggest-widget').getByText('start').first().waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => studio.text('kernel/src/main.rs')).toContain('start()');
    await page.keyboard.press('Escape');
    await studio.command('File: Revert to Saved');
  });

  it('renames in every file, those that no editor shows included', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await goTo('5:5');
    await page.keyboard.press('F2');
    const box = page.getByRole('textbox', { name: /Rename input/ });
    await box.fill('stop_here');
    await page.keyboard.press('Enter');
    await expect.poll(() => studio.text('kernel/src/main.rs')).toContain('fn start() { stop_here() }');
    expect(await studio.text('kernel/src/main.rs')).toContain('fn stop_here()');
    // A file that is open waits for its own saving; one that nobody would see unsaved is saved.
    expect(onDisk('kernel/src/main.rs')).toBe(MAIN);
    await expect.poll(() => onDisk('kernel/src/boot.rs')).toContain('// Boots, and never comes to stop_here.');
    await studio.command('File: Revert to Saved');
    await expect.poll(() => studio.text('kernel/src/main.rs')).toContain('fn halt()');
  });

  it('starts the server again after a crash, with the text of before', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await page.keyboard.press('Control+End');
    await page.keyboard.type('// panic!("now")');
    await page.getByRole('button', { name: 'rust-analyzer has ended' }).waitFor();
    await studio.command('File: Revert to Saved');
    await studio.command('Editor: Restart Language Server');
    await page.getByTitle('fake-language-server 1.0 is ready').waitFor();
    await goTo('3:15');
    await page.keyboard.press('F12');
    await page.getByText('Ln 5, Col 4').waitFor();
  });

  it('draws the outline of a file, follows the cursor, filters, and goes there', async () => {
    const { page } = studio;
    await studio.open('kernel/src/boot.rs');
    await studio.command('View: Show Outline');
    const tree = page.getByRole('tree', { name: 'Outline of kernel/src/boot.rs' });
    await tree
      .getByRole('treeitem', { name: 'method load' })
      .or(tree.getByRole('treeitem', { name: 'function load' }))
      .waitFor();
    await studio.open('kernel/kernel.ld');
    const script = page.getByRole('tree', { name: 'Outline of kernel/kernel.ld' });
    await expect.poll(() => script.getByRole('treeitem').allInnerTexts()).toEqual(['SECTIONS', '.text', '.bss']);
    await goTo('5:3');
    await expect.poll(() => script.locator('[aria-selected="true"]').getAttribute('aria-label')).toBe('section .bss');
    await page.getByRole('textbox', { name: 'Filter the outline' }).fill('text');
    await expect.poll(() => script.getByRole('treeitem').allInnerTexts()).toEqual(['SECTIONS', '.text']);
    await page.keyboard.press('Enter');
    await page.getByText('Ln 4, Col 3').waitFor();
    await page
      .getByRole('navigation', { name: 'Place in the workspace' })
      .getByRole('button', { name: '.text' })
      .waitFor();
    await studio.command('View: Show Explorer');
  });

  it('goes to a symbol of the file and of the workspace, and back', async () => {
    const { page } = studio;
    await studio.open('kernel/src/main.rs');
    await page.keyboard.press('Control+Shift+O');
    await studio.quickInput.fill('@hal');
    await page.getByRole('option', { name: 'halt' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Ln 5, Col 4').waitFor();
    await studio.open('kernel/src/boot.rs');
    await page.keyboard.press('Alt+T');
    await studio.quickInput.fill('#start');
    await page.getByRole('option', { name: /start.*kernel\/src\/main\.rs/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Ln 3, Col 4').waitFor();
    await page.keyboard.press('Alt+ArrowLeft');
    await studio.editor('kernel/src/boot.rs').waitFor();
    await page.keyboard.press('Alt+ArrowRight');
    await studio.editor('kernel/src/main.rs').waitFor();
    await page.getByText('Ln 3, Col 4').waitFor();
  });

  it('colours the assembler inside of Rust', async () => {
    await studio.open('kernel/src/boot.rs');
    const spans = studio.editor('kernel/src/boot.rs').locator('.view-line span[class^="mtk"]');
    const classOf = async (text: string) =>
      (await spans.evaluateAll((all) => all.map((span) => [span.textContent?.trim(), span.className] as const))).find(
        ([piece]) => piece === text,
      )?.[1];
    await expect.poll(() => classOf('start:')).toBeDefined();
    // A label and a register have colours of their own, neither of them that of a string.
    const [label, register, quote] = await Promise.all([classOf('start:'), classOf('%cr3'), classOf('"#')]);
    expect(new Set([label, register, quote]).size).toBe(3);
    expect(register).toBeDefined();
  });

  it('splits an editor: both show the text as it is typed', async () => {
    const { page } = studio;
    await studio.open('kernel/src/boot.rs');
    await page.keyboard.press('Control+\\');
    const editors = page.locator('section[aria-label="kernel/src/boot.rs"]:visible');
    await expect.poll(() => editors.count()).toBe(2);
    await editors.nth(1).locator('.monaco-editor.focused').waitFor();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('// both\n');
    for (const index of [0, 1])
      await expect.poll(() => editors.nth(index).locator('.view-line').first().innerText()).toMatch(/both/);
    await studio.command('File: Revert to Saved');
    await page.keyboard.press('Alt+W');
    await expect.poll(() => editors.count()).toBe(1);
  });

  it('replaces in files after a look at what comes, and takes it back', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+Shift+H');
    await page.getByRole('textbox', { name: 'Search', exact: true }).fill('alpha');
    await page.getByRole('textbox', { name: 'Replace', exact: true }).fill('omega');
    await page.getByText(/in 2 files/).waitFor();
    await page.getByRole('button', { name: 'Replace All' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replace', exact: true }).click();
    await expect.poll(() => onDisk('notes/one.md')).toBe('omega and omega\nbeta\n');
    await expect.poll(() => onDisk('notes/two.md')).toBe('omega\n');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => onDisk('notes/one.md')).toBe('alpha and alpha\nbeta\n');
    await expect.poll(() => onDisk('notes/two.md')).toBe('alpha\n');
    await page.keyboard.press('Control+Shift+E');
  });

  /** Unsaved text here, and another text on the disk. */
  async function diverge(mine: string, theirs: string): Promise<void> {
    writeFileSync(join(folder, 'notes/merge.md'), 'one\ntwo\nthree\nfour\nfive\n');
    await studio.open('notes/merge.md');
    await expect.poll(() => studio.text('notes/merge.md')).toContain('three');
    await studio.page.keyboard.press('Control+Home');
    await studio.page.keyboard.type(mine);
    await studio.tab(/^merge\.md\s*, not saved/).waitFor();
    writeFileSync(join(folder, 'notes/merge.md'), theirs);
    await studio.page.getByText('merge.md has changed on disk').waitFor();
  }

  it('merges what changed on disk with unsaved text', async () => {
    const { page } = studio;
    await diverge('mine ', 'one\ntwo\nthree\nfour\nfive and theirs\n');
    await page.getByRole('button', { name: 'Merge', exact: true }).click();
    await page.getByText('merge.md was merged').waitFor();
    await expect.poll(() => studio.text('notes/merge.md')).toMatch(/mine one[\s\S]*five and theirs/);
    await studio.open('notes/merge.md');
    await page.keyboard.press('Control+S');
    await expect.poll(() => onDisk('notes/merge.md')).toBe('mine one\ntwo\nthree\nfour\nfive and theirs\n');
  });

  it('lets a person decide what both have changed, difference by difference', async () => {
    const { page } = studio;
    await diverge('mine ', 'theirs one\ntwo\nthree\nfour\nfive!\n');
    await page.getByRole('button', { name: 'Merge', exact: true }).click();
    await page.getByText('but for 1 place that both have changed').waitFor();
    await studio.tab('merge.md (on disk)').waitFor();
    await page.getByText('1 difference', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Take Disk’s at the Cursor' }).click();
    await page.getByText('No difference').waitFor();
    await page.getByRole('button', { name: 'Save This' }).click();
    await studio.tab(/^merge\.md\s*, not saved/).waitFor({ state: 'detached' });
    expect(onDisk('notes/merge.md')).toBe('theirs one\ntwo\nthree\nfour\nfive!\n');
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});

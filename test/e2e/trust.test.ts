import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';
import { launchBrowser, noBuildHere, Studio } from './browser.ts';

const SOURCE = 'kernel/ring0/src/main.rs';
const FAKE = fileURLToPath(new URL('../support/fake-language-server.mjs', import.meta.url));

if (noBuildHere !== null) it.skip(`a folder from elsewhere: ${noBuildHere}`, () => {});

/** A folder whose build script and whose language server leave a trace when they run. */
describe.skipIf(noBuildHere !== null)('a folder from elsewhere', () => {
  const line = new CommandLine();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'r0-trust-')));
  const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'r0-trace-')));
  const built = join(elsewhere, 'built');
  const served = join(elsewhere, 'served');
  let browser: Browser;
  let studio: Studio;

  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const question = () => studio.page.getByRole('dialog', { name: 'Do you trust this folder?' });
  const mark = () => studio.page.getByRole('button', { name: 'Restricted Mode' });

  beforeAll(async () => {
    put('kernel/Cargo.toml', '[workspace]\nmembers = ["ring0"]\nresolver = "2"\n');
    put('kernel/ring0/Cargo.toml', '[package]\nname = "ring0"\nversion = "0.1.0"\nedition = "2024"\n');
    put(SOURCE, 'fn main() {\n    let answer: u32 = "text";\n}\n');
    put('kernel/ring0/build.rs', `fn main() {\n    std::fs::write(${JSON.stringify(built)}, "ran").unwrap();\n}\n`);
    const program = join(elsewhere, 'analyzer.sh');
    writeFileSync(
      program,
      `#!/bin/sh\n[ "$1" = --version ] || echo ran >> ${served}\nexec "${process.execPath}" "${FAKE}" "$@"\n`,
    );
    chmodSync(program, 0o755);
    const host = line.start(['studio', folder, '--no-open', '--json', '--token', 'e2e-token-of-one-trusted'], {
      RING0_RUST_ANALYZER: program,
    });
    const [[, url = '']] = await Promise.all([
      host.waitFor(/"url":"([^"]+)"/),
      launchBrowser().then((it) => {
        browser = it;
      }),
    ]);
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.visit(url);
  });

  afterAll(async () => {
    await browser?.close();
    line.dispose();
    for (const it of [folder, elsewhere]) rmSync(it, { recursive: true, force: true });
  });

  it('is asked about when its first Rust file is open; in restricted mode nothing of it runs, and that is remembered', async () => {
    const { page } = studio;
    await mark().waitFor();
    await page.keyboard.press('Control+P');
    await studio.quickInput.fill(SOURCE);
    await page.locator('#quick-list').getByRole('option', { name: 'main.rs' }).first().waitFor();
    await page.keyboard.press('Enter');
    await question().getByText(folder).waitFor();
    await question().getByRole('button', { name: 'Restricted Mode' }).click();
    await question().waitFor({ state: 'detached' });
    // The file can be read and edited.
    await studio.editor(SOURCE).locator('.view-line').first().waitFor();
    await page.reload();
    await mark().waitFor();
    await studio.editor(SOURCE).locator('.view-line').first().waitFor();
    // Its text has reached the host, which would have asked for the server by now.
    await studio.command('Editor: Show Language Server Log');
    await studio
      .pane('Language Server')
      .getByText(/the folder is not trusted/)
      .first()
      .waitFor();
    expect(await question().count()).toBe(0);
    expect(existsSync(served)).toBe(false);
  });

  it('is asked about again before it is built, and not built when the answer is no', async () => {
    const { page } = studio;
    await page.keyboard.press('Control+Shift+B');
    await question().waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Nothing was built').first().waitFor();
    expect(existsSync(built)).toBe(false);
    expect(existsSync(join(folder, 'kernel', 'target'))).toBe(false);
  });

  it('is built and explained once it is trusted, and what both find is one row', async () => {
    const { page } = studio;
    await mark().click();
    await question().getByRole('button', { name: 'Trust This Folder' }).click();
    await mark().waitFor({ state: 'detached' });
    await expect.poll(() => existsSync(served)).toBe(true);
    await studio.open(SOURCE);
    await page.keyboard.press('Control+Shift+B');
    await page.keyboard.press('Control+Shift+M');
    const row = studio.pane('Problems').getByRole('button', { name: /mismatched types/ });
    await row.waitFor();
    expect(readFileSync(built, 'utf8')).toBe('ran');
    expect(await row.innerText()).toMatch(/rustc\s*E0308/);
    await page.reload();
    await studio.editor(SOURCE).locator('.view-line').first().waitFor();
    await page.getByTitle('fake-language-server 1.0 is ready').waitFor();
    expect(await mark().count()).toBe(0);
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});

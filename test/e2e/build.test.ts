import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine, type Running } from '../support/command-line.ts';
import { launchBrowser, noBuildHere, Studio } from './browser.ts';

const SOURCE = 'kernel/ring0/src/main.rs';
const BROKEN = 'fn main() {\n    let first = 1\n    let second = 2;\n    println!("{}", first + second);\n}\n';
const FILES: Readonly<Record<string, string>> = {
  'kernel/Cargo.toml': '[workspace]\nmembers = ["ring0"]\nresolver = "2"\n',
  'kernel/ring0/Cargo.toml': '[package]\nname = "ring0"\nversion = "0.1.0"\nedition = "2024"\n',
  [SOURCE]: BROKEN,
};

if (noBuildHere !== null) it.skip(`builds in a browser: ${noBuildHere}`, () => {});

describe.skipIf(noBuildHere !== null)('a build in Chromium', () => {
  const line = new CommandLine();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'r0-build-')));
  let browser: Browser;
  let host: Running;
  let studio: Studio;

  const onDisk = (path: string) => readFileSync(join(folder, path), 'utf8');
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };

  /** Processes of this computer that run in the folder or come from it: cargo, rustc, build scripts. */
  function processesIn(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const [cwd, exe] = [readlinkSync(`/proc/${pid}/cwd`), readlinkSync(`/proc/${pid}/exe`)];
          return cwd.startsWith(join(folder, 'kernel')) || exe.startsWith(folder) ? [exe] : [];
        } catch {
          return [];
        }
      });
  }

  /** Begins a build whose build script sleeps, and returns when that runs. */
  async function startEndlessBuild(): Promise<void> {
    put('kernel/ring0/build.rs', 'fn main() {\n    std::thread::sleep(std::time::Duration::from_secs(600));\n}\n');
    await expect
      .poll(
        async () => {
          await studio.page.keyboard.press('Control+Shift+B');
          return processesIn();
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toContainEqual(expect.stringContaining('build-script-build'));
  }

  beforeAll(async () => {
    for (const [path, text] of Object.entries(FILES)) put(path, text);
    line.putSettings();
    // No language server: what is seen here comes from the compiler.
    host = line.start(['studio', folder, '--no-open', '--json', '--token', 'e2e-token-of-the-builds'], {
      RING0_RUST_ANALYZER: join(folder, 'nothing'),
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
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows an error where it is, mends it with the compiler’s proposal, and shows that it is gone', async () => {
    const { page } = studio;
    await studio.open(SOURCE);
    await page.keyboard.press('Control+Shift+B');
    await studio.editor(SOURCE).locator('.squiggly-error').first().waitFor();
    await page.keyboard.press('Control+Shift+M');
    const problems = page.getByRole('region', { name: 'Problems' }).getByText('expected `;`').first();
    await problems.waitFor();

    // By the light bulb's key, with the cursor where the error is.
    await studio.open(SOURCE);
    await page.keyboard.press('Control+G');
    await studio.quickInput.fill(':2:18');
    await page.keyboard.press('Enter');
    await page.getByText('Ln 2, Col 18').waitFor();
    await page.locator('.monaco-editor.focused').waitFor();
    await page.keyboard.press('Control+.');
    await page
      .locator('.action-widget')
      .getByText(/add `;` here/)
      .first()
      .waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => studio.text(SOURCE)).toContain('let first = 1;');
    await page.keyboard.press('Control+S');
    await expect.poll(() => onDisk(SOURCE)).toBe(BROKEN.replace('= 1\n', '= 1;\n'));
    await page.keyboard.press('Control+Shift+B');
    await studio.editor(SOURCE).locator('.squiggly-error').first().waitFor({ state: 'detached' });
    // A build that still runs would be joined by the next one, and knows nothing of what is changed then.
    await page.locator('.build-head:not([data-phase="running"])').waitFor({ state: 'attached' });
    await expect.poll(processesIn).toEqual([]);
  });

  it('ends cargo and everything below it when it is cancelled in the middle', async () => {
    const { page } = studio;
    await startEndlessBuild();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page
      .getByText(/cancelled/i)
      .first()
      .waitFor();
    await expect.poll(processesIn).toEqual([]);
    rmSync(join(folder, 'kernel/ring0/build.rs'));
  }, 120_000);

  it('builds by itself after a save where that is wanted', async () => {
    const { page } = studio;
    await studio.command('Preferences: Settings');
    await page
      .getByRole('switch', { name: /Build on save/i })
      .or(page.getByRole('checkbox', { name: /Build on save/i }))
      .first()
      .click();
    await studio.open(SOURCE);
    await page.keyboard.press('Control+End');
    await page.keyboard.type('fn unused() {}\n');
    await page.keyboard.press('Control+S');
    await studio.editor(SOURCE).locator('.squiggly-warning, .squiggly-unnecessary').first().waitFor();
  });

  it('leaves no build behind when the host is killed in the middle of one', async () => {
    await startEndlessBuild();
    host.signal('SIGKILL');
    await expect.poll(processesIn).toEqual([]);
  }, 120_000);

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});

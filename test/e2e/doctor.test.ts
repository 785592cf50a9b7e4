import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

const skipped =
  chromiumPath === undefined
    ? NO_CHROMIUM
    : existsSync('/usr/bin/apt-get')
      ? null
      : 'needs a system of Debian’s kind, whose package manager is played';

if (skipped !== null) it.skip(`the doctor’s cure in a browser: ${skipped}`, () => {});

/** QEMU is where nothing is; what would install it is a program of the test, which the real command finds on the PATH. */
describe.skipIf(skipped !== null)('the doctor’s cure of what is missing', () => {
  const line = new CommandLine();
  const folder = mkdtempSync(join(tmpdir(), 'r0-doctor-'));
  const qemu = join(folder, 'missing', 'qemu-system-x86_64');
  const mode = join(folder, 'mode');
  const started = join(folder, 'started');
  let browser: Browser;
  let studio: Studio;

  const program = (path: string, text: string) => {
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  };

  beforeAll(async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    mkdirSync(join(folder, 'missing'));
    program(join(bin, 'sudo'), '[ "$1" = -n ] && shift; exec "$@"');
    program(
      join(folder, 'installed'),
      '[ "$1" = --version ] && echo "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)"; exit 0',
    );
    program(
      join(bin, 'apt-get'),
      `for word in "$@"; do last=$word; done
case "$(cat ${mode})-$last" in
  hang-update) echo "waiting for the lock"; echo $$ > ${started}; exec sleep 600 ;;
  *-update) echo "Reading package lists..." ;;
  fail-*) echo "E: Unable to locate package $last" >&2; exit 100 ;;
  *) echo "Setting up $last (1:7.2)..."; cp ${join(folder, 'installed')} ${qemu} ;;
esac`,
    );
    writeFileSync(mode, 'hang');
    const host = line.start(['studio', folder, '--no-open', '--json'], {
      PATH: `${bin}:${process.env.PATH}`,
      RING0_QEMU: qemu,
    });
    const [[, url = '']] = await Promise.all([
      host.waitFor(/"url":"([^"]+)"/),
      launchBrowser().then((it) => {
        browser = it;
      }),
    ]);
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.page.goto(url);
  });

  afterAll(async () => {
    await browser?.close();
    line.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const row = () =>
    studio.page.getByRole('region', { name: 'This computer' }).getByRole('listitem').filter({ hasText: /^QEMU/ });

  const isAlive = (pid: number) => {
    try {
      return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };

  it('says what is missing and how to cure it, and ends the cure with all it has started when it is cancelled', async () => {
    await studio.page.getByText(/things? (is|are) missing/).waitFor();
    await row().getByText('none').waitFor();
    await row()
      .getByText(/apt-get .*install -y --no-install-recommends qemu-system-x86/)
      .waitFor();
    await row().getByRole('button', { name: 'Run it' }).click();
    await row().getByText('waiting for the lock').waitFor();
    const pid = Number(readFileSync(started, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    await row().getByRole('button', { name: 'Cancel' }).click();
    await row().getByText('Cancelled.').waitFor();
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('shows why a cure did not work, in the command’s own words', async () => {
    writeFileSync(mode, 'fail');
    await row().getByRole('button', { name: 'Run it' }).click();
    await row().getByText('E: Unable to locate package qemu-system-x86').waitFor();
    await row()
      .getByText(/exit code 100/)
      .waitFor();
    await row().getByText('none').waitFor();
  });

  it('cures it, and what was missing is there', async () => {
    writeFileSync(mode, 'work');
    await row().getByRole('button', { name: 'Run it' }).click();
    await row().getByText('7.2.22').waitFor();
    expect(await row().getAttribute('data-status')).toBe('ok');
    await expect.poll(() => row().getByRole('button').count()).toBe(0);
    expect(existsSync(qemu)).toBe(true);
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});

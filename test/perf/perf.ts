/**
 * `npm run perf`: how soon the page can be typed into, how soon a key is seen while a guest floods its console, and how large the page
 * is. Prints a table with the computer it was made on; nothing here is asserted, since no two computers agree. `--json` for programs.
 * `npm run perf -- looking`: see looking.ts.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from '../e2e/browser.ts';
import { FakeMachine, startFakeStudio } from '../support/fake-studio.ts';
import { root } from '../support/project.ts';
import { chunksOf, total } from './bundle.ts';
import { Flood } from './flood.ts';
import { measureLooking } from './looking.ts';
import { LOAD_PROBE, TYPING_PROBE, type TypingReport } from './probes.ts';
import { percentile, table } from './statistics.ts';

const LOADS = 7;
const KEYS = 200;
/** A fast typist's pace: 10 keys a second, and then some. */
const KEY_PAUSE_MS = 70;
const FLOOD_BYTES_PER_SECOND = 1_000_000;
const FILE = 'kernel/src/main.rs';

interface Load {
  /** From the start of the navigation, milliseconds. */
  readonly shown: number;
  readonly typed: number;
}

async function load(page: Page, url: string): Promise<Load> {
  await page.addInitScript(LOAD_PROBE);
  await page.goto(url, { waitUntil: 'commit' });
  const shown = await page.evaluate<number>('window.ring0Shown');
  await page.locator('.monaco-editor .view-lines').first().click();
  await page.keyboard.press('x');
  const typed = await page.evaluate<number>('window.ring0Typed');
  await page.keyboard.press('Control+Z');
  return { shown, typed };
}

async function loads(browser: Browser, url: string): Promise<{ cold: Load[]; warm: Load[] }> {
  const cold: Load[] = [];
  const warm: Load[] = [];
  for (let round = 0; round < LOADS; round += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    cold.push(await load(page, url));
    await page.close();
    const again = await context.newPage();
    warm.push(await load(again, url));
    await context.close();
  }
  return { cold, warm };
}

/** Five panes side by side: files, two editors, the console, the machine. */
async function fivePanes(context: BrowserContext, url: string): Promise<Studio> {
  const studio = new Studio(await context.newPage());
  await studio.visit(url);
  await studio.open(FILE);
  await studio.command('Split Editor');
  await studio.openView('Machine');
  await studio.page.keyboard.press('Control+Alt+`');
  await studio.page.locator('[data-pane="serial"] .xterm-rows').waitFor();
  await studio.page.locator('.monaco-editor .view-lines').first().click();
  await studio.page.locator('.monaco-editor.focused').first().waitFor();
  return studio;
}

async function typing({ page }: Studio): Promise<TypingReport> {
  await page.keyboard.press('Control+End');
  await page.evaluate(TYPING_PROBE);
  for (let key = 0; key < KEYS; key += 1) {
    await page.keyboard.press(key % 40 === 39 ? 'Enter' : ('abcdefghij'[key % 10] ?? 'a'));
    await page.waitForTimeout(KEY_PAUSE_MS);
  }
  return await page.evaluate<TypingReport>('window.ring0TypingEnds()');
}

const ms = (value: number) => value.toFixed(0);
const kb = (bytes: number) => (bytes / 1000).toFixed(0);

function typingRow(name: string, { latencies, longTasks, frames, seconds }: TypingReport): string[] {
  const shares = [0.5, 0.95, 0.99, 1].map((share) => ms(percentile(latencies, share)));
  return [
    name,
    String(latencies.length),
    ...shares,
    `${longTasks.length}`,
    ms(Math.max(0, ...longTasks)),
    (frames / seconds).toFixed(0),
  ];
}

async function main(): Promise<number> {
  if (chromiumPath === undefined) {
    process.stderr.write(`perf: ${NO_CHROMIUM}\n`);
    return 3;
  }
  const folder = mkdtempSync(join(tmpdir(), 'r0-perf-'));
  mkdirSync(join(folder, 'kernel', 'src'), { recursive: true });
  writeFileSync(join(folder, FILE), `${'/// A line like any other.\nfn main() { let answer = 42; }\n'.repeat(300)}\n`);
  const machine = new FakeMachine({ id: 'direct-1' });
  const studioHost = await startFakeStudio(folder, [machine]);
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const first = new Studio(await context.newPage());
    await first.visit(studioHost.url);
    await first.open(FILE);
    // The host keeps the layout a moment after it has changed; the loads that are measured find the file open.
    await first.page.waitForTimeout(1500);
    await first.page.close();
    const { cold, warm } = await loads(browser, studioHost.url);

    const studio = await fivePanes(context, studioHost.url);
    const quiet = await typing(studio);
    const flood = new Flood(machine, FLOOD_BYTES_PER_SECOND);
    const flooded = await typing(studio);
    const sent = flood.end();
    const chunks = chunksOf(join(root, 'dist', 'renderer'));

    const lines = [
      `${cpus()[0]?.model.trim()}, ${cpus().length} cores; Chromium ${browser.version()}, headless, without GPU; Node ${process.versions.node}`,
      '',
      table([
        [`page load, ms (n=${LOADS} each)`, 'median', 'slowest'],
        ...(['cold', 'warm'] as const).flatMap((name) => {
          const all = name === 'cold' ? cold : warm;
          const row = (what: string, of: (it: Load) => number) => [
            `${name}: ${what}`,
            ms(percentile(all.map(of), 0.5)),
            ms(percentile(all.map(of), 1)),
          ];
          return [
            row('text in the editor', ({ shown }) => shown),
            row('a key that was typed is seen', ({ typed }) => typed),
          ];
        }),
      ]),
      '',
      table([
        ['typing, key to picture, ms', 'keys', 'p50', 'p95', 'p99', 'max', 'long tasks', 'longest', 'frames/s'],
        typingRow('five panes, machine silent', quiet),
        typingRow(`five panes, ${(sent.bytes / sent.seconds / 1e6).toFixed(2)} MB/s of console`, flooded),
      ]),
      '',
      table([
        ['bundle, kB', 'raw', 'gzip', ''],
        ...chunks
          .filter(({ bytes }) => bytes >= 20_000)
          .map(({ name, bytes, gzipBytes, initial }) => [name, kb(bytes), kb(gzipBytes), initial ? 'first' : '']),
        ...(
          [
            ['before the first picture', true],
            ['everything', false],
          ] as const
        ).map(([name, onlyInitial]) => {
          const { bytes, gzipBytes } = total(chunks.filter(({ initial }) => initial || !onlyInitial));
          return [name, kb(bytes), kb(gzipBytes), ''];
        }),
      ]),
    ];
    if (process.argv.includes('--json')) console.log(JSON.stringify({ cold, warm, quiet, flooded, sent, chunks }));
    else console.log(lines.join('\n'));
    for (const complaint of studio.complaints) process.stderr.write(`perf: the page said: ${complaint}\n`);
    return 0;
  } finally {
    await browser.close();
    studioHost.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

const [step] = process.argv.slice(2);
process.exitCode = step === 'looking' ? await measureLooking(process.argv.slice(3)) : await main();

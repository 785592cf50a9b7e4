/**
 * `npm run perf -- looking`: what a page with every inspecting pane in sight costs the guest. The same machine decodes without a page, with
 * one that is in the host's session as Electron's window is, which gives way to the machine (main/rpc/give-way.ts), and with one in a
 * browser that knows nothing of that; in turn. Its speed is its own word. Takes a model that decodes for a while: stories260K-q8_0.gguf beside the clone, or the
 * one that `--model FILE` names. `--trace FILE` writes a trace of one watched round for Chromium's Performance panel instead.
 */
import { cpus } from 'node:os';
import type { Page } from 'playwright-core';
import { type Interval, medianInterval } from '../../main/cli/median.ts';
import { inOwnSession, isInOwnSession } from '../../main/cli/own-session.ts';
import { CommandLine } from '../support/command-line.ts';
import { root, sharedFile } from '../support/project.ts';
import { meanShares, PARTIES, type Shares, sharesOf, spent } from './browser-load.ts';
import { FreeChromium } from './chromium.ts';
import { PAGE_PROBE, type PageReport } from './probes.ts';
import { table } from './statistics.ts';

/** Large enough for the layout Inspect to show all six panes at once. */
const WINDOW = { width: 2560, height: 1440 };
const LOOKS_A_SECOND = 30;
const DECODE_TOKENS = 480;
/** Answers of one round, and rounds of each kind. */
const ANSWERS = 4;
const ROUNDS = 8;
/** A page that has just been opened still compiles and asks what is asked once. */
const OPENING_MS = 3000;
/** So does one that a debugger has just left: its scripts have lost their fast code. */
const SETTLING_MS = 3000;
/** What the host does for a page that is gone ends soon. */
const CLOSING_MS = 500;
const TOKEN = 'perf-token-of-one-studio';
const TRACED = [...['devtools.timeline', 'disabled-by-default-devtools.timeline'], ...['cc', 'viz', 'toplevel']];
const PANES = ['Processor', 'Interrupts', 'Descriptor Tables', 'Page Tables', 'Virtqueues', 'Memory'];

const KINDS = ['quiet', 'window', 'browser'] as const;
type Kind = (typeof KINDS)[number];

interface Round {
  readonly speeds: readonly number[];
  readonly shares: Shares;
  readonly page: PageReport | null;
  /** When its answers were made, in milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

interface Stage {
  readonly chromium: Readonly<Record<'window' | 'browser', FreeChromium>>;
  readonly url: string;
  readonly apiUrl: string;
  readonly hostPid: number;
  readonly qemuPid: number;
}

async function decode(apiUrl: string): Promise<number> {
  const response = await fetch(`${apiUrl}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: DECODE_TOKENS, temperature: 0 }),
  });
  const answer = (await response.json()) as { readonly timings?: { readonly predicted_per_second?: number } };
  const speed = answer.timings?.predicted_per_second;
  if (speed === undefined) throw new Error(`the guest does not say how fast it decodes: ${JSON.stringify(answer)}`);
  return speed;
}

/** Opens the studio with every inspecting pane in sight, at 30 looks a second. */
async function openStudio(page: Page, url: string): Promise<void> {
  await page.addInitScript(PAGE_PROBE);
  await page.goto(url);
  await page.locator('section[data-pane]:visible').first().waitFor();
  await page.getByRole('radio', { name: 'Inspect', exact: true }).click();
  for (const title of PANES) await page.locator(`section[data-pane][aria-label="${title}"]:visible`).waitFor();
  await page.getByRole('combobox', { name: 'Looks a second' }).first().selectOption(String(LOOKS_A_SECOND));
  await page
    .getByText(/^as of /)
    .nth(4)
    .waitFor();
  await page.getByText(/looks\/s$/).waitFor();
  await page.waitForTimeout(OPENING_MS);
  await page.evaluate('window.ring0PageStarts()');
}

async function answers(stage: Stage, chromium: FreeChromium): Promise<Omit<Round, 'page'>> {
  const from = Date.now();
  const before = spent(chromium, stage.hostPid, stage.qemuPid);
  const speeds: number[] = [];
  for (let answer = 0; answer < ANSWERS; answer += 1) speeds.push(await decode(stage.apiUrl));
  const shares = sharesOf(before, spent(chromium, stage.hostPid, stage.qemuPid));
  return { speeds, shares, from, to: Date.now() };
}

/** One round. While the guest decodes, nobody is attached to the browser. */
async function round(stage: Stage, kind: Kind): Promise<Round> {
  if (kind === 'quiet') return { ...(await answers(stage, stage.chromium.window)), page: null };
  const chromium = stage.chromium[kind];
  await chromium.with((page) => openStudio(page, stage.url));
  await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  const measured = await answers(stage, chromium);
  const seen = await chromium.with(async (page) => {
    const report = await page.evaluate<PageReport>('window.ring0PageEnds()');
    await page.goto('about:blank');
    return report;
  });
  await new Promise((resolve) => setTimeout(resolve, CLOSING_MS));
  return { ...measured, page: seen };
}

/** What Chromium itself notes of the page meanwhile: a trace for its Performance panel. */
async function trace(stage: Stage, path: string): Promise<void> {
  const chromium = stage.chromium.window;
  await chromium.with((page) => openStudio(page, stage.url));
  const { speeds, shares } = await chromium.traced(TRACED, path, () => answers(stage, chromium));
  const { messages, size, seconds } = await chromium.with(async (page) => {
    await page.screenshot({ path: `${path}.png` });
    return await page.evaluate<PageReport>('window.ring0PageEnds()');
  });
  console.log(`${path}: ${speeds.map((it) => it.toFixed(0)).join(', ')} tokens/s, ${JSON.stringify(shares)}`);
  console.log(`${(messages / seconds).toFixed(0)} messages/s, ${(size / 1000 / seconds).toFixed(0)} kB/s`);
}

type Rounds = Readonly<Record<Kind, Round[]>>;

async function rounds(stage: Stage): Promise<Rounds> {
  const all: Rounds = { quiet: [], window: [], browser: [] };
  for (let n = 0; n < ROUNDS; n += 1)
    for (const kind of n % 2 === 0 ? KINDS : KINDS.toReversed()) all[kind].push(await round(stage, kind));
  return all;
}

const percent = ({ median, low, high }: Interval) =>
  `${median.toFixed(1)} % (95 %: ${low.toFixed(1)} to ${high.toFixed(1)})`;

function report(all: Rounds, version: string): string {
  const speeds = (kind: Kind) => all[kind].flatMap((it) => it.speeds);
  const quiet = speeds('quiet');
  const loss = (of: readonly number[], from = quiet) =>
    medianInterval(of.map((speed, n) => (1 - speed / (from[n] ?? speed)) * 100));
  const rate = (kind: Kind) => medianInterval(speeds(kind)).median.toFixed(0);
  const shares = KINDS.map((kind) => meanShares(all[kind].map((it) => it.shares)));
  const shown = (kind: Kind) => {
    const seen = all[kind].flatMap(({ page, from, to }) => page?.shownAt.filter((at) => at >= from && at <= to) ?? []);
    return ((seen.length * 1000) / all[kind].reduce((sum, { from, to }) => sum + to - from, 0)).toFixed(1);
  };
  const pages = [...all.window, ...all.browser].flatMap((it) => (it.page === null ? [] : [it.page]));
  const seconds = pages.reduce((sum, it) => sum + it.seconds, 0);
  const told = (of: (it: PageReport) => number) => pages.reduce((sum, it) => sum + of(it), 0) / seconds;
  return [
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores; Chromium ${version}, headless, without GPU; window ${WINDOW.width}×${WINDOW.height}`,
    `decode ${rate('quiet')} tokens/s without a page; all panes at ${LOOKS_A_SECOND} looks/s: ${rate('window')} beside a window of our own, ${rate('browser')} beside a browser`,
    `the window costs ${percent(loss(speeds('window')))}`,
    `the browser costs ${percent(loss(speeds('browser')))}`,
    `quiet answers differ by ${percent(loss(quiet.slice(1)))}`,
    `the host sends the page ${told((it) => it.messages).toFixed(0)} messages/s, ${told((it) => it.size / 1000).toFixed(0)} kB/s; it shows ${shown('window')} looks/s in the window, ${shown('browser')} in the browser`,
    '',
    table([
      ['processor time, % of one', 'without page', 'window', 'browser'],
      ...PARTIES.map((party) => [party, ...shares.map((it) => (it[party] * 100).toFixed(1))]),
    ]),
  ].join('\n');
}

export async function measureLooking(argv: readonly string[]): Promise<number> {
  if (!isInOwnSession()) {
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
    return await inOwnSession(['test/support/script.mjs', 'test/perf/perf.ts', 'looking', ...argv], stop.signal, root);
  }
  const option = (name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
  const model = option('--model') ?? sharedFile('stories260K-q8_0.gguf');
  const line = new CommandLine();
  line.putSettings();
  const launched: FreeChromium[] = [];
  const launch = async (session: 'own' | 'ours') => {
    const chromium = await FreeChromium.launch(WINDOW.width, WINDOW.height, session);
    launched.push(chromium);
    return chromium;
  };
  try {
    const chromium = { window: await launch('ours'), browser: await launch('own') };
    const host = line.start(['studio', root, '--no-open', '--json', '--token', TOKEN, '--port', '0']);
    const [, url = ''] = await host.waitFor(/"url":"([^"]+)"/);
    line.start(['run', '-p', 'direct', '--port', '0', '--json', ...(model === undefined ? [] : ['--model', model])]);
    const stage: Stage = { chromium, url, hostPid: host.pid, ...(await servingMachine(line)) };
    await decode(stage.apiUrl);
    const traceTo = option('--trace');
    if (traceTo !== undefined) await trace(stage, traceTo);
    else {
      const all = await rounds(stage);
      const version = await chromium.window.with(async (_page, browser) => browser.version());
      console.log(argv.includes('--json') ? JSON.stringify(all) : report(all, version));
    }
    return 0;
  } finally {
    line.dispose();
    for (const it of launched) await it.close();
  }
}

/** The machine that has been started, once its API answers. */
async function servingMachine(line: CommandLine): Promise<{ readonly apiUrl: string; readonly qemuPid: number }> {
  for (let tries = 0; tries < 120; tries += 1) {
    const { stdout } = await line.run(['ps', '--json']);
    const { machines } = JSON.parse(stdout) as { machines: { info: { apiUrl: string; qemuPid: number } }[] };
    const info = machines[0]?.info;
    const answers =
      info !== undefined &&
      (await fetch(`${info.apiUrl}/v1/models`).then(
        ({ ok }) => ok,
        () => false,
      ));
    if (info !== undefined && answers) return { apiUrl: info.apiUrl, qemuPid: info.qemuPid };
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('no machine serves: try ring0 run');
}

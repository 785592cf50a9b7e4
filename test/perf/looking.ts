/**
 * `npm run perf -- looking`: what a page with every inspecting pane in sight costs the guest. The same machine decodes with the page and
 * without it, in turn; its speed is its own word. Takes a model that decodes for a while: stories260K-q8_0.gguf beside the clone, or the
 * one that `--model FILE` names. `--trace FILE` writes a trace of one watched round for Chromium's Performance panel instead.
 */
import { cpus } from 'node:os';
import type { Page } from 'playwright-core';
import { type Interval, medianInterval } from '../../main/cli/median.ts';
import { CommandLine } from '../support/command-line.ts';
import { root, sharedFile } from '../support/project.ts';
import { meanShares, PARTIES, type Shares, sharesOf, spent } from './browser-load.ts';
import { FreeChromium } from './chromium.ts';
import { SOCKET_PROBE, type SocketReport } from './probes.ts';
import { table } from './statistics.ts';

/** Large enough for the layout Inspect to show all six panes at once. */
const WINDOW = { width: 2560, height: 1440 };
const LOOKS_A_SECOND = 30;
const DECODE_TOKENS = 480;
/** Answers of one round, and pairs of rounds. */
const ANSWERS = 4;
const ROUNDS = 8;
/** A page that has just been opened still compiles and asks what is asked once. */
const OPENING_MS = 3000;
/** So does one that a debugger has just left: its scripts have lost their fast code. */
const SETTLING_MS = 3000;
/** What the host does for a page that is gone ends soon. */
const CLOSING_MS = 500;
const TOKEN = 'perf-token-of-one-studio';
const TRACED = [
  ...['devtools.timeline', 'disabled-by-default-devtools.timeline'],
  ...['cc', 'viz', 'toplevel'],
];
const PANES = ['Processor', 'Interrupts', 'Descriptor Tables', 'Page Tables', 'Virtqueues', 'Memory'];

interface Round {
  readonly speeds: readonly number[];
  readonly shares: Shares;
  readonly socket: SocketReport | null;
}

interface Stage {
  readonly chromium: FreeChromium;
  readonly url: string;
  readonly apiUrl: string;
  readonly hostPid: number;
  readonly qemuPid: number;
}

export async function decode(apiUrl: string): Promise<number> {
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
export async function openStudio(page: Page, url: string): Promise<void> {
  await page.addInitScript(SOCKET_PROBE);
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
  await page.evaluate('window.ring0SocketStarts()');
}

async function answers(stage: Stage): Promise<Omit<Round, 'socket'>> {
  const before = spent(stage.chromium, stage.hostPid, stage.qemuPid);
  const speeds: number[] = [];
  for (let answer = 0; answer < ANSWERS; answer += 1) speeds.push(await decode(stage.apiUrl));
  return { speeds, shares: sharesOf(before, spent(stage.chromium, stage.hostPid, stage.qemuPid)) };
}

/** One round. While the guest decodes, nobody is attached to the browser. */
async function round(stage: Stage, kind: 'quiet' | 'watched'): Promise<Round> {
  if (kind === 'quiet') return { ...(await answers(stage)), socket: null };
  await stage.chromium.with((page) => openStudio(page, stage.url));
  await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  const measured = await answers(stage);
  const socket = await stage.chromium.with(async (page) => {
    const report = await page.evaluate<SocketReport>('window.ring0SocketEnds()');
    await page.goto('about:blank');
    return report;
  });
  await new Promise((resolve) => setTimeout(resolve, CLOSING_MS));
  return { ...measured, socket };
}

/** What Chromium itself notes of the page meanwhile: a trace for its Performance panel, with samples of what its scripts do. */
async function trace(stage: Stage, path: string): Promise<void> {
  await stage.chromium.with((page) => openStudio(page, stage.url));
  const { speeds, shares } = await stage.chromium.traced(TRACED, path, () => answers(stage));
  const { messages, size, seconds } = await stage.chromium.with(async (page) => {
    await page.screenshot({ path: `${path}.png` });
    return await page.evaluate<SocketReport>('window.ring0SocketEnds()');
  });
  console.log(`${path}: ${speeds.map((it) => it.toFixed(0)).join(', ')} tokens/s, ${JSON.stringify(shares)}`);
  console.log(`${(messages / seconds).toFixed(0)} messages/s, ${(size / 1000 / seconds).toFixed(0)} kB/s`);
}

async function rounds(stage: Stage): Promise<Record<'quiet' | 'watched', Round[]>> {
  const all = { quiet: [] as Round[], watched: [] as Round[] };
  for (let n = 0; n < ROUNDS; n += 1)
    for (const kind of n % 2 === 0 ? (['quiet', 'watched'] as const) : (['watched', 'quiet'] as const))
      all[kind].push(await round(stage, kind));
  return all;
}

const percent = ({ median, low, high }: Interval) =>
  `${median.toFixed(1)} % (95 %: ${low.toFixed(1)} to ${high.toFixed(1)})`;

function report(all: Record<'quiet' | 'watched', Round[]>, version: string): string {
  const speeds = { quiet: all.quiet.flatMap((it) => it.speeds), watched: all.watched.flatMap((it) => it.speeds) };
  const loss = (before: number, after: number) => (1 - after / before) * 100;
  const cost = medianInterval(speeds.watched.map((speed, n) => loss(speeds.quiet[n] ?? speed, speed)));
  const noise = medianInterval(speeds.quiet.slice(1).map((speed, n) => loss(speeds.quiet[n] ?? speed, speed)));
  const quiet = meanShares(all.quiet.map((it) => it.shares));
  const watched = meanShares(all.watched.map((it) => it.shares));
  const sockets = all.watched.flatMap((it) => (it.socket === null ? [] : [it.socket]));
  const seconds = sockets.reduce((sum, it) => sum + it.seconds, 0);
  const rate = (of: (it: SocketReport) => number) => sockets.reduce((sum, it) => sum + of(it), 0) / seconds;
  return [
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores; Chromium ${version}, headless, without GPU; window ${WINDOW.width}×${WINDOW.height}`,
    `decode ${medianInterval(speeds.quiet).median.toFixed(0)} tokens/s without a page, ${medianInterval(speeds.watched).median.toFixed(0)} with all panes at ${LOOKS_A_SECOND} looks/s`,
    `the page costs ${percent(cost)}; quiet answers differ by ${percent(noise)}`,
    `the host sends the page ${rate((it) => it.messages).toFixed(0)} messages/s, ${rate((it) => it.size / 1000).toFixed(0)} kB/s`,
    '',
    table([
      ['processor time, % of one', 'without page', 'with page', 'difference'],
      ...PARTIES.map((it) => [
        it,
        ...[quiet[it], watched[it], watched[it] - quiet[it]].map((share) => (share * 100).toFixed(1)),
      ]),
    ]),
  ].join('\n');
}

export async function measureLooking(argv: readonly string[]): Promise<number> {
  const option = (name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
  const model = option('--model') ?? sharedFile('stories260K-q8_0.gguf');
  const line = new CommandLine();
  line.putSettings();
  const chromium = await FreeChromium.launch(WINDOW.width, WINDOW.height);
  try {
    const host = line.start(['studio', root, '--no-open', '--json', '--token', TOKEN, '--port', '0']);
    const [, url = ''] = await host.waitFor(/"url":"([^"]+)"/);
    line.start(['run', '-p', 'direct', '--port', '0', '--json', ...(model === undefined ? [] : ['--model', model])]);
    const stage: Stage = { chromium, url, hostPid: host.pid, ...(await servingMachine(line)) };
    await decode(stage.apiUrl);
    const traceTo = option('--trace');
    if (traceTo !== undefined) await trace(stage, traceTo);
    else {
      const all = await rounds(stage);
      const version = await chromium.with(async (_page, browser) => browser.version());
      console.log(argv.includes('--json') ? JSON.stringify(all) : report(all, version));
    }
    return 0;
  } finally {
    await chromium.close();
    line.dispose();
  }
}

/** The machine that has been started, once its API answers. */
export async function servingMachine(line: CommandLine): Promise<{ readonly apiUrl: string; readonly qemuPid: number }> {
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

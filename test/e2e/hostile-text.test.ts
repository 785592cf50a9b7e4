/** Whatever a guest, a file, a model or a compiler says, and however it is named: the page shows it as text. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fail, ok } from '../../app/base/result.ts';
import type { BuildService, ChatService, Diagnostic, Epitaph, ModelService } from '../../app/contract/index.ts';
import { FakeMachine, type FakeStudio, startFakeStudio } from '../support/fake-studio.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

/** Without a slash, so that it is a file's name as well. */
const ATTACK = '<img src=x onerror="window.hacked=1"><svg onload="window.hacked=1"><script>window.hacked=1<script>';
const BRANCH = '<img-src=x-onerror=hacked()>';

const epitaph: Epitaph = {
  version: 1,
  state: 'written',
  cause: 'panic',
  vector: 0,
  core: 0,
  errorCode: '0x0',
  tsc: '0x0',
  registers: { rip: '0xffffffff80000000' },
  frames: [{ address: '0xffffffff80000000', symbol: ATTACK }],
  message: ATTACK,
  problems: [ATTACK],
};

const running = new FakeMachine({
  id: 'direct-1',
  startedAt: 1,
  accelerator: { accelerator: 'tcg', reason: ATTACK },
  modelPath: `/models/${ATTACK}.gguf`,
  commandLine: ATTACK,
  argv: ['qemu-system-x86_64', ATTACK],
});
const dead = new FakeMachine(
  { id: 'direct-2', startedAt: 2, ownerPid: 1 },
  {
    phase: 'crashed',
    crash: { kind: 'panic', summary: `PANIC ${ATTACK}`, epitaph, serialTail: [ATTACK], interruptLog: [ATTACK] },
  },
);

const chat: ChatService = {
  async *waitUntilReady() {
    yield { kind: 'ready', elapsedMs: 1 };
  },
  models: async () => ok([{ id: ATTACK, ownedBy: ATTACK, contextLength: 1 }]),
  async *chat() {
    const markdown = `${ATTACK}\n\n[link](javascript:window.hacked=1) [our site](https://evil.example/x) ![${ATTACK}](x)\n\n\`\`\`html\n${ATTACK}\n\`\`\`\n\n|a|\n|-|\n|${ATTACK}|\n`;
    yield { kind: 'raw', data: ATTACK };
    yield {
      kind: 'tokens',
      tokens: [{ text: ATTACK, logprob: -1, bytes: [60], alternatives: [{ text: ATTACK, logprob: -2 }] }],
    };
    yield { kind: 'text', text: markdown };
    yield {
      kind: 'finished',
      reason: 'stop',
      text: markdown,
      timing: {
        timeToFirstTokenMs: 1,
        totalMs: 1,
        promptTokens: 1,
        completionTokens: 1,
        tokensPerSecond: 1,
        promptTokensPerSecond: 1,
        measuredBy: 'guest',
      },
    };
  },
  async *complete() {},
};

const diagnostic: Diagnostic = {
  severity: 'error',
  message: ATTACK,
  code: 'E0000',
  packageName: ATTACK,
  spans: [],
  notes: [ATTACK],
  suggestions: [],
  rendered: `error: ${ATTACK}\n`,
};
const build: BuildService = {
  async *build() {
    yield { kind: 'step', title: ATTACK, command: [ATTACK] };
    yield { kind: 'output', line: `\x1b[31m${ATTACK}\x1b[0m` };
    yield { kind: 'diagnostic', diagnostic };
    yield { kind: 'failed', error: { code: 'build-failed', what: ATTACK, why: ATTACK, fix: ATTACK }, errors: 1 };
  },
  size: async () => fail('no-image', ATTACK, ATTACK, ATTACK),
};
const entry = {
  name: ATTACK,
  path: `/models/${ATTACK}`,
  source: 'library' as const,
  sizeBytes: 1,
  facts: null,
  problem: ATTACK,
};
const models: ModelService = {
  directory: '/models',
  list: async () => [entry],
  catalogue: async () => [],
  resolve: async () => ok(entry),
  add: async () => ok(entry),
  get: async () => ok(entry),
  remove: async () => ok(),
  restore: async () => ok(entry),
};

if (chromiumPath === undefined) it.skip(`hostile text in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('text that tries to run script', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-hostile-'));
  const file = `${ATTACK}.md`;
  let browser: Browser;
  let fake: FakeStudio;
  let studio: Studio;

  beforeAll(async () => {
    writeFileSync(join(folder, file), `# ${ATTACK}\n`);
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args]);
    git('init', '-q', '-b', BRANCH);
    git('add', '.');
    git('commit', '-qm', 'x');
    fake = await startFakeStudio(folder, [running, dead], { chat, build, models });
    browser = await launchBrowser();
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.visit(fake.url);
  });

  afterAll(async () => {
    await browser?.close();
    fake?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Whether a part of the page shows the attack, as text. */
  const shows = (part: string) =>
    expect.poll(() => studio.page.locator(part).first().innerText()).toMatch(/<img.src=x/);

  it('as the name and the content of a file, and of a branch', async () => {
    await studio.page.getByRole('treeitem').first().dblclick();
    await shows('[data-panel="pane:explorer"]');
    await expect.poll(() => studio.page.locator('.view-lines').first().innerText()).toMatch(/<img.src=x/);
    await studio.page.getByText(BRANCH).first().waitFor();
  });

  it('as what a search finds', async () => {
    await studio.page.keyboard.press('Control+Shift+F');
    await studio.page.getByRole('textbox', { name: 'Search', exact: true }).fill('<img src=x');
    await shows('[data-panel="pane:search"] [title^="Line 1"]');
  });

  it('as what a compiler says', async () => {
    await studio.page.keyboard.press('Control+Shift+B');
    await shows('[data-panel="pane:build"]');
    await studio.page.keyboard.press('Control+Shift+M');
    await shows('[data-panel="pane:problems"]');
  });

  it('as what a machine is called, runs and dies of', async () => {
    await studio.command('View: Show Machine');
    await shows('[data-panel="pane:machine"] .machine-crash');
    await studio.page.getByRole('radio', { name: /running/i }).check({ force: true });
    await shows('[data-panel="pane:machine"] .machine-argv');
  });

  it('as what a guest prints', async () => {
    await studio.page.keyboard.press('Control+Alt+`');
    await studio.page.locator('[data-pane="serial"] .terminal-screen .xterm-rows').waitFor({ state: 'attached' });
    // With a title, a link and a paste into the clipboard, as escape sequences.
    running.print(
      `\x1b]0;${ATTACK}\x07\x1b]8;;javascript:window.hacked=1\x07${ATTACK}\x1b]8;;\x07\x1b]52;c;aGFja2Vk\x07\r\n`,
    );
    await shows('[data-pane="serial"] .terminal-screen .xterm-rows');
    expect(await studio.page.title()).not.toContain('hacked');
  });

  it('as what a model answers, with its tokens and its raw answer', async () => {
    await studio.page.keyboard.press('Control+Alt+I');
    const box = studio.page.getByRole('textbox', { name: 'Message' });
    await box.fill(ATTACK);
    await box.press('Enter');
    await shows('.chat-answer .chat-text');
    await shows('.chat-question');
    const answer = studio.page.getByRole('article', { name: 'Answer' });
    await answer.hover();
    await answer.getByRole('button', { name: 'Request and response' }).click();
    await expect.poll(() => answer.innerText()).toMatch(/<img.src=x/);
    await answer.getByRole('button', { name: 'Token probabilities' }).click();
    await expect.poll(() => answer.innerText()).toMatch(/<img.src=x/);
    await answer.getByRole('button', { name: 'Token probabilities' }).click();
    await answer.getByText('link', { exact: true }).click();
    // Where a link leads is shown before anybody goes there.
    await answer.getByRole('button', { name: 'our site' }).click();
    const dialog = studio.page.getByRole('dialog', { name: 'A link to evil.example' });
    expect(await dialog.innerText()).toContain('https://evil.example/x');
    await studio.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(studio.page.context().pages()).toHaveLength(1);
  });

  it('in every other pane there is', async () => {
    for (const { title } of await studio.views()) await studio.openView(title);
  });

  it('and nothing of it ran, became an element, or went to the browser’s own machinery', async () => {
    expect(await studio.page.evaluate('window.hacked')).toBeUndefined();
    expect(
      await studio.page
        .locator('img[src="x"], svg[onload], script:not([src]), [onerror], [onload], a[href^="javascript"]')
        .count(),
    ).toBe(0);
    expect(studio.complaints).toEqual([]);
    expect(fake.bugs).toEqual([]);
  });
});

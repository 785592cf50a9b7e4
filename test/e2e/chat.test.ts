import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import AxeBuilder from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine, type Running } from '../support/command-line.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`conversations in a browser: ${NO_CHROMIUM}`, () => {});

/** Building may come first, on a computer that has much to do. */
const BOOT_MS = 240_000;
const shell = promisify(execFile);

describe.skipIf(chromiumPath === undefined)('a conversation with the guest', () => {
  const line = new CommandLine();
  let browser: Browser;
  let host: Running;
  let studio: Studio;
  let page: Page;

  beforeAll(async () => {
    host = line.start(['studio', '--no-open', '--json']);
    const [ready, launched] = await Promise.all([host.waitFor(/"url":"([^"]+)"/), launchBrowser()]);
    browser = launched;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    page = await context.newPage();
    studio = new Studio(page);
    await studio.visit(ready[1] ?? '');
    await studio.command('Chat Layout');
  });

  afterAll(async () => {
    await browser?.close();
    host?.signal('SIGINT');
    await host?.end();
    line.dispose();
  });

  const message = () => page.getByRole('textbox', { name: 'Message' });
  const answers = () => page.getByRole('article', { name: 'Answer' });
  const clipboard = () => page.evaluate('navigator.clipboard.readText()') as Promise<string>;
  const answered = (count: number) =>
    answers()
      .nth(count - 1)
      .getByText(/tokens\/s/)
      .waitFor({ timeout: BOOT_MS });

  /** What the browser was given to save. */
  async function exported(item: string): Promise<{ name: string; text: string }> {
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: item }).click();
    const file = await download;
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
  }

  it(
    'starts a machine for the first question and answers it, with the facts of the answer',
    async () => {
      await page.getByRole('button', { name: 'System prompt and sampling' }).click();
      await page.getByRole('checkbox', { name: /Record token probabilities/ }).check();
      await page.getByRole('spinbutton', { name: 'Temperature' }).fill('0');
      await page.getByRole('button', { name: 'System prompt and sampling' }).click();
      await message().fill('What is a GDT?');
      await message().press('Enter');
      await answered(1);
      expect(await answers().first().innerText()).toMatch(/\d+ ms|\d s/);
    },
    BOOT_MS + 30_000,
  );

  it('shows the probability of every token, and what else it might have been', async () => {
    await answers().first().getByRole('button', { name: 'Token probabilities' }).click();
    const tokens = page.getByRole('listbox', { name: 'Tokens of the answer' });
    await tokens.focus();
    await page.keyboard.press('ArrowRight');
    expect(
      await page.getByRole('table', { name: 'What else this token might have been' }).getByRole('row').count(),
    ).toBe(5);
    expect(await tokens.getByRole('option', { selected: true }).getAttribute('aria-label')).toMatch(/, [\d.]+ ?%$/);
    await answers().first().getByRole('button', { name: 'Token probabilities' }).click();
  });

  it('copies the request as a curl command that gets the same answer', async () => {
    const text = await answers().first().locator('.chat-text').innerText();
    await answers().first().getByRole('button', { name: 'Request and response' }).click();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await expect.poll(clipboard).toMatch(/^curl -N/);
    const { stdout } = await shell('/bin/sh', ['-c', `${await clipboard()} -s --max-time 60`], { maxBuffer: 16 << 20 });
    expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const pieces = stdout
      .split('\n')
      .filter((row) => row.startsWith('data: {'))
      .map((row) => (JSON.parse(row.slice(6)) as { choices: { delta?: { content?: string } }[] }).choices[0]?.delta);
    const words = (of: string) => of.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
    expect(words(pieces.map((delta) => delta?.content ?? '').join(''))).toBe(words(text));
    await answers().first().getByRole('button', { name: 'Request and response' }).click();
  });

  it('makes another answer beside the first, and goes between them', async () => {
    await answers().first().getByRole('button', { name: 'Another answer' }).click();
    await answers().first().getByText('2 / 2').waitFor();
    await answered(1);
    await answers().first().getByRole('button', { name: 'Branch before' }).click();
    await answers().first().getByText('1 / 2').waitFor();
    expect(await answers().count()).toBe(1);
  });

  it('edits a question and sends it again as a branch', async () => {
    const question = page.getByRole('article', { name: 'Your message' });
    await question.first().hover();
    await question.first().getByRole('button', { name: 'Edit and send again' }).click();
    await page
      .getByRole('article', { name: 'Your message, being changed' })
      .getByRole('textbox')
      .fill('What is paging?');
    await page.getByRole('button', { name: 'Send as a new branch' }).click();
    await answered(1);
    await question.first().getByText('2 / 2').waitFor();
    expect(await question.first().innerText()).toContain('What is paging?');
    await question.first().getByRole('button', { name: 'Branch before' }).click();
    await expect.poll(() => question.first().innerText()).toContain('What is a GDT?');
    await question.first().getByRole('button', { name: 'Next branch' }).click();
  });

  it('exports what is shown as Markdown, and every branch as JSON', async () => {
    const markdown = await exported('As Markdown');
    expect(markdown.name).toMatch(/^what-is-.*\.md$/);
    expect(markdown.text).toMatch(/^# What is[\s\S]*## You\n\nWhat is paging\?[\s\S]*## ring0-demo/);
    expect(markdown.text).not.toContain('You\n\nWhat is a GDT?');
    const json = await exported('As JSON');
    expect(json.name).toMatch(/\.json$/);
    const { nodes } = JSON.parse(json.text) as { nodes: Record<string, { role: string; content: string }> };
    const questions = Object.values(nodes).flatMap(({ role, content }) => (role === 'user' ? [content] : []));
    expect(questions.sort()).toEqual(['What is a GDT?', 'What is paging?']);
    expect(Object.values(nodes).filter(({ role }) => role === 'assistant')).toHaveLength(3);
  });

  it('keeps the conversation through a reload, and a system prompt and a preset with it', async () => {
    await page.getByRole('button', { name: 'System prompt and sampling' }).click();
    await page.getByRole('textbox', { name: 'System prompt' }).fill('Answer briefly.');
    await page.getByRole('combobox', { name: 'Sampling' }).selectOption({ index: 1 });
    const preset = await page.getByRole('combobox', { name: 'Sampling' }).inputValue();
    // The page says nothing of its saving: the host's copy is what counts.
    await page.waitForTimeout(1500);
    await page.reload();
    await answers().first().waitFor();
    expect(await page.getByRole('article', { name: 'Your message' }).innerText()).toContain('What is paging?');
    await page.getByRole('button', { name: 'System prompt and sampling' }).click();
    expect(await page.getByRole('textbox', { name: 'System prompt' }).inputValue()).toBe('Answer briefly.');
    expect(await page.getByRole('combobox', { name: 'Sampling' }).inputValue()).toBe(preset);
    await page.getByRole('button', { name: 'System prompt and sampling' }).click();
  });

  it('has nothing serious for axe, in any theme', async () => {
    for (const theme of ['dark', 'light', 'high-contrast']) {
      await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
      const { violations } = await new AxeBuilder({ page }).include('[data-pane="chat"]').analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => `${theme}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
    expect(studio.complaints).toEqual([]);
  });
});

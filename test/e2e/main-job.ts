/**
 * The main job of the studio, start to end, as one story whose steps follow each other: edit, break, mend, build, boot, type at the
 * guest, talk to it, stop; and the same window over the death of its service host. It knows nothing of the shell that it runs in.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyKernel } from '../support/kernel-copy.ts';
import { isAlive } from '../support/lab.ts';
import { root } from '../support/project.ts';
import type { Studio } from './browser.ts';
import type { OpenShell, StudioShell } from './shell.ts';

const SOURCE = 'kernel/ring0/src/main.rs';
const ERROR = 'const BROKEN: u32 = "no number";';
/** Generous: a build of the kernel, on a computer that does other things too. */
const BUILD_MS = 300_000;
const BOOT_MS = 120_000;

export function mainJob(open: OpenShell): void {
  let copy: ReturnType<typeof copyKernel>;
  let shell: StudioShell;
  let studio: Studio;
  /** QEMUs of this story, none of which may outlive it. */
  const guests: number[] = [];

  beforeAll(async () => {
    copy = copyKernel();
    const profile = join(copy.folder, 'unhurried.json');
    // The slow engine: an answer takes long enough for something to happen in the middle of it.
    writeFileSync(profile, JSON.stringify({ extends: 'direct', accelerator: 'tcg', append: 'serve=8080 isa=scalar' }));
    shell = await open({ folder: copy.folder, settings: { profile, autoSave: 'off' } });
    studio = shell.studio;
  });

  afterAll(async () => {
    await shell?.close();
    copy?.dispose();
  });

  const onDisk = () => readFileSync(join(copy.folder, SOURCE), 'utf8');
  const original = readFileSync(join(root, SOURCE), 'utf8');

  it(
    'opens a kernel file, and shows an error where it was made',
    async () => {
      const { page } = studio;
      await studio.open(SOURCE);
      await page.keyboard.press('Control+End');
      await page.keyboard.insertText(ERROR);
      await page.keyboard.press('Control+S');
      await expect.poll(onDisk).toBe(original + ERROR);
      await page.keyboard.press('Control+Shift+B');
      // The build fails at that line: in the list, in the status bar, under the text.
      await page.getByRole('button', { name: /mismatched types/ }).waitFor({ timeout: BUILD_MS });
      await page.getByTitle(/^1 error\b/).waitFor();
      await studio.editor(SOURCE).locator('.squiggly-error').first().waitFor();
      await page.keyboard.press('Control+Home');
      await page
        .getByRole('button', { name: /mismatched types/ })
        .first()
        .click();
      await page.getByText(`Ln ${original.split('\n').length}, Col ${ERROR.indexOf('"') + 1}`).waitFor();
    },
    BUILD_MS,
  );

  it(
    'is mended, and builds',
    async () => {
      const { page } = studio;
      await studio.open(SOURCE);
      await page.keyboard.press('Control+End');
      await page.keyboard.press('Shift+Home');
      await page.keyboard.press('Delete');
      await page.keyboard.press('Control+S');
      await expect.poll(onDisk).toBe(original);
      await page.keyboard.press('Control+Shift+B');
      await page.locator('.build-head[data-phase="succeeded"]').waitFor({ timeout: BUILD_MS });
      await page.getByTitle(/^0 errors\b/).waitFor();
      await expect.poll(() => studio.editor(SOURCE).locator('.squiggly-error').count()).toBe(0);
    },
    BUILD_MS,
  );

  it(
    'boots, and the guest’s shell answers what is typed',
    async () => {
      const { page } = studio;
      await boot();
      await toSerial();
      await page.keyboard.type('info\n');
      const screen = page.locator('[data-pane="serial"] .terminal-screen .xterm-rows');
      await expect.poll(() => screen.innerText(), { timeout: BOOT_MS }).toMatch(/ring0> info\n[\s\S]+\nring0> /);
    },
    BUILD_MS,
  );

  it(
    'chats, word by word',
    async () => {
      await ask('Tell me a story.');
      const lengths = await growth(/poetry|story|kernel|ring/i);
      expect(lengths.length).toBeGreaterThan(3);
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    },
    BOOT_MS,
  );

  it(
    'loses nothing that is typed while the service host dies, and leaves no guest behind',
    async () => {
      const { page } = studio;
      await studio.open(SOURCE);
      await page.keyboard.press('Control+End');
      const text = '// typed while the host was killed, every letter of it: the quick brown fox jumps over it';
      await page.keyboard.type(text.slice(0, 30));
      // In the middle of the typing, which does not wait for anybody.
      const [typed] = await Promise.all([page.keyboard.type(text.slice(30), { delay: 15 }), shell.killHost()]);
      expect(typed).toBeUndefined();
      await expect.poll(() => studio.text(SOURCE)).toContain(text);
      for (const pid of guests) await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);

      await shell.reviveHost();
      await page.getByText('Disconnected, text is kept').waitFor({ state: 'detached' });
      await kept(text);
      await page.reload();
      await expect.poll(() => studio.text(SOURCE)).toContain(text);
      expect(onDisk()).toBe(original);
      await studio.open(SOURCE);
      await studio.command('File: Revert to Saved');
      await studio.tab(/^main\.rs\s*, not saved/).waitFor({ state: 'detached' });
    },
    BUILD_MS,
  );

  it(
    'keeps what was said when the host dies in the middle of an answer, and goes on with the next host',
    async () => {
      const { page } = studio;
      await boot();
      // Nothing but noise, up to the end of the context: long.
      await page.keyboard.press('Control+Alt+I');
      const options = page.getByRole('button', { name: 'System prompt and sampling' });
      await options.click();
      await page.getByRole('spinbutton', { name: 'Temperature' }).fill('2');
      await options.click();
      await ask('Tell me a story.');
      const answer = page.getByRole('article', { name: 'Answer' }).last();
      await page.evaluate('window.answerHasBegun');
      await shell.killHost();
      await page.getByText('The connection was lost in the middle of the answer.').waitFor();
      const said = await answer.locator('.chat-text').innerText();
      expect(said).not.toBe('');
      for (const pid of guests) await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);

      await shell.reviveHost();
      await page.getByText('Disconnected, text is kept').waitFor({ state: 'detached' });
      // What came is there, after a reload too; the same question gets another answer from a new machine.
      await page.reload();
      await page.keyboard.press('Control+Alt+I');
      await expect.poll(() => answer.locator('.chat-text').innerText()).toContain(said.slice(0, 20));
      await boot();
      await page.keyboard.press('Control+Alt+I');
      await answer.hover();
      await answer.getByRole('button', { name: 'Another answer' }).click();
      await page.getByText('2 / 2').first().waitFor();
      await expect.poll(() => answer.getAttribute('aria-busy'), { timeout: BOOT_MS }).toBe('false');
      expect(await answer.locator('.chat-text').innerText()).not.toBe('');
    },
    BUILD_MS,
  );

  it('stops, and no QEMU is left', async () => {
    const { page } = studio;
    await studio.command('Machine: Stop');
    await page.getByTitle(/: stopped/).waitFor();
    expect(guests.length).toBeGreaterThanOrEqual(3);
    for (const pid of guests) await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  });

  it('threw nothing on the way, and broke no rule of the content security policy', () => {
    expect(studio.complaints).toEqual([]);
  });

  /** Build and Run, until the guest's API is there. */
  async function boot(): Promise<void> {
    const { page } = studio;
    await page.keyboard.press('F5');
    await page.getByTitle(/^Machine .*: running/).waitFor({ timeout: BUILD_MS });
    await studio.command('View: Show Machine');
    const process = page.locator('.machine-card').getByText(/^process \d+/);
    await process.waitFor();
    guests.push(Number(/\d+/.exec(await process.innerText())?.[0]));
    await toSerial();
    const screen = page.locator('[data-pane="serial"] .terminal-screen .xterm-rows');
    await expect.poll(() => screen.innerText(), { timeout: BOOT_MS }).toContain('ring0> ');
  }

  /** Puts the keyboard into the serial console. */
  async function toSerial(): Promise<void> {
    const { page } = studio;
    await page.locator('[data-pane="serial"] .terminal-screen .xterm-rows').waitFor({ state: 'attached' });
    await page.keyboard.press('Control+Alt+`');
    await page.locator('[data-pane="serial"] .terminal-screen .xterm.focus').waitFor();
  }

  async function ask(question: string): Promise<void> {
    const { page } = studio;
    await page.keyboard.press('Control+Alt+I');
    await page.evaluate(OBSERVE);
    const box = page.getByRole('textbox', { name: 'Message' });
    await box.fill(question);
    await box.press('Enter');
  }

  /** How long the answer was, each time that it grew; waits for its end. */
  async function growth(expected: RegExp): Promise<number[]> {
    const answer = studio.page.getByRole('article', { name: 'Answer' }).last();
    await expect.poll(() => answer.getAttribute('aria-busy'), { timeout: BOOT_MS }).toBe('false');
    await expect.poll(() => answer.locator('.chat-text').innerText()).toMatch(expected);
    return await studio.page.evaluate<number[]>('window.answerLengths');
  }

  /** Waits until the host has written a text into its home. */
  async function kept(text: string): Promise<void> {
    await expect
      .poll(() => {
        try {
          return execFileSync('grep', ['-rlF', '--', text, shell.home], { encoding: 'utf8' });
        } catch {
          return '';
        }
      })
      .not.toBe('');
  }
}

/** Writes down how long the last answer is whenever it changes; `answerHasBegun` resolves with its first words. */
const OBSERVE = `(() => {
  const lengths = (window.answerLengths = []);
  const observer = new MutationObserver(() => {
    const answers = document.querySelectorAll('.chat-answer[aria-busy="true"]');
    const length = answers[answers.length - 1]?.querySelector('.chat-text')?.textContent.length ?? 0;
    if (length > 0 && length !== lengths.at(-1)) lengths.push(length);
    if (lengths.length > 3) window.answerGrows();
  });
  window.answerHasBegun = new Promise((resolve) => { window.answerGrows = resolve; });
  window.answerObserver?.disconnect();
  window.answerObserver = observer;
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
})()`;

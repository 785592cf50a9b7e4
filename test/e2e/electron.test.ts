/** The twin of main-job.test.ts in a window of Electron, and what only that window has. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ElectronWindow, electron } from './electron-shell.ts';
import { mainJob } from './main-job.ts';

if ('why' in electron) it.skip(`the studio in a window of Electron: ${electron.why}`, () => {});
else {
  describe('the main job in Electron', () => mainJob(ElectronWindow.open));
  describe('the window of Electron', theWindow);
}

function theWindow(): void {
  const folder = mkdtempSync(join(tmpdir(), 'r0-electron-'));
  let window: ElectronWindow;
  beforeAll(async () => {
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src', 'main.rs'), 'fn main() {}\n');
    window = await ElectronWindow.open({ folder });
  });
  afterAll(async () => {
    await window?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows a page that has nothing of Node or Electron but its doors', async () => {
    const seen = await window.studio.page.evaluate(`({
      address: location.href,
      node: ['require', 'process', 'module', 'Buffer', 'global'].filter((name) => name in window),
      bridge: Object.keys(window.ring0).sort(),
    })`);
    expect(seen).toEqual({
      address: 'ring0://studio/index.html',
      node: [],
      bridge: ['onCommand', 'pickModel', 'requestPort'],
    });
  });

  it('refuses to go elsewhere, to open another window, and to connect anywhere', async () => {
    const { page } = window.studio;
    expect(await page.evaluate("window.open('https://example.com/') === null")).toBe(true);
    await page.evaluate("void (location.href = 'https://example.com/')");
    const reached = await page.evaluate("fetch('http://127.0.0.1:1/').then(() => true, () => false)");
    expect(reached).toBe(false);
    expect(page.url()).toBe('ring0://studio/index.html');
    expect(window.studio.complaints.splice(0).join('\n')).toContain('Content Security Policy');
  });
}

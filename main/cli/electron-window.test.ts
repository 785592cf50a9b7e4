import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findElectron } from './electron-window.ts';
import { openInBrowser } from './open-in-browser.ts';

const root = mkdtempSync(join(tmpdir(), 'ring0-choice-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('an Electron window is opened where there are a display and a program, and the reason is given where not', () => {
  const display = { DISPLAY: ':0' };
  expect(findElectron(root, {}, 'linux', 1000)).toEqual({ why: 'there is no display' });
  expect(findElectron(root, display, 'linux', 1000)).toEqual({ why: expect.stringContaining('not been downloaded') });
  const folder = join(root, 'node_modules', 'electron');
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'path.txt'), 'electron');
  expect(findElectron(root, display, 'linux', 1000)).toEqual({ why: expect.stringContaining('not been downloaded') });
  writeFileSync(join(folder, 'dist', 'electron'), '');
  expect(findElectron(root, display, 'linux', 1000)).toEqual({ program: join(folder, 'dist', 'electron') });
  expect(findElectron(root, display, 'linux', 0)).toEqual({ why: 'Electron does not run as root' });
  expect(findElectron(root, {}, 'darwin')).toHaveProperty('program');
});

test('no browser is opened where nobody would see it', async () => {
  expect(await openInBrowser('http://127.0.0.1:1/', { SSH_CONNECTION: '1' }, 'linux')).toContain('forward the port');
  expect(await openInBrowser('http://127.0.0.1:1/', {}, 'linux')).toContain('no display');
});

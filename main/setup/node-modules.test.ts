import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { staleNodeModules } from './node-modules.mjs';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ring0-setup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lock = (packages: object) => JSON.stringify({ packages });
function wanted(packages: object) {
  writeFileSync(join(root, 'package-lock.json'), lock({ '': { name: 'root' }, ...packages }));
}
function installed(packages: object) {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), lock(packages));
}

it('finds nothing to do when all is there, foreign platforms aside', () => {
  wanted({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/b-win32': { version: '1.0.0', optional: true } });
  installed({ 'node_modules/a': { version: '1.0.0' } });
  expect(staleNodeModules(root)).toBeUndefined();
});

it('wants an installation when there is none, or only half of one', () => {
  wanted({});
  expect(staleNodeModules(root)).toBe('node_modules is missing or half installed');
  mkdirSync(join(root, 'node_modules'));
  expect(staleNodeModules(root)).toBe('node_modules is missing or half installed');
});

it('says which package is missing or of another version', () => {
  wanted({ 'node_modules/a': { version: '1.0.0' } });
  installed({});
  expect(staleNodeModules(root)).toBe('node_modules/a is missing');
  installed({ 'node_modules/a': { version: '0.9.0' } });
  expect(staleNodeModules(root)).toBe('node_modules/a is 0.9.0, package-lock.json asks for 1.0.0');
});

it('wants an installation when a lock file cannot be read', () => {
  wanted({});
  installed({});
  writeFileSync(join(root, 'package-lock.json'), '{ half');
  expect(staleNodeModules(root)).toContain('the lock file cannot be read');
});

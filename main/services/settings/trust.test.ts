import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Trust } from '../../../app/contract/trust.ts';
import { FolderTrust, type FolderTrustOptions } from './trust.ts';

let folder: string;
const path = () => join(folder, 'workspaces', 'x', 'trust.json');
const open = (more: Partial<FolderTrustOptions> = {}) =>
  FolderTrust.open({ path: path(), own: false, asks: true, restrictsBuild: true, ...more });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-trust-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a folder is restricted until a person says otherwise, and then trusted over every start', async () => {
  const trust = await open();
  const heard: Trust[] = [];
  trust.onDidChange((now) => heard.push(now));
  expect(trust.trust).toEqual({ kind: 'restricted', decided: false, restrictsBuild: true });
  expect(await trust.decide(true)).toEqual({ ok: true, value: { kind: 'trusted', because: 'person' } });
  expect((await open()).trust).toEqual({ kind: 'trusted', because: 'person' });
  await trust.decide(false);
  expect((await open()).trust).toMatchObject({ kind: 'restricted', decided: true });
  expect(heard.map(({ kind }) => kind)).toEqual(['trusted', 'restricted']);
});

test('the studio’s own folder is trusted, and every folder where nobody wants to be asked', async () => {
  expect((await open({ own: true })).trust).toEqual({ kind: 'trusted', because: 'own' });
  const trust = await open({ asks: false });
  expect(trust.trust).toEqual({ kind: 'trusted', because: 'setting' });
  trust.setAsks(true);
  expect(trust.trust.kind).toBe('restricted');
  expect(existsSync(path())).toBe(false);
});

test('what is no decision is none', async () => {
  await (await open()).decide(true);
  for (const text of ['{"trusted":"yes"}', '{', '[]', `{"trusted":true,"x":"${'x'.repeat(9000)}"}`]) {
    writeFileSync(path(), text);
    expect((await open()).trust).toMatchObject({ kind: 'restricted', decided: false });
  }
});

test('what cannot be kept is said, and does not count', async () => {
  writeFileSync(join(folder, 'workspaces'), 'a file where a folder is needed');
  const trust = await open();
  expect(await trust.decide(true)).toMatchObject({ ok: false, error: { code: 'cannot-save-state' } });
  expect(trust.trust.kind).toBe('restricted');
  expect(readFileSync(join(folder, 'workspaces'), 'utf8')).toMatch(/^a file/);
});

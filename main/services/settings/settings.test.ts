import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_SETTINGS, type SettingsReport } from '../../../app/contract/settings.ts';
import { StoredSettings } from './index.ts';
import { workspaceKey } from './places.ts';

let folder: string;
let settings: StoredSettings;
const open = () => new StoredSettings({ directory: folder, workspaceDirectory: join(folder, 'workspaces', 'one') });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-settings-'));
  settings = open();
});
afterEach(() => {
  settings.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const file = () => join(folder, 'settings.json');

test('without a file everything is at its default; what is set stays, over a restart too', async () => {
  expect(await settings.get()).toEqual({ settings: DEFAULT_SETTINGS, problems: [], path: file() });
  expect(await settings.set({ theme: 'light' })).toMatchObject({ ok: true });
  expect(await settings.set({ zoom: 1.5 })).toMatchObject({
    ok: true,
    value: { settings: { theme: 'light', zoom: 1.5 } },
  });
  expect((await open().get()).settings).toEqual({ ...DEFAULT_SETTINGS, theme: 'light', zoom: 1.5 });
  await settings.set({ theme: null });
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ zoom: 1.5 });
});

test('changes that come at once are all kept', async () => {
  await Promise.all([settings.set({ zoom: 2 }), settings.set({ theme: 'light' }), settings.set({ buildOnSave: true })]);
  expect((await settings.get()).settings).toMatchObject({ zoom: 2, theme: 'light', buildOnSave: true });
});

test('what is no setting is refused, and nothing is written', async () => {
  expect(await settings.set({ zoom: 99 })).toMatchObject({ ok: false, error: { code: 'bad-setting' } });
  expect(await settings.set({ colour: 'red' })).toMatchObject({ ok: false, error: { code: 'bad-setting' } });
  expect(await settings.set({ constructor: 1 })).toMatchObject({ ok: false, error: { code: 'bad-setting' } });
  expect(existsSync(file())).toBe(false);
});

test('a file with mistakes counts as far as it is right, and is not emptied by the next change', async () => {
  writeFileSync(file(), '{"theme":"pink","zoom":2,"ours":1}');
  const report = await settings.get();
  expect(report.settings).toEqual({ ...DEFAULT_SETTINGS, zoom: 2 });
  expect(report.problems).toHaveLength(2);
  await settings.set({ zoom: 1 });
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ theme: 'pink', zoom: 1, ours: 1 });
});

test('a file that is no JSON is put aside, not lost', async () => {
  writeFileSync(file(), '{"theme":');
  expect((await settings.get()).problems).toHaveLength(1);
  await settings.set({ zoom: 2 });
  expect(readFileSync(`${file()}.broken`, 'utf8')).toBe('{"theme":');
  expect((await settings.get()).settings.zoom).toBe(2);
});

test('changes by hand are told', async () => {
  const told = new Promise<SettingsReport>((resolve) => settings.onDidChange(resolve));
  writeFileSync(file(), '{"zoom":3}');
  expect((await told).settings.zoom).toBe(3);
});

test('state: what is put is got, in order, and null forgets', async () => {
  expect(await settings.getState('layout.edit')).toBeNull();
  await Promise.all([1, 2, 3].map((value) => settings.putState('layout.edit', { value })));
  expect(await open().getState('layout.edit')).toEqual({ value: 3 });
  await settings.putState('layout.edit', null);
  expect(await settings.getState('layout.edit')).toBeNull();
  expect(await settings.putState('layout.edit', 'x'.repeat(5 << 20))).toMatchObject({
    ok: false,
    error: { code: 'too-large' },
  });
  await expect(settings.putState('../x', 1)).rejects.toThrow();
});

test('backups survive a restart, a half-written one does not matter, and none is left behind', async () => {
  await settings.putBackup({ path: 'src/main.rs', text: 'fn', etag: 'e1' });
  await settings.putBackup({ path: 'src/main.rs', text: 'fn main', etag: 'e1' });
  await settings.putBackup({ path: 'untitled:1', text: '\u0000é', etag: null });
  const directory = join(folder, 'workspaces', 'one', 'backups');
  writeFileSync(join(directory, `${'0'.repeat(32)}.json`), '{"path":"x","te');
  const backups = await open().listBackups();
  expect(backups.map(({ path, text, etag }) => [path, text, etag])).toEqual([
    ['src/main.rs', 'fn main', 'e1'],
    ['untitled:1', '\u0000é', null],
  ]);
  await settings.dropBackup('src/main.rs');
  await settings.dropBackup('never/there.rs');
  expect((await settings.listBackups()).map(({ path }) => path)).toEqual(['untitled:1']);
  expect(readdirSync(directory)).toHaveLength(2);
});

test('each folder has a directory of its own, by where it really is', () => {
  mkdirSync(join(folder, 'a b'));
  expect(workspaceKey(join(folder, 'a b'))).toMatch(/^a-b-[0-9a-f]{12}$/);
  expect(workspaceKey(join(folder, 'a b'))).not.toBe(workspaceKey(folder));
});

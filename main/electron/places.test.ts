import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstWorkspace } from './first-workspace.ts';
import { placesOf } from './places.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-electron-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('where things are', () => {
  const start = {
    isPackaged: true,
    argv: ['/opt/studio/ring0-studio', '--no-sandbox'],
    appPath: join(folder, 'resources', 'app.asar'),
    resources: join(folder, 'resources'),
    home: join(folder, 'home'),
    version: '1.0.0',
    directory: folder,
  };
  const seed = join(start.resources, 'workspace', 'kernel');
  const workspace = join(start.home, 'ring0-studio');

  test('in a clone: the repository', () => {
    const argv = ['/x/electron', '/r/dist/electron-main.mjs', '/r', '/other'];
    const places = placesOf({ ...start, isPackaged: false, argv });
    expect(places).toMatchObject({ ok: true, value: { root: '/r', workspace: '/other', bundles: join('/r', 'dist') } });
  });

  test('in a package: the first start copies the sources to the home, and no later one writes over them', () => {
    mkdirSync(seed, { recursive: true });
    mkdirSync(start.home, { recursive: true });
    writeFileSync(join(seed, 'Cargo.toml'), '[workspace]');
    expect(placesOf(start)).toEqual({
      ok: true,
      value: {
        root: workspace,
        workspace,
        bundles: join(start.appPath, 'dist'),
        ptyHost: join(start.resources, 'app.asar.unpacked', 'dist', 'pty-host.mjs'),
        version: '1.0.0',
      },
    });
    expect(readFileSync(join(workspace, '.ring0-version'), 'utf8')).toBe('1.0.0\n');
    writeFileSync(join(workspace, 'kernel', 'Cargo.toml'), 'mine');
    const again = placesOf({ ...start, version: '2.0.0', argv: ['ring0-studio', 'sub'] });
    expect(again).toMatchObject({ ok: true, value: { root: workspace, workspace: join(folder, 'sub') } });
    expect(readFileSync(join(workspace, 'kernel', 'Cargo.toml'), 'utf8')).toBe('mine');
    expect(readFileSync(join(workspace, '.ring0-version'), 'utf8')).toBe('1.0.0\n');
  });

  test('a folder of that name that is something else is left alone, and said', () => {
    const home = join(folder, 'other-home');
    mkdirSync(join(home, 'ring0-studio'), { recursive: true });
    expect(placesOf({ ...start, home })).toMatchObject({ ok: false, error: { code: 'folder-taken' } });
    const failed = firstWorkspace(join(folder, 'no-seed'), join(folder, 'third'), '1');
    expect(failed).toMatchObject({ ok: false, error: { code: 'cannot-copy' } });
  });
});

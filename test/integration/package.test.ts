/**
 * The package of the studio, made offline over an Electron of dummies: no binary can be had everywhere, and what is asserted is our own
 * part of it. What is in the archive runs under plain Node, as near to a start as one comes without the binary.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractAll, listPackage } from '@electron/asar';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../support/project.ts';

const folder = mkdtempSync(join(tmpdir(), 'r0-package-'));
const unpacked = join(folder, 'out', 'linux-unpacked');
const resources = join(unpacked, 'resources');
const platform = `${process.platform}-${process.arch}`;

beforeAll(() => {
  const dummies = join(folder, 'electron');
  mkdirSync(join(dummies, 'resources'), { recursive: true });
  for (const name of ['electron', 'chrome-sandbox', 'chrome_crashpad_handler', 'LICENSE', 'version', 'icudtl.dat'])
    writeFileSync(join(dummies, name), name, { mode: 0o755 });
  const options = ['--linux', 'dir', `-c.electronDist=${dummies}`, `-c.directories.output=${join(folder, 'out')}`];
  execFileSync(process.execPath, [join(root, 'main', 'cli', 'package.mjs'), ...options], { cwd: root, stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The archive as a folder of its name: Node has no eye for archives, and what is to be found beside it is beside it. */
const extracted = join(folder, 'run', 'app.asar');
const archive = () => join(resources, 'app.asar');
const archived = () => listPackage(archive(), { isPack: false }).map((path) => path.replaceAll('\\', '/').slice(1));

it('holds the program and what it loads, and nothing else', () => {
  const files = archived();
  for (const path of [
    'package.json',
    'dist/electron-main.mjs',
    'dist/electron-preload.cjs',
    'dist/electron-host.mjs',
    'dist/pty-host.mjs',
    'dist/renderer/index.html',
    'dist/renderer/ring0.svg',
    'node_modules/js-fatfs/dist/fatfs.wasm',
    `node_modules/@lydell/node-pty-${platform}/pty.node`,
    `node_modules/@vscode/ripgrep-universal/bin/${platform}/rg`,
  ])
    expect(files).toContain(path);
  expect(files.some((path) => /^dist\/renderer\/assets\/.+\.js$/.test(path))).toBe(true);
  const allowed =
    /^(package\.json|dist|dist\/(electron-(main|host)\.mjs|electron-preload\.cjs|pty-host\.mjs|renderer(\/.*)?)|node_modules(\/(js-fatfs|@lydell(\/node-pty(-[\w-]+)?)?|@vscode(\/ripgrep-universal)?)(\/.*)?)?)$/;
  expect(files.filter((path) => !allowed.test(path))).toEqual([]);
  expect(files.filter((path) => /\.(test|spec)\.|\.map$|\.tsx?$/.test(path))).toEqual([]);
  const binaries = files.filter((path) => /ripgrep-universal\/bin\/[^/]+$/.test(path));
  expect(binaries).toEqual([`node_modules/@vscode/ripgrep-universal/bin/${platform}`]);
});

it('has programs and native modules beside the archive, where the system can load them', () => {
  for (const path of [
    'dist/pty-host.mjs',
    `node_modules/@lydell/node-pty-${platform}/pty.node`,
    'node_modules/@lydell/node-pty/index.js',
    `node_modules/@vscode/ripgrep-universal/bin/${platform}/rg`,
  ])
    expect(existsSync(join(resources, 'app.asar.unpacked', path))).toBe(true);
  const rg = statSync(
    join(resources, 'app.asar.unpacked', `node_modules/@vscode/ripgrep-universal/bin/${platform}/rg`),
  );
  expect(rg.mode & 0o111).not.toBe(0);
  expect(statSync(join(unpacked, 'ring0-studio')).mode & 0o111).not.toBe(0);
});

it('brings the sources, the demo model and the profiles, and no build output', () => {
  const workspace = join(resources, 'workspace');
  for (const path of [
    'kernel/Cargo.toml',
    'kernel/Cargo.lock',
    'kernel/.cargo/config.toml',
    'kernel/demo/ring0-demo-q8_0.gguf',
    'qemu-profiles/direct.json',
    'README.md',
  ])
    expect([path, existsSync(join(workspace, path))]).toEqual([path, true]);
  for (const path of ['kernel/target', '.git', 'node_modules', 'test', 'main'])
    expect([path, existsSync(join(workspace, path))]).toEqual([path, false]);
});

/** What a bundle imports by name. */
function imports(text: string): string[] {
  const found = [...text.matchAll(/(?:\bfrom|\bimport|\b(?:import|require)\()\s*["']([^"'\n]+)["']/g)].map(
    (it) => it[1] ?? '',
  );
  return [...new Set(found)].filter((name) => !name.startsWith('node:') && /^[@a-z][\w@/.-]*$/.test(name)).sort();
}

it('loads nothing that it does not hold', () => {
  extractAll(archive(), extracted);
  symlinkSync(join(resources, 'app.asar.unpacked'), `${extracted}.unpacked`);
  const manifest = JSON.parse(readFileSync(join(extracted, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ main: 'dist/electron-main.mjs', type: 'module' });
  expect(manifest.devDependencies).toBeUndefined();
  const bundle = (name: string) => imports(readFileSync(join(extracted, 'dist', name), 'utf8'));
  expect(bundle('electron-main.mjs')).toEqual(['electron']);
  expect(bundle('electron-preload.cjs')).toEqual(['electron']);
  const held = Object.keys(manifest.dependencies);
  const loads = bundle('electron-host.mjs').filter((name) => !isBuiltin(name));
  expect(loads).toContain('js-fatfs');
  expect(loads.filter((name) => !held.includes(name))).toEqual([]);
});

function isBuiltin(name: string): boolean {
  return [
    'assert',
    'buffer',
    'child_process',
    'crypto',
    'events',
    'fs',
    'http',
    'net',
    'os',
    'path',
    'stream',
    'url',
    'util',
  ].includes(name);
}

it('starts its service host from the archive under Node: it answers, searches, reads the profiles, and opens a shell', async () => {
  const home = join(folder, 'home');
  const workspace = join(home, 'ring0-studio');
  cpSync(join(resources, 'workspace'), workspace, { recursive: true });
  // Outside the repository, so that nothing of its node_modules can be found.
  const driver = join(folder, 'driver.mjs');
  await build({
    entryPoints: [join(root, 'test', 'support', 'packaged-host.ts')],
    outfile: driver,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const options = {
    root: workspace,
    workspace,
    ptyHost: join(`${extracted}.unpacked`, 'dist', 'pty-host.mjs'),
    version: '0.0.7',
  };
  const output = execFileSync(process.execPath, [driver, JSON.stringify(options)], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      ...process.env,
      HOME: home,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      PACKAGED_HOST: join(extracted, 'dist', 'electron-host.mjs'),
    },
  });
  expect(JSON.parse(output)).toEqual({
    info: { version: '0.0.7', workspace },
    profiles: expect.arrayContaining(['direct', 'microvm', 'smp4', 'uefi']),
    models: expect.arrayContaining(['demo']),
    matches: expect.arrayContaining(['kernel/Cargo.toml']),
    shell: 'shell-42',
  });
});

/**
 * `npm run package`: stages the program in dist/app and the workspace in dist/seed, then hands over to electron-builder, whose options may
 * follow (`npm run package -- --linux dir`). `--stage` stops before it.
 *
 * The program is staged rather than picked out of the repository by patterns: what is not named here is not in the package.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BUNDLES, ensureBundle } from './bundle.mjs';

const root = resolve(import.meta.dirname, '..', '..');
const app = join(root, 'dist', 'app');
const seed = join(root, 'dist', 'seed');
const PLATFORM = `${process.platform}-${process.arch}`;

/** Bundles of the window; `cli` is the terminal's. */
const NAMES = Object.keys(BUNDLES).filter((name) => name !== 'cli');
/** What the bundles load at run time: WebAssembly, programs, a native module; and of each only what this platform runs. */
const PACKAGES = {
  'js-fatfs': undefined,
  '@vscode/ripgrep-universal': (path) => !path.includes('/bin/') || path.includes(`/bin/${PLATFORM}`),
  '@lydell/node-pty': undefined,
  [`@lydell/node-pty-${PLATFORM}`]: undefined,
};
/** What a person edits, builds and boots. */
const WORKSPACE = ['kernel', 'qemu-profiles', 'README.md', 'docs'];

/** Runs a command to its end; ends this one with its exit code if it fails. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  if (error !== undefined) console.error(`${command} cannot be started: ${error.message}`);
  process.exit(status ?? 1);
}

async function stageProgram() {
  rmSync(app, { recursive: true, force: true });
  mkdirSync(join(app, 'dist'), { recursive: true });
  for (const name of NAMES) {
    const bundle = await ensureBundle(root, name);
    copyFileSync(bundle, join(app, 'dist', bundle.slice(bundle.lastIndexOf(name))));
  }
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const page = join(app, 'dist', 'renderer');
  const config = join('renderer', 'vite.config.ts');
  run(process.execPath, [vite, 'build', '--config', config, '--outDir', page, '--emptyOutDir', '--logLevel', 'warn']);
  const dependencies = {};
  for (const [name, filter] of Object.entries(PACKAGES)) {
    const from = join(root, 'node_modules', name);
    dependencies[name] = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')).version;
    cpSync(from, join(app, 'node_modules', name), {
      recursive: true,
      filter: (path) => !path.endsWith('.map') && (filter === undefined || filter(path.replaceAll('\\', '/'))),
    });
  }
  const { name, version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const author = 'Ring0 Studio contributors';
  const manifest = { name, version, description, author, type: 'module', main: 'dist/electron-main.mjs', dependencies };
  writeFileSync(join(app, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The files that git knows: no build output, nothing of the person who makes the package. */
function stageWorkspace() {
  rmSync(seed, { recursive: true, force: true });
  const listed = spawnSync('git', ['ls-files', '-z', '--', ...WORKSPACE], { cwd: root, maxBuffer: 64 << 20 });
  if (listed.status !== 0) {
    console.error('A package is made from a git clone: git ls-files says what belongs in it.');
    process.exit(1);
  }
  for (const path of listed.stdout.toString('utf8').split('\0')) {
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(seed, path)), { recursive: true });
    cpSync(join(root, path), join(seed, path));
  }
}

await stageProgram();
stageWorkspace();
const options = process.argv.slice(2);
if (!options.includes('--stage'))
  run(process.execPath, [
    join(root, 'node_modules', 'electron-builder', 'cli.js'),
    '--config',
    'electron-builder.yml',
    ...options,
  ]);

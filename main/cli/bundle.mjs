/**
 * The command line is TypeScript; this makes one JavaScript file of it, when and only when a source has changed.
 * Beside the bundle lies the list of what went into it, with sizes and times, so that the usual start costs a few `stat`s.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The programs of the studio: entry, and format where it is not the usual one. The keys are their names in dist/.
 * @type {Readonly<Record<string, { entry: string, format?: 'esm' | 'cjs' }>>}
 */
export const BUNDLES = {
  cli: { entry: 'main/cli/main.ts' },
  'pty-host': { entry: 'main/services/terminal/pty-host-entry.ts' },
  'electron-main': { entry: 'main/electron/main-entry.ts' },
  'electron-host': { entry: 'main/electron/host-entry.ts' },
  // CommonJS is what Electron loads into a sandbox.
  'electron-preload': { entry: 'main/electron/preload.ts', format: 'cjs' },
};

/** Programs, native modules and WebAssembly stay where npm put them; everything else starts faster from one file. */
export const EXTERNAL = ['esbuild', 'js-fatfs', '@vscode/ripgrep-universal', 'electron', 'ws'];

/** @param {string} root @param {string} path relative to root @returns {string} what changes when the file does */
function fingerprint(root, path) {
  const { mtimeMs, size } = statSync(join(root, path));
  return `${mtimeMs}:${size}`;
}

/** @param {string} root @param {string} record @returns {boolean} whether nothing has changed since the bundle was made */
function isFresh(root, record) {
  try {
    const inputs = Object.entries(JSON.parse(readFileSync(record, 'utf8')));
    return inputs.length > 0 && inputs.every(([path, seen]) => fingerprint(root, path) === seen);
  } catch {
    // No record, an unreadable one, or a source that is gone: all mean that the bundle is to be made.
    return false;
  }
}

/**
 * @param {string} root the repository, with its Node packages installed
 * @param {string} name one of `BUNDLES`
 * @returns {Promise<string>} the path of the bundle
 * @throws when a source does not compile; esbuild has then printed where
 */
export async function ensureBundle(root, name) {
  const { entry, format = 'esm' } = BUNDLES[name] ?? unknownBundle(name);
  const folder = join(root, 'dist');
  const output = join(folder, `${name}.${format === 'esm' ? 'mjs' : 'cjs'}`);
  const record = join(folder, `${name}.inputs.json`);
  if (existsSync(output) && isFresh(root, record)) return output;

  const { build, stop } = await import('esbuild');
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format,
    target: 'node20.19',
    external: EXTERNAL,
    logLevel: 'error',
  })
    // Its program would stay beside ours, and would be asked once a second whether it still lives.
    .finally(stop);
  const sources = Object.keys(result.metafile.inputs).filter((path) => !path.startsWith('node_modules/'));
  const inputs = Object.fromEntries(['package-lock.json', ...sources].map((path) => [path, fingerprint(root, path)]));
  // Two terminals may do this at once; a rename makes each file appear whole. The record goes last.
  mkdirSync(folder, { recursive: true });
  writeAtomically(output, result.outputFiles[0].contents);
  writeAtomically(record, JSON.stringify(inputs));
  return output;
}

/** @param {string} name @returns {never} */
function unknownBundle(name) {
  throw new Error(`there is no bundle ${name}`);
}

/** @param {string} path @param {string | Uint8Array} content */
function writeAtomically(path, content) {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

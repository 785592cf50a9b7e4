/**
 * Runs a TypeScript program of test/, which Node 20 cannot by itself: `node test/support/script.mjs test/screens/screens.ts ARGUMENTS`.
 * The bundle lies as deep in the repository as test/support, from where the programs find its root.
 */
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..', '..');
const [entry = ''] = process.argv.splice(2, 1);
const outfile = join(root, 'dist', 'scripts', `${basename(entry, '.ts')}.mjs`);
await build({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'error',
});
await import(pathToFileURL(outfile).href);

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Another program of the studio beside this one, made if its sources have changed.
 * @returns its path
 */
export async function makeBundle(root: string, name: string): Promise<string> {
  // The launcher's own bundler is plain JavaScript that runs before anything is built: it is found by path.
  const bundler = join(root, 'main', 'cli', 'bundle.mjs');
  // A package without sources holds the bundles that were made for it.
  if (!existsSync(bundler)) return join(root, 'dist', `${name}.mjs`);
  const { ensureBundle } = (await import(pathToFileURL(bundler).href)) as {
    ensureBundle(root: string, name: string): Promise<string>;
  };
  return ensureBundle(root, name);
}

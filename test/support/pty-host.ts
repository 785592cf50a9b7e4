import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './project.ts';

/** The program that holds pseudo-terminals, made in `folder` as the launcher makes it in dist/. @returns its path */
export async function bundlePtyHost(folder: string, { withPackages = true } = {}): Promise<string> {
  const outfile = join(folder, 'pty-host.mjs');
  await build({
    entryPoints: [join(root, 'main', 'services', 'terminal', 'pty-host-entry.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  // It finds packages as the one in dist/ does: by the folders above it.
  if (withPackages) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return outfile;
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Most Cargo projects of one folder that are loaded. */
const MAX_PROJECTS = 8;
const SKIPPED = new Set(['node_modules', 'target', 'dist']);

/** The manifests to load: that of the folder itself, else those of the folders in it. */
export async function findCargoProjects(root: string): Promise<string[]> {
  const own = join(root, 'Cargo.toml');
  if (existsSync(own)) return [own];
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
    .map((entry) => join(root, entry.name, 'Cargo.toml'))
    .filter((path) => existsSync(path))
    .sort()
    .slice(0, MAX_PROJECTS);
}

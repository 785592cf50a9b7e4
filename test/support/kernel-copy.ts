/** A copy of the kernel that a test may break: its sources, and what cargo has made of them. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './project.ts';

/** What cargo keeps of host tests, which building the image does not look at. */
const UNNEEDED = /^kernel\/(target\/(debug|tmp|package)|fuzz)(\/|$)/;

/**
 * A folder with `kernel/` in it, under git as a clone would be. Times are kept: cargo names its artifacts by places inside the
 * workspace, so that in a copy of both only the crates whose build scripts look around are made again.
 */
export function copyKernel(): { readonly folder: string; readonly dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'r0-kernel-'));
  mkdirSync(join(folder, 'kernel'));
  cpSync(join(root, 'kernel'), join(folder, 'kernel'), {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (source) => !UNNEEDED.test(relative(root, source)),
  });
  cpSync(join(root, '.gitignore'), join(folder, '.gitignore'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args]);
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'kernel');
  return { folder, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

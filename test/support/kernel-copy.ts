/** Copies of the repository that a test may break. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { root } from './project.ts';

/** What cargo keeps of host tests, which building the image does not look at. */
const UNNEEDED = /^kernel\/(target\/(debug|tmp|package)|fuzz)(\/|$)/;

export interface Copy {
  readonly folder: string;
  dispose(): void;
}

/**
 * A folder with `kernel/` in it, under git as a clone would be. Times are kept: cargo names its artifacts by places inside the
 * workspace, so that in a copy of both only the crates whose build scripts look around are made again.
 */
export function copyKernel(): Copy {
  return copy((folder) => {
    cpSync(join(root, 'kernel'), join(folder, 'kernel'), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      filter: (source) => !UNNEEDED.test(relative(root, source)),
    });
    cpSync(join(root, '.gitignore'), join(folder, '.gitignore'));
  });
}

/** The same with all that git has of the repository, for pictures of the studio at work on itself. */
export function copyRepository(): Copy {
  const kernel = copyKernel();
  const files = execFileSync('git', ['-C', root, 'ls-files', '-z'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  for (const path of files.split('\0')) {
    if (path === '' || path.startsWith('kernel/') || path.startsWith('docs/screens/')) continue;
    mkdirSync(dirname(join(kernel.folder, path)), { recursive: true });
    cpSync(join(root, path), join(kernel.folder, path));
  }
  commit(kernel.folder, 'studio');
  return kernel;
}

function copy(fill: (folder: string) => void): Copy {
  const scratch = mkdtempSync(join(tmpdir(), 'r0-copy-'));
  // Its name is the workspace's, and stands in the window.
  const folder = join(scratch, 'ring0');
  mkdirSync(folder);
  fill(folder);
  execFileSync('git', ['-C', folder, 'init', '-q', '-b', 'main']);
  commit(folder, 'kernel');
  return { folder, dispose: () => rmSync(scratch, { recursive: true, force: true }) };
}

function commit(folder: string, message: string): void {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args]);
  git('add', '.');
  git('commit', '-qm', message);
}

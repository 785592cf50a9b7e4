import { join, resolve } from 'node:path';
import { ok, type Result } from '../../app/base/result.ts';
import { firstWorkspace } from './first-workspace.ts';

/** What a start knows. */
export interface Start {
  readonly isPackaged: boolean;
  readonly argv: readonly string[];
  /** The folder or archive of the program. */
  readonly appPath: string;
  /** Beside the program in a package. */
  readonly resources: string;
  readonly home: string;
  readonly version: string;
  /** The working directory. */
  readonly directory: string;
}

export interface Places {
  /** Kernel, demo model, profiles: the repository, or the workspace that a package brings. */
  readonly root: string;
  /** The folder that is open. */
  readonly workspace: string;
  /** The bundles electron-preload.cjs and electron-host.mjs. */
  readonly bundles: string;
  /** The bundle that holds pseudo-terminals: Node runs it, which cannot look into an archive. */
  readonly ptyHost: string;
  /** Of the package; a clone's is in its package.json. */
  readonly version?: string | undefined;
}

/** Where everything is, in a clone and in a package. */
export function placesOf(start: Start): Result<Places> {
  const words = start.argv.slice(start.isPackaged ? 1 : 2).filter((word) => !word.startsWith('-'));
  if (!start.isPackaged) {
    const [root = start.directory, folder = root] = words;
    const bundles = join(root, 'dist');
    return ok({ root, workspace: resolve(start.directory, folder), bundles, ptyHost: join(bundles, 'pty-host.mjs') });
  }
  const root = firstWorkspace(join(start.resources, 'workspace'), start.home, start.version);
  if (!root.ok) return root;
  const [folder] = words;
  return ok({
    root: root.value,
    workspace: folder === undefined ? root.value : resolve(start.directory, folder),
    bundles: join(start.appPath, 'dist'),
    ptyHost: join(`${start.appPath}.unpacked`, 'dist', 'pty-host.mjs'),
    version: start.version,
  });
}

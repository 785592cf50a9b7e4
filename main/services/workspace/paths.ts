import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import { WorkspacePathSchema } from '../../../app/contract/workspace.ts';

/** Most directories that are climbed to find one that exists. */
const MAX_DEPTH = 64;

/** A folder that nothing may leave. All methods take paths as the contract has them: relative, with `/`. */
export class Enclosure {
  /** Absolute, without symbolic links. */
  readonly root: string;

  /** @param root must be the result of `realpath` */
  constructor(root: string) {
    this.root = root;
  }

  /** Where the thing itself is, behind every symbolic link; it must exist. */
  async existing(path: string): Promise<Result<string>> {
    const checked = this.#absolute(path);
    if (!checked.ok) return checked;
    try {
      const real = await realpath(checked.value);
      return this.contains(real) ? ok(real) : leadsOut(path);
    } catch (error) {
      return cannotReach(path, error);
    }
  }

  /** Where an entry is by its own name, which may be a link or not exist: what leads to it is followed, it is not. */
  async entry(path: string): Promise<Result<string>> {
    const checked = this.#absolute(path);
    if (!checked.ok) return checked;
    if (path === '') return fail('workspace-root', 'The workspace itself cannot be moved or deleted.', '', '');
    const missing = [basename(checked.value)];
    let directory = dirname(checked.value);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      try {
        const real = await realpath(directory);
        return this.contains(real) ? ok(join(real, ...missing)) : leadsOut(path);
      } catch (error) {
        // A link that leads nowhere is there, all the same: what is made through it may be anywhere.
        if (systemCodeOf(error) !== 'ENOENT' || (await isThere(directory))) return cannotReach(path, error);
        missing.unshift(basename(directory));
        directory = dirname(directory);
      }
    }
    return fail('bad-path', `${path} is too deep.`, `more than ${MAX_DEPTH} folders do not exist`, 'Shorten the path.');
  }

  /** Where to write: the file behind the links if there is one, else the place where it will be. */
  async target(path: string): Promise<Result<string>> {
    const entry = await this.entry(path);
    if (!entry.ok) return entry;
    return (await isThere(entry.value)) ? this.existing(path) : entry;
  }

  /** Whether an absolute path without links is inside. */
  contains(real: string): boolean {
    return real === this.root || real.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep);
  }

  /** The contract's form of an absolute path inside. */
  relative(absolute: string): string {
    return relative(this.root, absolute).split(sep).join('/');
  }

  #absolute(path: string): Result<string> {
    const parsed = WorkspacePathSchema.safeParse(path);
    if (!parsed.success)
      return fail(
        'bad-path',
        `${JSON.stringify(path.slice(0, 200))} is not a path of this workspace.`,
        parsed.error.issues[0]?.message ?? '',
        'Name the file relative to the folder that is open.',
      );
    return ok(join(this.root, ...path.split('/')));
  }
}

/** Whether a path is git's own folder or in it, on any file system's idea of upper and lower case. */
export function isGitInternal(path: string): boolean {
  return path.split('/').some((part) => part.toLowerCase() === '.git');
}

export async function isThere(absolute: string): Promise<boolean> {
  return lstat(absolute).then(
    () => true,
    () => false,
  );
}

function leadsOut(path: string) {
  return fail(
    'outside-workspace',
    `${path} is not in this workspace.`,
    'a symbolic link on the way leads out of it',
    'Open the folder that it leads to instead.',
  );
}

/** A path that the system refuses, in words. */
export function cannotReach(path: string, error: unknown) {
  const code = systemCodeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return fail('no-such-file', `${path} does not exist.`, messageOf(error), 'Look at the file tree again.');
  return fail(
    'cannot-reach-file',
    `${path} cannot be used.`,
    messageOf(error),
    'Check its permissions and the free space of the disk.',
  );
}

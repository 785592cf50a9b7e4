import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../app/base/result.ts';

/** In the person's home: sources are to be edited, and a package's own folder may be read-only (AppImage) or root's (deb). */
export const WORKSPACE_NAME = 'ring0-studio';
/** Which version's sources these are. */
const VERSION_FILE = '.ring0-version';

/**
 * The workspace of a packaged studio: a copy of what the package brings, made by the first start and never written over, since from then
 * on it is the person's. A later package with newer sources leaves it alone.
 */
export function firstWorkspace(seed: string, home: string, version: string): Result<string> {
  const target = join(home, WORKSPACE_NAME);
  if (existsSync(join(target, 'kernel', 'Cargo.toml'))) return ok(target);
  if (existsSync(target))
    return fail(
      'folder-taken',
      `${target} is there and is no kernel workspace.`,
      'the studio keeps the sources that it comes with in this folder',
      'Move the folder away and start again.',
    );
  // Whole or not at all: a copy that was interrupted must not pass for the sources.
  const draft = `${target}.new`;
  try {
    rmSync(draft, { recursive: true, force: true });
    cpSync(seed, draft, { recursive: true });
    writeFileSync(join(draft, VERSION_FILE), `${version}\n`);
    renameSync(draft, target);
    return ok(target);
  } catch (thrown) {
    rmSync(draft, { recursive: true, force: true });
    return fail('cannot-copy', `The sources cannot be copied to ${target}.`, messageOf(thrown), 'Make room there.');
  }
}

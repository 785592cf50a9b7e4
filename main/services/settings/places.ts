import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** `$RING0_STUDIO_DATA`, or the user's data directory (XDG base directory specification). */
export function studioDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { RING0_STUDIO_DATA: own, XDG_DATA_HOME: data } = environment;
  if (own !== undefined && own !== '') return resolve(own);
  return join(data !== undefined && data !== '' ? data : join(homedir(), '.local', 'share'), 'ring0', 'studio');
}

/** The name of a workspace's own directory: for people the folder's name, for certainty a digest of where it really is. */
export function workspaceKey(folder: string): string {
  let real = resolve(folder);
  try {
    real = realpathSync(real);
  } catch {
    // A folder that is not there is refused elsewhere; its name will do.
  }
  const name = basename(real)
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 40);
  return `${name === '' ? 'root' : name}-${createHash('sha256').update(real).digest('hex').slice(0, 12)}`;
}

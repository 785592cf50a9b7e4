/**
 * Node packages: is what lies in node_modules what package-lock.json asks for, and if not, `npm ci`.
 *
 * Plain JavaScript on purpose: it runs in a fresh clone, before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * npm leaves a second lock file inside node_modules when, and only when, an installation was finished. Comparing it
 * with ours costs a few milliseconds and notices a changed lock, a half-done install and a package changed by hand.
 * Packages marked optional belong to other platforms; a missing one is as it should be.
 *
 * @param {string} root the repository
 * @returns {string | undefined} why an installation is needed, or undefined when all is well
 */
export function staleNodeModules(root) {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return 'node_modules is missing or half installed';
  let installed;
  let wanted;
  try {
    installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
    wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  } catch (error) {
    return `the lock file cannot be read: ${error.message}`;
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined) {
      if (!entry.optional) return `${path} is missing`;
    } else if (found.version !== entry.version) {
      return `${path} is ${found.version}, package-lock.json asks for ${entry.version}`;
    }
  }
  return undefined;
}

/**
 * @param {string} root the repository
 * @param {(line: string) => void} say where progress goes
 * @returns {{ ok: true, installed: boolean } | { ok: false, message: string }}
 */
export function ensureNodeModules(root, say) {
  const reason = staleNodeModules(root);
  if (reason === undefined) return { ok: true, installed: false };
  say(`installing Node packages (${reason})…`);
  // npx and npm hand their own settings down in the environment; `ci` must see the user's configuration only.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name)),
  );
  const npmCli = process.env.npm_execpath;
  const [command, first] = npmCli?.endsWith('.js') ? [process.execPath, [npmCli]] : ['npm', []];
  // stdout belongs to the command that the person asked for, so npm's report goes to stderr.
  const result = spawnSync(command, [...first, 'ci', '--no-fund', '--no-audit'], {
    cwd: root,
    env,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (result.error !== undefined) {
    return {
      ok: false,
      message: `npm could not be started: ${result.error.message}. Install npm 10 or later, then try again.`,
    };
  }
  if (result.status !== 0) {
    return {
      ok: false,
      message: `\`npm ci\` failed with exit code ${result.status}; its own message is above. It needs the npm registry (or your mirror of it) to be reachable.`,
    };
  }
  const still = staleNodeModules(root);
  return still === undefined ? { ok: true, installed: true } : { ok: false, message: `after \`npm ci\`, ${still}` };
}

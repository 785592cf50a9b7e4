import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CancelSignal } from '../../app/base/cancel.ts';
import { fail, ok, type Result } from '../../app/base/result.ts';
import { runProcess } from '../process/index.ts';

const TIMEOUT_MS = 300_000;
/** What the page is made of, relative to the repository. */
const SOURCES = ['renderer', 'app', 'package-lock.json'];

/**
 * The built page, made if it is missing or older than its sources. A browser that is being served meanwhile sees the old one until
 * the new one is whole.
 * @param onBuild called before a build, which takes some seconds
 * @returns the directory
 */
export async function ensurePage(root: string, onBuild: () => void, signal?: CancelSignal): Promise<Result<string>> {
  const directory = join(root, 'dist', 'renderer');
  const record = join(root, 'dist', 'renderer.inputs');
  const inputs = await fingerprint(root);
  // A package without sources holds the page that was built for it.
  if (inputs === undefined) return existsSync(join(directory, 'index.html')) ? ok(directory) : noSources(root);
  const made = await readFile(record, 'utf8').catch(() => '');
  if (made === inputs && existsSync(join(directory, 'index.html'))) return ok(directory);
  onBuild();
  const draft = join(root, 'dist', `renderer.${process.pid}`);
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const config = join(root, 'renderer', 'vite.config.ts');
  const built = await runProcess(
    process.execPath,
    [vite, 'build', '--config', config, '--outDir', draft, '--emptyOutDir', '--logLevel', 'warn'],
    { cwd: root, env: { NO_COLOR: '1' }, signal, timeoutMs: TIMEOUT_MS, guard: true },
  );
  try {
    if (!built.ok) return built;
    if (built.value.code !== 0 || !existsSync(join(draft, 'index.html')))
      return fail(
        'page-failed',
        "The studio's page cannot be built.",
        built.value.timedOut ? 'it took too long' : built.value.stderr.trim().slice(-4000),
        'Correct the errors above; `npm run typecheck` may say more.',
      );
    await mkdir(join(root, 'dist'), { recursive: true });
    await rm(directory, { recursive: true, force: true });
    await rename(draft, directory);
    await writeFile(record, inputs);
    return ok(directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function noSources(root: string) {
  return fail(
    'no-page',
    "There is no studio's page.",
    `neither dist/renderer nor renderer/ is in ${root}`,
    'Use a whole copy of the repository.',
  );
}

/** A digest of every source's size and time; undefined where there are no sources. */
async function fingerprint(root: string): Promise<string | undefined> {
  if (!existsSync(join(root, 'renderer', 'vite.config.ts'))) return undefined;
  const hash = createHash('sha256');
  const visit = async (path: string): Promise<void> => {
    const info = await stat(join(root, path)).catch(() => undefined);
    if (info === undefined) return;
    if (!info.isDirectory()) {
      if (!path.endsWith('.test.ts') && !path.endsWith('.test.tsx'))
        hash.update(`${path}\0${info.size}\0${info.mtimeMs}\n`);
      return;
    }
    const names = (await readdir(join(root, path))).sort();
    for (const name of names) await visit(`${path}/${name}`);
  };
  for (const source of SOURCES) await visit(source);
  return hash.digest('hex');
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../app/base/result.ts';
import { startProcess } from '../process/index.ts';
import { makeBundle } from './make-bundle.ts';

/** Electron's program, or why there is no window of ours here, in half a sentence. */
export type ElectronChoice = { readonly program: string } | { readonly why: string };

export const NO_DISPLAY = 'there is no display';

/** Looks, and downloads nothing. */
export function findElectron(
  root: string,
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  user: number | undefined = process.getuid?.(),
): ElectronChoice {
  if (platform === 'linux' && environment.DISPLAY === undefined && environment.WAYLAND_DISPLAY === undefined)
    return { why: NO_DISPLAY };
  // Chromium gives its sandbox to nobody who is root, and a window without it is not to be had from us.
  if (platform === 'linux' && user === 0) return { why: 'Electron does not run as root' };
  const folder = join(root, 'node_modules', 'electron');
  try {
    const program = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8').trim());
    if (existsSync(program)) return { program };
  } catch {
    // No path.txt: npm has the package, and its download has not happened.
  }
  return { why: "Electron's program has not been downloaded (node node_modules/electron/install.js does it)" };
}

/** Opens the window and waits until the person has closed it. */
export async function runElectron(
  program: string,
  root: string,
  folder: string | undefined,
  signal: AbortSignal,
): Promise<Result<number>> {
  const main = await makeBundle(root, 'electron-main');
  await makeBundle(root, 'electron-host');
  await makeBundle(root, 'pty-host');
  await makeBundle(root, 'electron-preload');
  // In a session of its own, which can give way to the machines that it watches (GiveWay); a terminal's belongs to its shell.
  const started = await startProcess(program, [main, root, ...(folder === undefined ? [] : [folder])], {
    onStderr: (bytes) => process.stderr.write(bytes),
  });
  if (!started.ok) return started;
  const child = started.value;
  const abort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', abort);
  const { code } = await child.exited;
  signal.removeEventListener('abort', abort);
  return code === 0 || signal.aborted
    ? ok(0)
    : fail('electron-failed', 'The window ended by itself.', `exit code ${code}`, 'Use `ring0 studio --browser`.');
}

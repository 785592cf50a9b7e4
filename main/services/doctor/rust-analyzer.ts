import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { FoundServer } from '../../../app/contract/language.ts';
import { runProcess } from '../../process/index.ts';

/** What installs rust-analyzer beside the Rust that rustup keeps. */
export const INSTALL_RUST_ANALYZER: readonly [string, ...string[]] = ['rustup', 'component', 'add', 'rust-analyzer'];

/**
 * A rust-analyzer that runs. On the PATH there may be rustup's stand-in without the component behind it, so it is asked for its
 * version rather than looked for. `RING0_RUST_ANALYZER` names another one.
 */
export async function findRustAnalyzer(
  cwd: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Result<FoundServer>> {
  const own = environment.RING0_RUST_ANALYZER;
  const command = own !== undefined && own !== '' ? own : 'rust-analyzer';
  const run = await runProcess(command, ['--version'], { cwd, timeoutMs: 20_000, maxBytes: 65_536 });
  if (run.ok && run.value.code === 0 && run.value.stdout.trim() !== '')
    return ok({ command, name: run.value.stdout.trim().split('\n')[0]?.slice(0, 80) ?? command });
  const said = run.ok ? run.value.stderr.trim().split('\n')[0] : run.error.why;
  return fail(
    'rust-analyzer-not-found',
    'rust-analyzer is not installed.',
    `\`${command} --version\` does not answer${said === undefined || said === '' ? '' : `: ${said}`}`,
    INSTALL_RUST_ANALYZER.join(' '),
  );
}

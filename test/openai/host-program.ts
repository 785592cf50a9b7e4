/** `ring0-serve`, the kernel's engine and API as a host program, for as long as a test needs it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../support/project.ts';

export class HostProgram {
  readonly #child: ChildProcess;
  readonly baseUrl: string;

  private constructor(child: ChildProcess, baseUrl: string) {
    this.#child = child;
    this.baseUrl = baseUrl;
  }

  /** Builds it where that is needed, and resolves when it listens. */
  static async start(model: string, ...options: readonly string[]): Promise<HostProgram> {
    const kernel = join(root, 'kernel');
    // The profile of the tests: what `cargo test` has compiled is used again.
    const build = ['build', '--quiet', '--profile', 'test', '-p', 'ring0-serve'];
    const built = spawnSync('cargo', build, { cwd: kernel, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`cargo ${build.join(' ')} failed\n${built.error ?? built.stderr}`);
    const target = process.env.CARGO_TARGET_DIR ?? join(kernel, 'target');
    const child = spawn(join(target, 'debug', 'ring0-serve'), [model, '--port', '0', ...options]);
    let output = '';
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`ring0-serve ended with ${code}\n${output}`)));
      const look = (text: Buffer) => {
        output += text.toString('utf8');
        const address = /on (http:\/\/\S+)\n/.exec(output)?.[1];
        if (address !== undefined) resolve(new HostProgram(child, address));
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
    });
  }

  dispose(): void {
    this.#child.kill('SIGKILL');
  }
}

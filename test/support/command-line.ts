/** The command `ring0` as a person or a script starts it: a process of its own, through the launcher. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './project.ts';

const PATIENCE_MS = 120_000;
/** Escape sequences of a terminal: colours, cursor movement, erasing. */
export const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;
const launcher = join(root, 'main', 'cli', 'ring0.mjs');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of its own, so that tests see neither a person's machines and models nor each other's. */
export class CommandLine {
  readonly #home = mkdtempSync(join(tmpdir(), 'r0-'));
  readonly #running = new Set<Running>();

  /** What the command takes for its user's own directory. */
  get home(): string {
    return this.#home;
  }

  /** Writes the person's settings.json; a folder that a test has made is trusted unless it says otherwise. */
  putSettings(settings: Readonly<Record<string, unknown>> = {}): void {
    const data = join(this.#home, 'data', 'ring0', 'studio');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'settings.json'), JSON.stringify({ workspaceTrust: false, ...settings }));
  }

  /** Starts it with pipes for stdin, stdout and stderr. */
  start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
    return this.#start(process.execPath, [launcher, ...args], environment);
  }

  /** Starts it as the first of a session of its own (util-linux's `setsid`). */
  startSession(args: readonly string[]): Running {
    return this.#start('setsid', [process.execPath, launcher, ...args]);
  }

  /**
   * Starts it in a terminal of its own (util-linux's `script`), where it believes that a person sits: what is typed are
   * keys, and stdout is the screen with stderr on it. Its death closes the terminal.
   */
  startInTerminal(args: readonly string[]): Running {
    const quoted = [process.execPath, launcher, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    return this.#start('script', ['-qefc', `exec ${quoted.join(' ')}`, '/dev/null']);
  }

  #start(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
    const running = new Running(command, args, {
      ...process.env,
      ...environment,
      XDG_RUNTIME_DIR: this.#home,
      XDG_STATE_HOME: join(this.#home, 'state'),
      XDG_DATA_HOME: join(this.#home, 'data'),
      NO_COLOR: '1',
      TERM: 'xterm',
    });
    this.#running.add(running);
    return running;
  }

  /** Runs a command to its end, with this text as its stdin. */
  async run(args: readonly string[], stdin = ''): Promise<Outcome> {
    const running = this.start(args);
    running.type(stdin);
    running.endInput();
    return await running.end();
  }

  /** Kills what still runs. */
  killAll(): void {
    for (const running of this.#running) running.signal('SIGKILL');
    this.#running.clear();
  }

  dispose(): void {
    this.killAll();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

export class Running {
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  readonly #ended: Promise<number | null>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#args = args;
    this.#child = spawn(command, [...args], { cwd: root, env, stdio: 'pipe' });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#notify();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#notify();
    });
    // A command that has ended no longer reads its stdin.
    this.#child.stdin?.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        resolve(code);
        this.#notify();
      });
    });
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get stdout(): string {
    return this.#stdout;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until stdout matches; without escape sequences, and with lines that end in a newline alone. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    return await new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const look = () => {
        const match = pattern.exec(this.#stdout.replace(ESCAPES, '').replaceAll(/\r+\n/g, '\n'));
        if (match !== null) finish(() => resolve(match));
        else if (this.#child.exitCode !== null || this.#child.signalCode !== null)
          finish(() => reject(this.#failure('ended')));
      };
      const timer = setTimeout(
        () => finish(() => reject(this.#failure(`was silent for ${PATIENCE_MS} ms`))),
        PATIENCE_MS,
      );
      this.#watchers.add(look);
      look();
    });
  }

  async end(): Promise<Outcome> {
    const timer = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    const code = await this.#ended;
    clearTimeout(timer);
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }

  #failure(what: string): Error {
    return new Error(
      `ring0 ${this.#args.join(' ')} ${what}\nstdout: ${this.#stdout.slice(-2000)}\nstderr: ${this.#stderr.slice(-2000)}`,
    );
  }
}

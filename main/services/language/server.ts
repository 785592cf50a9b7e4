import type { CancelSignal } from '../../../app/base/cancel.ts';
import type { Disposable } from '../../../app/base/disposable.ts';
import { assertNever, messageOf, type Result } from '../../../app/base/result.ts';
import type { FoundServer, LanguageStatus } from '../../../app/contract/language.ts';
import { LineSplitter } from '../../../app/wire/qmp.ts';
import { type ManagedProcess, startProcess } from '../../process/index.ts';
import { initializeParams } from './announce.ts';
import { Connection } from './connection.ts';
import { ServerProgress } from './progress.ts';

export interface ServerOptions {
  readonly root: string;
  readonly find: () => Promise<Result<FoundServer>>;
  readonly projects: () => Promise<string[]>;
  readonly onStatus: (status: LanguageStatus) => void;
  readonly onNotification: (method: string, params: unknown) => void;
  readonly onLog: (line: string) => void;
  /** It has just become able to answer: it knows no text yet. */
  readonly onUp: () => void;
  /** Waits between starts after crashes; tests make them short. */
  readonly delaysMs?: readonly number[] | undefined;
}

/** After so many crashes in a row it stays down until somebody asks for it. */
const DELAYS_MS: readonly number[] = [1000, 2000, 5000, 15_000, 30_000];
/** Whoever has run so long has not crashed "in a row". */
const STEADY_MS = 120_000;
/** rust-analyzer answers `initialize` before it has read anything. */
const INITIALIZE_MS = 60_000;

interface Running {
  readonly process: ManagedProcess;
  readonly connection: Connection;
  readonly startedAt: number;
}

/** One language server's process: started, watched, started again after a crash, and ended with its owner. */
export class LanguageServer implements Disposable {
  readonly #options: ServerOptions;
  #status: LanguageStatus = { phase: 'idle', why: 'no Rust file is open' };
  #running: Running | undefined;
  /** Counts starts and ends: what belongs to an earlier one is passed over. */
  #round = 0;
  #crashes = 0;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get status(): LanguageStatus {
    return this.#status;
  }

  /** Whether questions can be asked. */
  get isUp(): boolean {
    return this.#status.phase === 'indexing' || this.#status.phase === 'ready';
  }

  /** Starts it, after the end of one that runs, with all patience restored. */
  restart(): void {
    this.#end();
    this.#crashes = 0;
    void this.#start();
  }

  stop(why: string): void {
    this.#end();
    this.#set({ phase: 'idle', why });
  }

  /** Ends it: what the folder brings may not be run. */
  restrict(): void {
    this.#end();
    this.#set({ phase: 'restricted' });
  }

  setInstalling(): void {
    this.#end();
    this.#set({ phase: 'installing' });
  }

  request(method: string, params: unknown, signal?: CancelSignal): Promise<unknown> {
    if (!this.isUp || this.#running === undefined) return Promise.reject(new Error('the language server does not run'));
    return this.#running.connection.request(method, params, signal);
  }

  notify(method: string, params: unknown): void {
    if (this.isUp) this.#running?.connection.notify(method, params);
  }

  dispose(): void {
    this.#disposed = true;
    this.#end();
  }

  #set(status: LanguageStatus): void {
    this.#status = status;
    if (!this.#disposed) this.#options.onStatus(status);
  }

  #end(): void {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#running?.connection.dispose();
    this.#running?.process.dispose();
    this.#running = undefined;
  }

  async #start(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    const isOver = () => this.#disposed || round !== this.#round;
    this.#set({ phase: 'starting', server: 'rust-analyzer' });
    const [found, projects] = await Promise.all([this.#options.find(), this.#options.projects()]);
    if (isOver()) return;
    if (!found.ok) return this.#set({ phase: 'absent', error: found.error, canInstall: true });
    if (projects.length === 0)
      return this.#set({ phase: 'idle', why: 'there is no Cargo.toml in this folder or the folders in it' });
    const { command, name } = found.value;
    this.#set({ phase: 'starting', server: name });

    const progress = new ServerProgress((state) => {
      if (isOver() || !this.isUp) return;
      this.#set(
        state.busy === null
          ? { phase: 'ready', server: name, trouble: state.trouble }
          : { phase: 'indexing', server: name, ...state.busy },
      );
    });
    const lines = new LineSplitter();
    const said: string[] = [];
    const started = await startProcess(command, [], {
      cwd: this.#options.root,
      stdin: 'pipe',
      guard: true,
      onStdout: (bytes) => connection.receive(bytes),
      onStderr: (bytes) => {
        for (const line of lines.push(bytes.toString('utf8'))) {
          said.push(line);
          if (said.length > 20) said.shift();
          this.#options.onLog(line);
        }
      },
    });
    if (!started.ok)
      return isOver() ? undefined : this.#set({ phase: 'absent', error: started.error, canInstall: true });
    const child = started.value;
    const connection: Connection = new Connection((bytes) => child.stdin?.write(bytes), {
      onNotification: (method, params) => {
        if (!progress.take(method, params)) this.#options.onNotification(method, params);
      },
      onRequest: (method, params) => {
        progress.take(method, params);
        return method === 'workspace/configuration' ? [] : null;
      },
      onBroken: (why) => {
        said.push(`what it says is not LSP: ${why}`);
        child.dispose();
      },
    });
    if (isOver()) return child.dispose();
    const running = { process: child, connection, startedAt: Date.now() };
    this.#running = running;
    void child.exited.then(({ code, signal }) => {
      connection.dispose();
      if (isOver()) return;
      this.#running = undefined;
      this.#crashed(running, `${said.at(-1) ?? 'it said nothing'} (${signal ?? `exit code ${code}`})`);
    });
    await this.#initialize(running, name, projects, isOver);
  }

  async #initialize(
    { process: child, connection }: Running,
    name: string,
    projects: readonly string[],
    isOver: () => boolean,
  ): Promise<void> {
    const patience = setTimeout(() => child.dispose(), INITIALIZE_MS);
    try {
      await connection.request('initialize', initializeParams(this.#options.root, projects));
    } catch (thrown) {
      // A server that refuses to begin is as good as one that crashed; its end says so.
      this.#options.onLog(`initialize failed: ${messageOf(thrown)}`);
      child.dispose();
      return;
    } finally {
      clearTimeout(patience);
    }
    if (isOver()) return;
    connection.notify('initialized', {});
    this.#set({ phase: 'indexing', server: name, step: 'reading the project', percent: null });
    this.#options.onUp();
  }

  #crashed({ startedAt }: Running, why: string): void {
    if (Date.now() - startedAt > STEADY_MS) this.#crashes = 0;
    const delays = this.#options.delaysMs ?? DELAYS_MS;
    const delay = delays[this.#crashes];
    this.#crashes += 1;
    const retryAt = delay === undefined ? null : Date.now() + delay;
    this.#set({ phase: 'crashed', why, attempt: this.#crashes, retryAt });
    if (delay !== undefined) this.#timer = setTimeout(() => void this.#start(), delay);
  }
}

/** For a person who reads a log. */
export function phaseText(status: LanguageStatus): string {
  switch (status.phase) {
    case 'idle':
      return `not running: ${status.why}`;
    case 'restricted':
      return 'not running: the folder is not trusted';
    case 'absent':
      return status.error.why;
    case 'installing':
      return 'being installed';
    case 'starting':
      return `starting ${status.server}`;
    case 'indexing':
      return `${status.step}${status.percent === null ? '' : ` ${status.percent} %`}`;
    case 'ready':
      return 'ready';
    case 'crashed':
      return `ended by itself: ${status.why}`;
    default:
      return assertNever(status);
  }
}

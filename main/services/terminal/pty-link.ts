import { existsSync } from 'node:fs';
import type { Disposable } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { AS_NODE, type ManagedProcess, startProcess } from '../../process/index.ts';
import { LineCutter, type PtyCommand, type PtyEvent, PtyEventSchema } from './pty-protocol.ts';

/** Of what it says on stderr, for the reason of its end. */
const STDERR_CHARACTERS = 2000;

type Ready = Result<ManagedProcess>;

/** Our end of the process that holds the pseudo-terminals. It is started with the first terminal, and again after an end that nobody asked for. */
export class PtyLink implements Disposable {
  readonly #script: string;
  readonly #events = new Emitter<PtyEvent>();
  readonly #ended = new Emitter<string>();
  #ready: Promise<Ready> | undefined;
  #child: ManagedProcess | undefined;
  #disposed = false;

  readonly onEvent = this.#events.event;
  /** Every terminal is gone; the value says why. */
  readonly onDidEnd = this.#ended.event;

  /** @param script the bundle of pty-host-entry.ts */
  constructor(script: string) {
    this.#script = script;
  }

  /** Whether there is a process to talk to, after having tried to start one. */
  async open(): Promise<Result<void>> {
    this.#ready ??= this.#start();
    const ready = await this.#ready;
    if (!ready.ok) this.#ready = undefined;
    return ready.ok ? ok() : ready;
  }

  send(command: PtyCommand): void {
    this.#child?.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  dispose(): void {
    this.#disposed = true;
    this.#child?.dispose();
    this.#events.dispose();
    this.#ended.dispose();
  }

  async #start(): Promise<Ready> {
    if (this.#disposed) return noTerminal('the studio is closing', 'Start the studio again.');
    if (!existsSync(this.#script))
      return noTerminal(`${this.#script} is missing`, 'Start the studio with `npm start`, which makes it.');
    let errors = '';
    const lines = new LineCutter();
    let settle: (ready: Ready) => void = () => {};
    const settled = new Promise<Ready>((resolve) => {
      settle = resolve;
    });
    const take = (event: PtyEvent) => {
      if (event.kind === 'ready' && this.#child !== undefined) settle(ok(this.#child));
      else if (event.kind === 'unavailable')
        settle(
          noTerminal(event.why, 'Run `npm ci` in the repository; where that does not help, `npm install node-pty`.'),
        );
      else this.#events.fire(event);
    };
    const started = await startProcess(process.execPath, [this.#script], {
      stdin: 'pipe',
      endsWithStdin: true,
      env: AS_NODE,
      onStdout: (bytes) => {
        try {
          for (const line of lines.push(bytes)) take(PtyEventSchema.parse(JSON.parse(line)));
        } catch (thrown) {
          errors = messageOf(thrown);
          this.#child?.kill();
        }
      },
      onStderr: (bytes) => {
        errors = (errors + bytes.toString('utf8')).slice(-STDERR_CHARACTERS);
      },
    });
    if (!started.ok) return started;
    const child = started.value;
    this.#child = child;
    // The studio was closed while this was starting.
    if (this.#disposed) child.dispose();
    void child.exited.then(({ code, signal }) => {
      this.#child = undefined;
      this.#ready = undefined;
      const why = errors.trim() || `it ended with ${signal ?? `exit code ${code}`}`;
      settle(noTerminal(why, 'Try again; `npm ci` in the repository puts its parts back.'));
      this.#ended.fire(why);
    });
    return settled;
  }
}

function noTerminal(why: string, fix: string) {
  return fail('no-terminal', 'A shell terminal cannot be opened here.', why, fix);
}

/** Ctrl-C, `kill` and a closed terminal: one place that hears them, one signal that commands obey. */
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { EXIT } from './exit-codes.ts';

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hangup } as const;

export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #softHandlers: Array<() => void> = [];
  readonly #listeners: Array<readonly [NodeJS.Signals, () => void]> = [];
  #exitCode: number = EXIT.interrupted;

  /**
   * @param giveUp called when a second signal comes while the first is still being obeyed: end at once, with this exit
   *   code, leaving nothing behind
   */
  constructor(giveUp: (exitCode: number) => void) {
    for (const [name, code] of Object.entries(SIGNALS) as Array<[keyof typeof SIGNALS, number]>) {
      const listener = () => {
        const soft = name === 'SIGINT' ? this.#softHandlers.at(-1) : undefined;
        if (this.#controller.signal.aborted) giveUp(code);
        else if (soft !== undefined) soft();
        else this.abort(code);
      };
      process.on(name, listener);
      this.#listeners.push([name, listener]);
    }
  }

  /** Aborts when the command is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code that the signal asks for; meaningful once `signal` has aborted. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Ends the command as a signal would. */
  abort(exitCode: number = EXIT.interrupted): void {
    this.#exitCode = exitCode;
    this.#controller.abort();
  }

  /** While it holds, Ctrl-C calls `handler` instead of ending the command. The innermost wins. */
  onInterrupt(handler: () => void): Disposable {
    this.#softHandlers.push(handler);
    return toDisposable(() => this.#softHandlers.splice(this.#softHandlers.indexOf(handler), 1));
  }

  dispose(): void {
    for (const [name, listener] of this.#listeners.splice(0)) process.off(name, listener);
  }
}

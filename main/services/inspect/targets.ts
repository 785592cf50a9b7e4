import { statSync } from 'node:fs';
import { type Disposable, toDisposable } from '../../../app/base/disposable.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import { type InspectSource, type MachineInfo, sourceKey } from '../../../app/contract/index.ts';
import { DumpTarget, sidecarPath } from './dump-target.ts';
import { GdbTarget } from './gdb/target.ts';
import { type KernelImage, KernelImages } from './images.ts';
import { type Ask, LiveTarget } from './live-target.ts';
import type { InspectTarget } from './target.ts';

/** A target stays open this long after its last use: panes come back thirty times a second. */
const LINGER_MS = 2000;

interface Open {
  readonly target: InspectTarget;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** Opens what is looked at, and shares it among all who look. */
export class InspectTargets implements Disposable {
  readonly #ask: Ask;
  readonly #images = new KernelImages();
  readonly #open = new Map<string, Open>();
  /** The last who had each gdb stub: it serves one at a time, and holds its machine meanwhile. */
  readonly #held = new Map<string, Promise<void>>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Runs `act` on an open target, which stays open until it has ended. */
  async use<T>(source: InspectSource, act: (target: InspectTarget) => Promise<Result<T>>): Promise<Result<T>> {
    const opened = await this.open(source);
    if (!opened.ok) return opened;
    try {
      return await act(opened.value.target);
    } finally {
      await this.close(opened.value);
    }
  }

  /** Gives back what `open` gave. A machine that a gdb stub holds goes on before anybody hears what was seen. */
  async close({ target, end }: { readonly target: InspectTarget; readonly end: Disposable }): Promise<void> {
    end.dispose();
    if (target instanceof GdbTarget) await target.left();
  }

  /** The kernel's image alone, which is there also when the machine has ended. */
  image(source: InspectSource): Promise<Result<KernelImage>> {
    return 'machine' in source
      ? this.#images.open(source.machine.elfPath)
      : this.use(source, (target) => target.image());
  }

  /** For whoever looks for longer than one answer; `end` gives it back. */
  async open(source: InspectSource): Promise<Result<{ readonly target: InspectTarget; readonly end: Disposable }>> {
    if ('gdb' in source) return this.#openGdb(source);
    const key = 'machine' in source ? sourceKey(source) : dumpKey(source.dump);
    const known = this.#open.get(key);
    if (known !== undefined && (!('machine' in source) || isThere(source.machine))) return ok(this.#lend(known));
    // Memory without a name lives as long as somebody has it open: of a machine that is gone, nobody should.
    if (known !== undefined) this.#close(key, known);
    const target: Result<InspectTarget> =
      'machine' in source
        ? LiveTarget.open(source.machine, this.#ask, this.#images)
        : DumpTarget.open(source.dump, this.#images);
    if (!target.ok) return target;
    const open: Open = { target: target.value, users: 0, timer: undefined };
    this.#open.set(key, open);
    return ok(this.#lend(open, key));
  }

  dispose(): void {
    for (const [key, open] of this.#open) this.#close(key, open);
  }

  /** Never shared and never kept: the machine stands still as long as it is open. */
  async #openGdb(source: Extract<InspectSource, { gdb: unknown }>) {
    const key = sourceKey(source);
    const before = this.#held.get(key);
    let release = () => {};
    this.#held.set(key, new Promise((resolve) => (release = resolve)));
    await before;
    const target = await GdbTarget.open(source.gdb, source.kernel, this.#images);
    if (!target.ok) {
      release();
      return target;
    }
    const end = toDisposable(() => void target.value.left().then(release));
    return ok({ target: target.value, end });
  }

  #lend(open: Open, key?: string): { readonly target: InspectTarget; readonly end: Disposable } {
    open.users += 1;
    clearTimeout(open.timer);
    const name = key ?? [...this.#open].find(([, it]) => it === open)?.[0] ?? '';
    const end = toDisposable(() => {
      open.users -= 1;
      if (open.users > 0) return;
      // Closed meanwhile: nobody else will end it.
      if (this.#open.get(name) !== open) return open.target.dispose();
      open.timer = setTimeout(() => this.#close(name, open), LINGER_MS);
      open.timer.unref();
    });
    return { target: open.target, end };
  }

  #close(key: string, open: Open): void {
    clearTimeout(open.timer);
    this.#open.delete(key);
    if (open.users === 0) open.target.dispose();
  }
}

/** A dump that was written anew, or whose answers were taken away, is another one. */
function dumpKey(path: string): string {
  const stamp = (file: string) => {
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? '' : `${found.ino}:${found.size}:${found.mtimeMs}`;
  };
  return `dump:${path}:${stamp(path)}:${stamp(sidecarPath(path))}`;
}

function isThere({ ramPath }: MachineInfo): boolean {
  return ramPath === '' || statSync(ramPath, { throwIfNoEntry: false }) !== undefined;
}

import { messageOf } from '../../app/base/result.ts';
import { studio } from '../host/client.ts';

/** The longest that something typed is only in this page. */
const DELAY_MS = 120;

interface Content {
  readonly text: string;
  readonly etag: string | null;
}

/** Keeps unsaved texts with the host: the newest of each file, one call at a time. */
export class BackupWriter {
  /** What is to be kept, or null for what is to be dropped. */
  readonly #pending = new Map<string, (() => Content) | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing = false;

  constructor() {
    window.addEventListener('pagehide', () => void this.#flush());
  }

  put(path: string, content: () => Content): void {
    this.#pending.set(path, content);
    this.#schedule();
  }

  drop(path: string): void {
    this.#pending.set(path, null);
    this.#schedule();
  }

  #schedule(): void {
    // Not put off by further typing.
    this.#timer ??= setTimeout(() => void this.#flush(), DELAY_MS);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing) return;
    this.#writing = true;
    try {
      for (const [path, content] of [...this.#pending]) {
        this.#pending.delete(path);
        try {
          if (content === null) await studio.backups.drop({ path });
          else await studio.backups.put({ path, ...content() });
        } catch (thrown) {
          // It is put again when the connection is back, and with the next change.
          console.warn(`unsaved text of ${path} could not be kept: ${messageOf(thrown)}`);
        }
      }
    } finally {
      this.#writing = false;
      if (this.#pending.size > 0) this.#schedule();
    }
  }
}

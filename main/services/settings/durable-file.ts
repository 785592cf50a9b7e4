import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCodeOf } from '../../../app/base/result.ts';

/** One small file whose content is, at any moment and after any crash, one that was written whole. */
export class DurableFile {
  readonly path: string;
  readonly #maxBytes: number;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(path: string, maxBytes: number) {
    this.path = path;
    this.#maxBytes = maxBytes;
  }

  /** Undefined where there is no file. @throws system errors, and where the file is larger than it can be */
  async read(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.path);
      if (size > this.#maxBytes) throw new Error(`${this.path}: ${size} bytes, at most ${this.#maxBytes} are read`);
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Writes follow each other in the order of their calls. @throws system errors; the old content is then still there */
  write(text: string): Promise<void> {
    return this.#next(() => this.#write(text));
  }

  remove(): Promise<void> {
    return this.#next(() => rm(this.path, { force: true }));
  }

  #next<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.#tail.then(action, action);
    // Whoever called hears of the failure; the next one starts afresh.
    this.#tail = mine.catch(() => {});
    return mine;
  }

  async #write(text: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.${randomBytes(4).toString('hex')}.new`;
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }
}

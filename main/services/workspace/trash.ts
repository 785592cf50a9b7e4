import { randomBytes } from 'node:crypto';
import { cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import { type Trashed, TrashedSchema } from '../../../app/contract/workspace.ts';
import { isThere } from './paths.ts';

/** Deleted things are kept that long. */
const KEEP_MS = 30 * 24 * 3600 * 1000;
const ID = /^[0-9a-z]{8,12}-[0-9a-f]{8}$/;

/** A directory of deleted things: each in a folder of its own, with a note of where it was. */
export class Trash {
  readonly #directory: string;
  #cleaned = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param path as the contract has it */
  async put(absolute: string, path: string): Promise<Result<Trashed>> {
    const deletedAt = Date.now();
    const id = `${deletedAt.toString(36)}-${randomBytes(4).toString('hex')}`;
    const place = join(this.#directory, id);
    try {
      const info = await lstat(absolute);
      const kind = info.isDirectory() ? 'directory' : info.isFile() ? 'file' : 'other';
      const trashed: Trashed = { id, path, kind, deletedAt };
      await mkdir(place, { recursive: true, mode: 0o700 });
      // The note comes first: what is moved can always be found again.
      await writeFile(join(place, 'note.json'), JSON.stringify(trashed));
      await move(absolute, join(place, 'content'));
      void this.#clean();
      return ok(trashed);
    } catch (error) {
      await rm(place, { recursive: true, force: true });
      return fail(
        'cannot-delete',
        `${path} cannot be moved to the trash.`,
        messageOf(error),
        `Check its permissions, and those of ${this.#directory}.`,
      );
    }
  }

  async find(id: string): Promise<Result<Trashed>> {
    const trashed = ID.test(id) ? await this.#note(id) : undefined;
    return trashed === undefined
      ? fail(
          'not-in-trash',
          'That is not in the trash any more.',
          `there is nothing with the id ${id.slice(0, 64)}`,
          '',
        )
      : ok(trashed);
  }

  /** Moves a deleted thing to a place where nothing is. */
  async restore(trashed: Trashed, absolute: string): Promise<Result<Trashed>> {
    if (await isThere(absolute))
      return fail(
        'file-exists',
        `${trashed.path} is there again already.`,
        'it was made after the other one had been deleted',
        'Rename it, then undo the deletion.',
      );
    try {
      await mkdir(dirname(absolute), { recursive: true });
      await move(join(this.#directory, trashed.id, 'content'), absolute);
      await rm(join(this.#directory, trashed.id), { recursive: true, force: true });
      return ok(trashed);
    } catch (error) {
      return fail(
        'cannot-restore',
        `${trashed.path} cannot be put back.`,
        messageOf(error),
        `It is in ${join(this.#directory, trashed.id)}.`,
      );
    }
  }

  /** Newest first. */
  async list(): Promise<Trashed[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const notes = await Promise.all(names.filter((name) => ID.test(name)).map((name) => this.#note(name)));
    return notes.filter((note) => note !== undefined).sort((a, b) => b.deletedAt - a.deletedAt);
  }

  async #note(id: string): Promise<Trashed | undefined> {
    try {
      const text = await readFile(join(this.#directory, id, 'note.json'), 'utf8');
      const note = TrashedSchema.parse(JSON.parse(text));
      return note.id === id ? note : undefined;
    } catch {
      return undefined;
    }
  }

  /** Once in a program's life: what is too old goes. */
  async #clean(): Promise<void> {
    if (this.#cleaned) return;
    this.#cleaned = true;
    const old = (await this.list()).filter(({ deletedAt }) => Date.now() - deletedAt > KEEP_MS);
    await Promise.all(old.map(({ id }) => rm(join(this.#directory, id), { recursive: true, force: true })));
  }
}

/** Across file systems too; then the original goes only when the copy is whole. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCodeOf(error) !== 'EXDEV') throw error;
    await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, errorOnExist: true });
    await rm(from, { recursive: true });
  }
}

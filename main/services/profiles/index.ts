import { readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { err, fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import type {
  Profile,
  ProfileEditing,
  ProfileListing,
  ProfileService,
  ProfileSourceText,
} from '../../../app/contract/index.ts';
import { type ProfileFile, ProfileFileSchema, ProfileNameSchema } from '../../../app/contract/profile.ts';
import { type ProfileSource, resolveProfile } from '../../../app/machine/profile.ts';
import { profileTag, profileText, writeProfile } from './profile-file.ts';

const MAX_BYTES = 64 * 1024;
const SCHEMA_FILE = 'profile.schema.json';

/** Profiles of a directory; a path may name one elsewhere, which then extends its own neighbours first. */
export class DirectoryProfiles implements ProfileService, ProfileEditing {
  readonly #directory: string;

  /** @param directory holds one `NAME.json` a profile */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async list(): Promise<ProfileListing[]> {
    const names = await this.#names();
    return Promise.all(
      names.map(async (name) => {
        const profile = await this.load(name);
        return {
          name,
          path: join(this.#directory, `${name}.json`),
          description: profile.ok ? profile.value.description : '',
          error: profile.ok ? null : profile.error.why,
          foreign: profile.ok && profile.value.kernel !== null,
        };
      }),
    );
  }

  async load(nameOrPath: string): Promise<Result<Profile>> {
    const isPath = nameOrPath.endsWith('.json') || /[\\/]/.test(nameOrPath);
    const path = isPath ? resolve(nameOrPath) : join(this.#directory, `${nameOrPath}.json`);
    const name = ProfileNameSchema.safeParse(basename(path, '.json'));
    if (!name.success)
      return unknown(
        nameOrPath,
        `a profile's name ${name.error.issues[0]?.message ?? 'is wrong'}`,
        await this.#names(),
      );
    try {
      const source = await readSource(path);
      if (source === undefined) return unknown(nameOrPath, `${path} does not exist`, await this.#names());
      return await resolveProfile(name.data, source, (base) => this.#find(base, dirname(path)));
    } catch (error) {
      return fail(
        'bad-profile',
        `The profile ${nameOrPath} cannot be read.`,
        messageOf(error),
        'Check the file and its permissions.',
      );
    }
  }

  async source(name: string): Promise<Result<ProfileSourceText>> {
    const checked = await this.load(name);
    const source = await readSource(this.#path(name)).catch(() => undefined);
    if (source === undefined) return checked.ok ? unknown(name, 'it has just gone away', await this.#names()) : checked;
    try {
      const file = ProfileFileSchema.parse(JSON.parse(source.text));
      return ok({ name, path: source.path, file, text: source.text, etag: profileTag(source.text) });
    } catch (error) {
      return checked.ok ? fail('bad-profile', `The profile ${name} cannot be edited.`, messageOf(error), '') : checked;
    }
  }

  async check(name: string, file: ProfileFile): Promise<Result<Profile>> {
    const path = this.#path(name);
    return resolveProfile(name, { path, text: profileText(file), locate: locator(path) }, (base) =>
      this.#find(base, dirname(path)),
    );
  }

  async save(name: string, file: ProfileFile, expected: string | null): Promise<Result<ProfileSourceText>> {
    const checked = await this.check(name, file);
    if (!checked.ok) return checked;
    const path = this.#path(name);
    const text = profileText(file);
    try {
      const current = await readSource(path);
      if ((current === undefined ? null : profileTag(current.text)) !== expected)
        return changed(name, expected === null ? `${path} exists already` : `${path} has changed or is gone`);
      await writeProfile(path, text);
      return ok({ name, path, file, text, etag: profileTag(text) });
    } catch (error) {
      return fail('cannot-save-profile', `The profile ${name} cannot be saved.`, messageOf(error), 'Check the folder.');
    }
  }

  async remove(name: string, expected: string): Promise<Result<void>> {
    const path = this.#path(name);
    try {
      const users = await this.#extending(name);
      if (users.length > 0)
        return fail(
          'profile-in-use',
          `The profile ${name} is needed by others.`,
          `${users.map((user) => user.name).join(', ')} ${users.length === 1 ? 'extends' : 'extend'} it`,
          'Let them extend another profile first.',
        );
      const current = await readSource(path);
      if (current === undefined) return unknown(name, 'it is gone already', await this.#names());
      if (profileTag(current.text) !== expected) return changed(name, `${path} has changed`);
      await rm(path);
      return ok();
    } catch (error) {
      return fail(
        'cannot-save-profile',
        `The profile ${name} cannot be deleted.`,
        messageOf(error),
        'Check the folder.',
      );
    }
  }

  async rename(name: string, to: string, expected: string): Promise<Result<ProfileSourceText>> {
    const [path, target] = [this.#path(name), this.#path(to)];
    try {
      const current = await readSource(path);
      if (current === undefined || profileTag(current.text) !== expected)
        return changed(name, `${path} has changed or is gone`);
      if ((await readSource(target)) !== undefined) return changed(to, `${target} exists already`);
      const users = await this.#extending(name);
      const written = await this.save(to, ProfileFileSchema.parse(JSON.parse(current.text)), null);
      if (!written.ok) return written;
      // The new name is there before anybody needs it, and the old one until nobody does.
      for (const user of users) await writeProfile(this.#path(user.name), profileText({ ...user.file, extends: to }));
      await rm(path);
      return written;
    } catch (error) {
      return fail(
        'cannot-save-profile',
        `The profile ${name} cannot be renamed.`,
        messageOf(error),
        'Check the folder.',
      );
    }
  }

  /** Profiles of the directory that extend this one themselves. Files that cannot be read extend nothing. */
  async #extending(base: string): Promise<{ name: string; file: ProfileFile }[]> {
    const found: { name: string; file: ProfileFile }[] = [];
    for (const name of await this.#names()) {
      const source = await readSource(join(this.#directory, `${name}.json`)).catch(() => undefined);
      try {
        const file = ProfileFileSchema.safeParse(JSON.parse(source?.text ?? ''));
        if (file.success && file.data.extends === base) found.push({ name, file: file.data });
      } catch {
        // Not JSON: the list of profiles says so.
      }
    }
    return found;
  }

  /** @param name must be checked: it becomes a file name */
  #path(name: string): string {
    return join(this.#directory, `${ProfileNameSchema.parse(name)}.json`);
  }

  async #find(name: string, neighbours: string): Promise<ProfileSource | undefined> {
    return (
      (await readSource(join(neighbours, `${name}.json`))) ?? (await readSource(join(this.#directory, `${name}.json`)))
    );
  }

  async #names(): Promise<string[]> {
    const files = await readdir(this.#directory).catch(() => []);
    return files
      .filter((file) => file.endsWith('.json') && file !== SCHEMA_FILE)
      .map((file) => basename(file, '.json'))
      .sort();
  }
}

function changed(name: string, why: string) {
  return fail(
    'changed-meanwhile',
    `The profile ${name} is not any more what was being edited.`,
    why,
    'Read it again, or save under another name.',
  );
}

function unknown(name: string, why: string, names: readonly string[]) {
  return fail(
    'no-such-profile',
    `There is no machine profile ${JSON.stringify(name)}.`,
    why,
    `Use one of ${names.join(', ')}, or the path of a .json file.`,
  );
}

/** Undefined if there is no such file; throws on any other failure. */
async function readSource(path: string): Promise<ProfileSource | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(`${path} is not a file`);
    const { size } = found;
    if (size > MAX_BYTES) throw new Error(`${path}: ${size} bytes, a profile has at most ${MAX_BYTES}`);
    return { path, text: await readFile(path, 'utf8'), locate: locator(path) };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Finds files of a profile's project: the folder of the profile, or the one above it where that is a folder for profiles. A profile comes
 * with a repository, and a link in it may lead anywhere: only where the file really is counts.
 */
function locator(profilePath: string): ProfileSource['locate'] {
  const folder = dirname(resolve(profilePath));
  const project = basename(folder) === 'qemu-profiles' ? dirname(folder) : folder;
  return async (file) => {
    try {
      const inside = await realpath(project);
      const real = await realpath(join(folder, file));
      if (!real.startsWith(inside + sep)) return err(`${JSON.stringify(file)} leads out of ${inside}`);
      return (await stat(real)).isFile() ? ok(real) : err(`${JSON.stringify(file)} is not a file`);
    } catch (error) {
      return err(messageOf(error));
    }
  };
}

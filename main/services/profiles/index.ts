import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fail, messageOf, type Result, systemCodeOf } from '../../../app/base/result.ts';
import type { Profile, ProfileListing, ProfileService } from '../../../app/contract/index.ts';
import { ProfileNameSchema } from '../../../app/contract/profile.ts';
import { type ProfileSource, resolveProfile } from '../../../app/machine/profile.ts';

const MAX_BYTES = 64 * 1024;
const SCHEMA_FILE = 'profile.schema.json';

/** Profiles of a directory; a path may name one elsewhere, which then extends its own neighbours first. */
export class DirectoryProfiles implements ProfileService {
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
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new Error(`${path}: ${size} bytes, a profile has at most ${MAX_BYTES}`);
    return { path, text: await readFile(path, 'utf8') };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

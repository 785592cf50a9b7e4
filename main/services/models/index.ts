import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { isCancelled } from '../../../app/base/cancel.ts';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import type { CatalogueEntry, ModelEntry, ModelOptions, ModelService } from '../../../app/contract/index.ts';
import { cancelled } from '../../process/index.ts';
import { CATALOGUE, type KnownModel } from './catalogue.ts';
import { download } from './download.ts';
import { readFacts } from './read-facts.ts';

const EXTENSION = '.gguf';
/** The name under which `--model` knows the model that comes with the project. */
const DEMO = 'demo';
/** What was removed last, until the next. */
const TRASH = '.removed';

/** `$RING0_MODELS`, or the user's data directory (XDG base directory specification). */
export function modelDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { RING0_MODELS: own, XDG_DATA_HOME: data } = environment;
  if (own !== undefined && own !== '') return resolve(own);
  return join(data !== undefined && data !== '' ? data : join(homedir(), '.local', 'share'), 'ring0', 'models');
}

export interface ModelLibraryOptions {
  readonly directory: string;
  /** The GGUF file of the project's own model. */
  readonly demo: string;
  readonly catalogue?: readonly KnownModel[] | undefined;
}

/** A directory of GGUF files, and the project's own model. */
export class ModelLibrary implements ModelService {
  readonly directory: string;
  readonly #demo: string;
  readonly #catalogue: readonly KnownModel[];

  constructor(options: ModelLibraryOptions) {
    this.directory = options.directory;
    this.#demo = options.demo;
    this.#catalogue = options.catalogue ?? CATALOGUE;
  }

  async list(): Promise<ModelEntry[]> {
    const demo = await exists(this.#demo);
    const files = (await this.#files()).map((file) => join(this.directory, file));
    return Promise.all([
      ...(demo ? [entry(DEMO, this.#demo, 'builtin')] : []),
      ...files.map((file) => entry(nameOf(file), file, 'library')),
    ]);
  }

  async catalogue(): Promise<CatalogueEntry[]> {
    const files = await this.#files();
    return Promise.all(
      this.#catalogue.map(async (model) => ({
        ...model,
        installed: files.includes(`${model.name}${EXTENSION}`),
        partBytes: await sizeOf(join(this.directory, `${model.name}${EXTENSION}.part`)),
      })),
    );
  }

  async resolve(nameOrPath: string = DEMO): Promise<Result<ModelEntry>> {
    const found = await this.#find(nameOrPath);
    if (found === undefined) {
      const known = this.#catalogue.some((model) => model.name === nameOrPath);
      return fail(
        'no-such-model',
        `There is no model ${JSON.stringify(nameOrPath)}.`,
        nameOrPath === DEMO ? `${this.#demo} does not exist` : `neither a file nor a name in ${this.directory}`,
        known ? `Download it: \`ring0 model get ${nameOrPath}\`.` : 'See `ring0 model list`, or name a GGUF file.',
      );
    }
    if (found.facts === null)
      return fail(
        'bad-model',
        `${found.path} is not a model that can be loaded.`,
        found.problem,
        'Download or convert it again.',
      );
    return ok(found);
  }

  async add(file: string, options: ModelOptions = {}): Promise<Result<ModelEntry>> {
    const source = resolve(file);
    const checked = await entry(nameOf(source), source, 'file');
    if (checked.facts === null)
      return fail(
        'bad-model',
        `${source} is not a model that can be loaded.`,
        checked.problem,
        'Check the path, or download it again.',
      );
    const target = join(this.directory, `${checked.name}${EXTENSION}`);
    if (await exists(target))
      return fail(
        'model-exists',
        `The library has a model ${JSON.stringify(checked.name)} already.`,
        target,
        'Rename the file, or remove the one in the library.',
      );
    try {
      await mkdir(this.directory, { recursive: true });
      await this.#place(source, target, checked.sizeBytes, options);
    } catch (error) {
      if (isCancelled(options.signal)) return cancelled('Adding the model');
      return fail(
        'cannot-add-model',
        'The model cannot be taken into the library.',
        messageOf(error),
        `Check that ${this.directory} is writable and has room.`,
      );
    }
    return ok(await entry(checked.name, target, 'library'));
  }

  async get(name: string, options: ModelOptions = {}): Promise<Result<ModelEntry>> {
    const model = this.#catalogue.find((it) => it.name === name);
    if (model === undefined) {
      return fail(
        'no-such-model',
        `The catalogue has no model ${JSON.stringify(name)}.`,
        `it has ${this.#catalogue.map((it) => it.name).join(', ')}`,
        'Choose one of these, or bring a file with `ring0 model add FILE`.',
      );
    }
    const target = join(this.directory, `${model.name}${EXTENSION}`);
    if (!(await exists(target))) {
      try {
        await mkdir(this.directory, { recursive: true });
      } catch (error) {
        return fail(
          'cannot-add-model',
          'The library cannot be made.',
          messageOf(error),
          `Make ${this.directory} writable, or set RING0_MODELS.`,
        );
      }
      const done = await download(model.url, target, options);
      if (!done.ok) return done;
    }
    const checked = await entry(model.name, target, 'library');
    return checked.facts === null
      ? fail(
          'bad-model',
          `What was downloaded as ${name} is not a model.`,
          checked.problem,
          `Delete ${target} and try again.`,
        )
      : ok(checked);
  }

  async remove(name: string): Promise<Result<void>> {
    const file = (await this.#files()).find((it) => nameOf(it) === name);
    if (file === undefined)
      return fail(
        'no-such-model',
        `The library has no model ${JSON.stringify(name)}.`,
        name === DEMO
          ? 'the demo model belongs to the project'
          : `there is no ${name}${EXTENSION} in ${this.directory}`,
        'See `ring0 model list`.',
      );
    const trash = join(this.directory, TRASH);
    try {
      // One is kept: models are large, and whoever removes two wants their room.
      await rm(trash, { recursive: true, force: true });
      await mkdir(trash, { recursive: true });
      await rename(join(this.directory, file), join(trash, file));
      return ok();
    } catch (error) {
      return fail('cannot-remove-model', `The model ${name} cannot be removed.`, messageOf(error), 'Check the folder.');
    }
  }

  async restore(name: string): Promise<Result<ModelEntry>> {
    const kept = await readdir(join(this.directory, TRASH)).catch(() => []);
    const file = kept.find((it) => nameOf(it) === name);
    const target = join(this.directory, `${name}${EXTENSION}`);
    if (file === undefined || (await exists(target)))
      return fail(
        'cannot-restore-model',
        `The model ${name} cannot be put back.`,
        file === undefined ? 'it is not kept any more' : 'the library has another of this name',
        'Add the file again.',
      );
    try {
      await rename(join(this.directory, TRASH, file), target);
      return ok(await entry(name, target, 'library'));
    } catch (error) {
      return fail(
        'cannot-restore-model',
        `The model ${name} cannot be put back.`,
        messageOf(error),
        'Check the folder.',
      );
    }
  }

  /** A hard link where both are on one file system; else a copy that appears when it is whole. */
  async #place(source: string, target: string, bytes: number, options: ModelOptions): Promise<void> {
    const progress = (done: number) => options.onProgress?.({ message: 'adding', done, total: bytes, unit: 'bytes' });
    progress(0);
    try {
      await link(source, target);
    } catch (error) {
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK', 'EACCES'].includes(systemCodeOf(error))) throw error;
      const draft = `${target}.adding`;
      const timer = setInterval(
        () =>
          void stat(draft).then(
            ({ size }) => progress(size),
            () => {},
          ),
        200,
      );
      try {
        await copyFile(source, draft, constants.COPYFILE_FICLONE);
        if (isCancelled(options.signal)) throw new Error('cancelled');
        await rename(draft, target);
      } finally {
        clearInterval(timer);
        await rm(draft, { force: true });
      }
    }
    progress(bytes);
  }

  async #find(nameOrPath: string): Promise<ModelEntry | undefined> {
    if (nameOrPath === DEMO && (await exists(this.#demo))) return entry(DEMO, this.#demo, 'builtin');
    const inLibrary = (await this.#files()).find((file) => nameOf(file).toLowerCase() === nameOrPath.toLowerCase());
    if (inLibrary !== undefined) return entry(nameOf(inLibrary), join(this.directory, inLibrary), 'library');
    const path = resolve(nameOrPath);
    return (await exists(path)) ? entry(nameOf(path), path, 'file') : undefined;
  }

  async #files(): Promise<string[]> {
    const files = await readdir(this.directory).catch(() => []);
    return files.filter((file) => file.endsWith(EXTENSION)).sort();
  }
}

function nameOf(path: string): string {
  return basename(path, EXTENSION);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (it) => it.size,
    () => 0,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (it) => it.isFile(),
    () => false,
  );
}

async function entry(name: string, path: string, source: ModelEntry['source']): Promise<ModelEntry> {
  const outcome = await readFacts(path);
  const readable = 'facts' in outcome;
  return {
    name,
    path,
    source,
    sizeBytes: outcome.sizeBytes,
    facts: readable ? outcome.facts : null,
    problem: readable ? '' : outcome.problem,
  };
}

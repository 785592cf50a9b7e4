import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LongOperation } from '../../../app/base/cancel.ts';
import { fail, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import {
  ANY_CONTENT,
  type FileContent,
  type FileList,
  type GitStatus,
  type GrowingFile,
  type HeadContent,
  MAX_TEXT_BYTES,
  type ReplaceOutcome,
  type ReplaceRequest,
  type SearchEvent,
  type SearchRequest,
  type Trashed,
  type WorkspaceChange,
  type WorkspaceEntry,
  type WorkspaceInfo,
  type WorkspaceService,
  type WriteOutcome,
  type WriteRequest,
} from '../../../app/contract/workspace.ts';
import { etagOf, isDraft, readContent, writeContent } from './content.ts';
import { readHead, readStatus } from './git.ts';
import { openGrowing } from './growing-file.ts';
import { cannotReach, Enclosure, isGitInternal, isThere } from './paths.ts';
import { type Replaced, replaceAll, undoAll } from './replace.ts';
import { listFiles, searchFiles } from './search.ts';
import { Trash } from './trash.ts';
import { DirectoryWatch } from './watch.ts';

/** Entries of one directory; a folder of more is a heap, not a source tree. */
const MAX_ENTRIES = 20_000;
/** Replacements that can be undone, and the most characters that one of them may keep in memory for it. */
const MAX_UNDOS = 5;
const MAX_UNDO = 64 << 20;

export interface FolderWorkspaceOptions {
  readonly root: string;
  /** Where deleted things go. */
  readonly trash: string;
}

/** A folder on this computer. */
export class FolderWorkspace implements WorkspaceService {
  readonly info: WorkspaceInfo;
  readonly #enclosure: Enclosure;
  readonly #trash: Trash;
  readonly #watch: DirectoryWatch;
  /** The write that is under way, by file: comparing and replacing are one step for everybody here. */
  readonly #writes = new Map<string, Promise<unknown>>();
  /** What the last replacements took, oldest first. */
  readonly #replaced = new Map<string, readonly Replaced[]>();

  private constructor(root: string, trash: string) {
    this.#enclosure = new Enclosure(root);
    this.#trash = new Trash(trash);
    this.#watch = new DirectoryWatch(root);
    this.info = { root, name: basename(root) };
  }

  static async open({ root, trash }: FolderWorkspaceOptions): Promise<Result<FolderWorkspace>> {
    try {
      const real = await realpath(root);
      if (!(await stat(real)).isDirectory())
        return fail('not-a-folder', `${root} is not a folder.`, '', 'Name a folder.');
      return ok(new FolderWorkspace(real, trash));
    } catch (error) {
      return cannotReach(root, error);
    }
  }

  async list(path: string): Promise<Result<WorkspaceEntry[]>> {
    const place = await this.#enclosure.existing(path);
    if (!place.ok) return place;
    try {
      const names = (await readdir(place.value)).filter((name) => name !== '.git' && !isDraft(name));
      if (names.length > MAX_ENTRIES)
        return fail(
          'too-many-files',
          `${path} is too large to be shown.`,
          `it has ${names.length} entries, at most ${MAX_ENTRIES} are listed`,
          'Look at it in a terminal.',
        );
      const entries = await Promise.all(names.map((name) => this.#entry(path, place.value, name)));
      return ok(entries.filter((entry) => entry !== undefined).sort(byKindAndName));
    } catch (error) {
      return cannotReach(path, error);
    }
  }

  async read(path: string): Promise<Result<FileContent>> {
    const place = await this.#enclosure.existing(path);
    if (!place.ok) return place;
    try {
      if ((await stat(place.value)).isDirectory())
        return fail('is-a-folder', `${path} is a folder.`, '', 'Open a file in it.');
      return ok(await readContent(place.value, path));
    } catch (error) {
      return cannotReach(path, error);
    }
  }

  async grow(path: string): Promise<Result<GrowingFile>> {
    const refused = refuseGit(path);
    if (refused !== undefined) return refused;
    const place = await this.#enclosure.target(path);
    return place.ok ? openGrowing(place.value, path) : place;
  }

  async write({ path, text, expected }: WriteRequest): Promise<Result<WriteOutcome>> {
    const refused = refuseGit(path);
    if (refused !== undefined) return refused;
    const place = await this.#enclosure.target(path);
    if (!place.ok) return place;
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > MAX_TEXT_BYTES)
      return fail(
        'too-large',
        `${path} is too large to be saved.`,
        `${bytes.length} bytes, at most ${MAX_TEXT_BYTES} are written`,
        'Split the file.',
      );
    return this.#alone(place.value, async () => {
      try {
        const current = await readContent(place.value, path).catch((error) => {
          if (systemCodeOf(error) === 'ENOENT') return null;
          throw error;
        });
        if (expected !== ANY_CONTENT && !isExpected(current, expected)) return ok({ kind: 'conflict', current });
        await mkdir(dirname(place.value), { recursive: true });
        const modifiedMs = await writeContent(place.value, bytes);
        return ok({ kind: 'written', etag: etagOf(bytes), modifiedMs });
      } catch (error) {
        return cannotReach(path, error);
      }
    });
  }

  async create(path: string, kind: 'file' | 'directory'): Promise<Result<void>> {
    const refused = refuseGit(path);
    if (refused !== undefined) return refused;
    const place = await this.#enclosure.entry(path);
    if (!place.ok) return place;
    if (await isThere(place.value)) return exists(path);
    try {
      await mkdir(kind === 'directory' ? place.value : dirname(place.value), { recursive: true });
      if (kind === 'file') await writeFile(place.value, '', { flag: 'wx' });
      return ok();
    } catch (error) {
      return systemCodeOf(error) === 'EEXIST' ? exists(path) : cannotReach(path, error);
    }
  }

  async rename(from: string, to: string): Promise<Result<void>> {
    const refused = refuseGit(from) ?? refuseGit(to);
    if (refused !== undefined) return refused;
    const source = await this.#enclosure.entry(from);
    if (!source.ok) return source;
    const target = await this.#enclosure.entry(to);
    if (!target.ok) return target;
    if (to === from) return ok();
    if (to.startsWith(`${from}/`))
      return fail('into-itself', `${from} cannot be moved into itself.`, `${to} is inside`, 'Choose another place.');
    try {
      const before = await lstat(source.value);
      const there = await lstat(target.value).catch(() => undefined);
      // Where upper and lower case are one, a change of case finds the file itself.
      if (there !== undefined && (there.ino !== before.ino || there.dev !== before.dev || before.ino === 0))
        return exists(to);
      await mkdir(dirname(target.value), { recursive: true });
      await rename(source.value, target.value);
      return ok();
    } catch (error) {
      return cannotReach(from, error);
    }
  }

  async delete(path: string): Promise<Result<Trashed>> {
    const refused = refuseGit(path);
    if (refused !== undefined) return refused;
    const place = await this.#enclosure.entry(path);
    if (!place.ok) return place;
    return this.#trash.put(place.value, path);
  }

  async undoDelete(id: string): Promise<Result<Trashed>> {
    const trashed = await this.#trash.find(id);
    if (!trashed.ok) return trashed;
    // The note lies in a folder of ours, yet it is a file like any other: its path is checked like any other.
    const place = await this.#enclosure.entry(trashed.value.path);
    return place.ok ? this.#trash.restore(trashed.value, place.value) : place;
  }

  trash(): Promise<Trashed[]> {
    return this.#trash.list();
  }

  watch(options: LongOperation = {}): AsyncIterable<WorkspaceChange> {
    return this.#watch.follow(options.signal);
  }

  files(options: LongOperation = {}): Promise<Result<FileList>> {
    return listFiles(this.info.root, options.signal);
  }

  search(request: SearchRequest, options: LongOperation = {}): AsyncIterable<SearchEvent> {
    return searchFiles(this.info.root, request, options.signal);
  }

  async replace(request: ReplaceRequest, options: LongOperation = {}): Promise<Result<ReplaceOutcome>> {
    const replaced = await replaceAll(this, request, options.signal);
    if (!replaced.ok) return replaced;
    const { done, skipped } = replaced.value;
    const files = done.map(({ path, count }) => ({ path, replacements: count }));
    const size = done.reduce((sum, { before }) => sum + before.length, 0);
    if (done.length === 0 || size > MAX_UNDO) return ok({ files, skipped, undo: null });
    const id = randomUUID();
    this.#replaced.set(id, done);
    for (const oldest of this.#replaced.keys()) if (this.#replaced.size > MAX_UNDOS) this.#replaced.delete(oldest);
    return ok({ files, skipped, undo: id });
  }

  async undoReplace(id: string): Promise<Result<ReplaceOutcome>> {
    const replaced = this.#replaced.get(id);
    if (replaced === undefined)
      return fail('no-undo', 'This replacement cannot be undone any more.', 'only the last few are kept', '');
    this.#replaced.delete(id);
    return ok(await undoAll(this, replaced));
  }

  gitStatus(options: LongOperation = {}): Promise<Result<GitStatus>> {
    return readStatus(this.info.root, options.signal);
  }

  async gitHead(path: string): Promise<Result<HeadContent>> {
    const place = await this.#enclosure.entry(path);
    return place.ok ? readHead(this.info.root, path) : place;
  }

  dispose(): void {
    this.#watch.dispose();
  }

  async #entry(parent: string, directory: string, name: string): Promise<WorkspaceEntry | undefined> {
    const path = parent === '' ? name : `${parent}/${name}`;
    const absolute = join(directory, name);
    const own = await lstat(absolute).catch(() => undefined);
    // It went away between the listing and the look.
    if (own === undefined) return undefined;
    const isLink = own.isSymbolicLink();
    const real = isLink ? await this.#enclosure.existing(path) : ok(absolute);
    const info = !isLink ? own : real.ok ? await stat(real.value).catch(() => undefined) : undefined;
    const kind = info?.isDirectory() === true ? 'directory' : info?.isFile() === true ? 'file' : 'other';
    return { name, path, kind, isLink, sizeBytes: (info ?? own).size, modifiedMs: (info ?? own).mtimeMs };
  }

  async #alone<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#writes.get(key) ?? Promise.resolve();
    const mine = before.then(action, action);
    this.#writes.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#writes.get(key) === mine) this.#writes.delete(key);
    }
  }
}

function isExpected(current: FileContent | null, expected: string | null): boolean {
  if (current === null) return expected === null;
  return current.kind === 'text' && current.etag === expected;
}

function exists(path: string) {
  return fail('file-exists', `${path} exists already.`, '', 'Choose another name, or delete it first.');
}

function refuseGit(path: string) {
  return isGitInternal(path)
    ? fail(
        'git-internal',
        `${path} belongs to git.`,
        'what lies in .git is changed by git alone',
        'Use git in a terminal.',
      )
    : undefined;
}

function byKindAndName(a: WorkspaceEntry, b: WorkspaceEntry): number {
  const directories = Number(b.kind === 'directory') - Number(a.kind === 'directory');
  return directories !== 0 ? directories : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

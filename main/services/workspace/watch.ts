import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CancelSignal, isCancelled } from '../../../app/base/cancel.ts';
import type { Disposable } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import type { WorkspaceChange } from '../../../app/contract/workspace.ts';
import { runProcess } from '../../process/index.ts';
import { isDraft } from './content.ts';

/** Events are gathered for so long, from the first on. */
const GATHER_MS = 80;
/** More paths than that are "everything". */
const MAX_PATHS = 500;
/** The kernel gives a user some thousands of watches; a tree of more directories is watched as far as these. */
const MAX_DIRECTORIES = 4000;
/** Folders of made things: large, and nobody edits there. */
const SKIPPED = new Set(['.git', 'node_modules', 'target', 'dist']);
/** Of git's own folder, what tells of commits, checkouts and staging. */
const GIT_FILES = new Set(['HEAD', 'index', 'ORIG_HEAD', 'MERGE_HEAD']);

/** Sees changes below a folder, except in what git ignores. It works while somebody follows. */
export class DirectoryWatch implements Disposable {
  readonly #root: string;
  readonly #changes = new Emitter<WorkspaceChange>();
  readonly #watchers = new Map<string, FSWatcher>();
  #ignored: ReadonlySet<string> = new Set();
  #followers = 0;
  #starting: Promise<void> | undefined;
  #gathered = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** How many directories are watched: tests assert that none is, in the end. */
  get size(): number {
    return this.#watchers.size;
  }

  async *follow(signal: CancelSignal | undefined): AsyncGenerator<WorkspaceChange> {
    if (isCancelled(signal)) return;
    const queue: WorkspaceChange[] = [];
    let wake = () => {};
    const subscription = this.#changes.event((change) => {
      // A reader that sleeps needs no list of what it missed.
      if (queue.length > 100) queue.splice(0, queue.length, { kind: 'everything' });
      else queue.push(change);
      wake();
    });
    const abort = () => wake();
    signal?.addEventListener('abort', abort);
    this.#followers += 1;
    try {
      this.#starting ??= this.#start();
      await this.#starting;
      yield { kind: 'watching' };
      while (!isCancelled(signal)) {
        const change = queue.shift();
        if (change !== undefined) yield change;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      subscription.dispose();
      this.#followers -= 1;
      if (this.#followers === 0) this.#stop();
    }
  }

  dispose(): void {
    this.#stop();
    this.#changes.dispose();
  }

  async #start(): Promise<void> {
    this.#ignored = await ignoredDirectories(this.#root);
    await this.#add('', false);
    this.#watch('.git', (name) => {
      if (GIT_FILES.has(name)) this.#gather('.git');
    });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gathered.clear();
    this.#starting = undefined;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Watches a directory and those below it. What is in a new one was made before we looked, so it is reported. */
  async #add(path: string, isNew: boolean): Promise<void> {
    if (this.#watchers.has(path) || this.#watchers.size >= MAX_DIRECTORIES || this.#followers === 0) return;
    this.#watch(path, (name, isRename) => this.#onEvent(path, name, isRename));
    const entries = await readdir(join(this.#root, path), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (isNew) this.#gather(child);
      if (entry.isDirectory() && !this.#isSkipped(child, entry.name)) await this.#add(child, isNew);
    }
  }

  #isSkipped(path: string, name: string): boolean {
    return SKIPPED.has(name) || this.#ignored.has(path);
  }

  #watch(path: string, onEvent: (name: string, isRename: boolean) => void): void {
    try {
      const watcher = watch(join(this.#root, path), { persistent: false }, (event, name) => {
        if (name !== null) onEvent(name, event === 'rename');
      });
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, watcher);
    } catch {
      // It is gone already, or the user has no watches left: then its changes are seen at the next look.
    }
  }

  #onEvent(directory: string, name: string, isRename: boolean): void {
    if (isDraft(name)) return;
    const path = directory === '' ? name : `${directory}/${name}`;
    this.#gather(path);
    if (!isRename || this.#isSkipped(path, name)) return;
    // A directory that appears is watched; one that went away, or was made anew, is let go first.
    this.#drop(path);
    void readdir(join(this.#root, path)).then(
      () => this.#add(path, true),
      () => {},
    );
  }

  #drop(path: string): void {
    for (const [watched, watcher] of this.#watchers) {
      if (path === '' || (watched !== path && !watched.startsWith(`${path}/`))) continue;
      watcher.close();
      this.#watchers.delete(watched);
    }
  }

  #gather(path: string): void {
    this.#gathered.add(path);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const paths = [...this.#gathered].sort();
      this.#gathered.clear();
      this.#changes.fire(paths.length > MAX_PATHS ? { kind: 'everything' } : { kind: 'changed', paths });
    }, GATHER_MS);
  }
}

/** Directories that git ignores as a whole; none outside of a repository. */
async function ignoredDirectories(root: string): Promise<ReadonlySet<string>> {
  const listed = await runProcess(
    'git',
    ['-c', 'core.fsmonitor=false', 'ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z'],
    { cwd: root, env: { GIT_OPTIONAL_LOCKS: '0' }, timeoutMs: 10_000 },
  );
  const names = listed.ok && listed.value.code === 0 ? listed.value.stdout.split('\0') : [];
  return new Set(names.filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1)));
}

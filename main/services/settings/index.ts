import { createHash } from 'node:crypto';
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Emitter } from '../../../app/base/event.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type Backup,
  BackupSchema,
  DEFAULT_SETTINGS,
  MAX_STATE_BYTES,
  type Settings,
  type SettingsPatch,
  type SettingsReport,
  SettingsSchema,
  type SettingsService,
  StateKeySchema,
} from '../../../app/contract/settings.ts';
import { MAX_TEXT_BYTES } from '../../../app/contract/workspace.ts';
import { DurableFile } from './durable-file.ts';

const MAX_SETTINGS_BYTES = 1 << 20;
/** JSON writes some characters as six. */
const MAX_BACKUP_BYTES = 6 * MAX_TEXT_BYTES;
const MAX_BACKUPS = 500;
/** An editor that saves by hand does it in several steps. */
const SETTLE_MS = 60;

export interface StoredSettingsOptions {
  /** The person's own directory of the studio. */
  readonly directory: string;
  /** The directory of this workspace's state and backups. */
  readonly workspaceDirectory: string;
}

/** JSON files in the user's data directory. */
export class StoredSettings implements SettingsService {
  readonly #settings: DurableFile;
  readonly #directory: string;
  readonly #files = new Map<string, DurableFile>();
  readonly #changed = new Emitter<SettingsReport>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastTold = '';
  /** Changes are read, merged and written one after another. */
  #tail: Promise<unknown> = Promise.resolve();

  readonly onDidChange: SettingsService['onDidChange'] = (listener) => {
    this.#watch();
    return this.#changed.event(listener);
  };

  constructor({ directory, workspaceDirectory }: StoredSettingsOptions) {
    this.#settings = new DurableFile(join(directory, 'settings.json'), MAX_SETTINGS_BYTES);
    this.#directory = workspaceDirectory;
  }

  async get(): Promise<SettingsReport> {
    const { path } = this.#settings;
    try {
      const text = await this.#settings.read();
      if (text === undefined) return { settings: DEFAULT_SETTINGS, problems: [], path };
      return { ...readSettings(JSON.parse(text)), path };
    } catch (error) {
      return { settings: DEFAULT_SETTINGS, problems: [`${path} cannot be read: ${messageOf(error)}`], path };
    }
  }

  async set(patch: SettingsPatch): Promise<Result<SettingsReport>> {
    const mine = this.#tail.then(() => this.#set(patch));
    this.#tail = mine;
    return mine;
  }

  async getState(key: string): Promise<unknown> {
    const file = this.#state(key);
    try {
      const text = await file.read();
      return text === undefined ? null : (JSON.parse(text) as unknown);
    } catch {
      // Kept for a person to look at; the studio starts without it.
      await rename(file.path, `${file.path}.broken`).catch(() => {});
      return null;
    }
  }

  async putState(key: string, value: unknown): Promise<Result<void>> {
    const file = this.#state(key);
    const text = value === null || value === undefined ? undefined : JSON.stringify(value);
    if (text !== undefined && Buffer.byteLength(text) > MAX_STATE_BYTES)
      return fail(
        'too-large',
        `${key} is too large to be kept.`,
        `${Buffer.byteLength(text)} bytes, at most ${MAX_STATE_BYTES}`,
        'Keep less of it.',
      );
    try {
      await (text === undefined ? file.remove() : file.write(text));
      return ok();
    } catch (error) {
      return notKept(key, file.path, error);
    }
  }

  async listBackups(): Promise<Backup[]> {
    const names = await readdir(join(this.#directory, 'backups')).catch(() => []);
    const files = names.filter((name) => /^[0-9a-f]{32}\.json$/.test(name)).slice(0, MAX_BACKUPS);
    const backups = await Promise.all(
      files.map(async (name) => {
        try {
          const text = await this.#file(join('backups', name), MAX_BACKUP_BYTES).read();
          const backup = BackupSchema.safeParse(JSON.parse(text ?? ''));
          return backup.success ? backup.data : undefined;
        } catch {
          return undefined;
        }
      }),
    );
    return backups.filter((backup) => backup !== undefined).sort((a, b) => a.savedAt - b.savedAt);
  }

  async putBackup(backup: Omit<Backup, 'savedAt'>): Promise<Result<void>> {
    const file = this.#backup(backup.path);
    try {
      await file.write(JSON.stringify({ ...backup, savedAt: Date.now() } satisfies Backup));
      return ok();
    } catch (error) {
      return notKept(`The unsaved text of ${backup.path}`, file.path, error);
    }
  }

  async dropBackup(path: string): Promise<void> {
    await this.#backup(path).remove();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#changed.dispose();
  }

  async #set(patch: SettingsPatch): Promise<Result<SettingsReport>> {
    const { path } = this.#settings;
    const before = await this.#raw();
    const merged: Record<string, unknown> = { ...before };
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete merged[name];
      else merged[name] = value;
    }
    const wrong = readSettings(Object.fromEntries(Object.keys(patch).map((name) => [name, merged[name]])));
    if (wrong.problems.length > 0)
      return fail('bad-setting', 'That is not a setting.', wrong.problems.join('\n'), 'Correct it and try again.');
    try {
      await this.#settings.write(`${JSON.stringify(merged, null, 2)}\n`);
    } catch (error) {
      return notKept('The settings', path, error);
    }
    const report = { ...readSettings(merged), path };
    this.#tell(report);
    return ok(report);
  }

  /** What the file says, known to us or not: nothing that a person wrote there by hand is dropped. */
  async #raw(): Promise<Record<string, unknown>> {
    try {
      const json: unknown = JSON.parse((await this.#settings.read()) ?? '{}');
      return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : {};
    } catch {
      await rename(this.#settings.path, `${this.#settings.path}.broken`).catch(() => {});
      return {};
    }
  }

  #tell(report: SettingsReport): void {
    const text = JSON.stringify(report);
    if (text === this.#lastTold) return;
    this.#lastTold = text;
    this.#changed.fire(report);
  }

  /** The directory is watched, not the file, which is another one after each write. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      const directory = dirname(this.#settings.path);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name !== basename(this.#settings.path)) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.get().then((report) => this.#tell(report)), SETTLE_MS);
      });
      this.#watcher.on('error', () => {});
    } catch {
      // Changes by hand are then seen at the next start.
    }
  }

  #state(key: string): DurableFile {
    return this.#file(join('state', `${StateKeySchema.parse(key)}.json`), MAX_STATE_BYTES);
  }

  #backup(path: string): DurableFile {
    const name = createHash('sha256').update(path).digest('hex').slice(0, 32);
    return this.#file(join('backups', `${name}.json`), MAX_BACKUP_BYTES);
  }

  /** One object a file, since it keeps the order of writes. */
  #file(name: string, maxBytes: number): DurableFile {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const file = new DurableFile(join(this.#directory, name), maxBytes);
    this.#files.set(name, file);
    return file;
  }
}

/** Takes every field that is right; what is wrong is named and at its default. */
function readSettings(json: unknown): { settings: Settings; problems: string[] } {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { settings: DEFAULT_SETTINGS, problems: ['the file must hold one JSON object'] };
  const problems: string[] = [];
  const good: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    const schema = Object.hasOwn(SettingsSchema.shape, name)
      ? SettingsSchema.shape[name as keyof typeof SettingsSchema.shape]
      : undefined;
    const parsed = schema?.safeParse(value);
    if (parsed === undefined) problems.push(`${name}: there is no such setting`);
    else if (parsed.success) good[name] = parsed.data;
    else problems.push(`${name}: ${parsed.error.issues[0]?.message ?? 'is wrong'}`);
  }
  return { settings: SettingsSchema.parse(good), problems };
}

function notKept(what: string, path: string, error: unknown) {
  return fail(
    'cannot-save-state',
    `${what} cannot be kept.`,
    messageOf(error),
    `Make ${dirname(path)} writable, and look at the free space of the disk.`,
  );
}

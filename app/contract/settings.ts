import { z } from 'zod';
import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Result } from '../base/result.ts';
import { EtagSchema, MAX_TEXT_BYTES } from './workspace.ts';

/** One key of a person's own: a command's id and the keys, as VS Code writes them (`ctrl+shift+b`). */
export const KeybindingSchema = z.strictObject({
  key: z.string().min(1).max(60),
  /** With a leading `-` the command loses this key. */
  command: z.string().min(1).max(120),
  when: z.string().max(200).optional(),
});

/** A person's settings. Every field has a default, so an empty file is whole. */
export const SettingsSchema = z.strictObject({
  theme: z.enum(['dark', 'light', 'high-contrast', 'system']).default('dark').describe('Colours of the studio.'),
  zoom: z.number().min(0.5).max(3).default(1).describe('Size of everything; 1 is normal.'),
  editorFontSize: z.number().int().min(8).max(40).default(13).describe('Pixels.'),
  editorFontFamily: z.string().max(200).default('').describe('Empty takes the studio’s own choice.'),
  editorTabSize: z.number().int().min(1).max(16).default(4),
  editorWordWrap: z.boolean().default(false),
  editorMinimap: z.boolean().default(false),
  editorRulers: z.array(z.number().int().min(1).max(400)).max(8).default([]),
  formatOnSave: z.boolean().default(false),
  autoSave: z.enum(['off', 'afterDelay', 'onFocusChange']).default('off'),
  rustAnalyzer: z
    .boolean()
    .default(true)
    .describe(
      'Ask rust-analyzer about Rust code, where it is installed. It runs the build scripts of the folder that is open.',
    ),
  workspaceTrust: z
    .boolean()
    .default(true)
    .describe(
      'Ask before anything of a folder from elsewhere is run: build scripts, procedural macros. Off trusts every folder.',
    ),
  buildOnSave: z.boolean().default(false).describe('Build the kernel after each save.'),
  serialScrollbackLines: z.number().int().min(100).max(200_000).default(10_000),
  terminalScrollbackLines: z.number().int().min(100).max(200_000).default(10_000),
  profile: z.string().max(200).default('direct').describe('Machine profile that Run starts.'),
  model: z.string().max(1000).default('demo').describe('Model that Run loads.'),
  confirmStop: z.boolean().default(false).describe('Ask before a running machine is stopped.'),
  reducedMotion: z.boolean().default(false),
  keybindings: z.array(KeybindingSchema).max(500).default([]).describe('Keys on top of the studio’s own.'),
});
export type Settings = z.infer<typeof SettingsSchema>;

export const DEFAULT_SETTINGS: Settings = SettingsSchema.parse({});

/** What `set` takes: the fields that change; null takes a field back to its default. */
export const SettingsPatchSchema = z.record(z.string().max(60), z.unknown());
export type SettingsPatch = z.infer<typeof SettingsPatchSchema>;

export const SettingsReportSchema = z.object({
  settings: SettingsSchema,
  /** What in the file was not understood and is therefore at its default, one line each. */
  problems: z.array(z.string()),
  /** The file, to be edited by hand. */
  path: z.string(),
});
export type SettingsReport = z.infer<typeof SettingsReportSchema>;

/** Names of small values that the studio keeps for a workspace: `layout.edit`, `editors`, `chat.conversations`. */
export const StateKeySchema = z
  .string()
  .regex(/^[a-z][a-zA-Z0-9]{0,31}(\.[a-zA-Z0-9-]{1,64}){0,3}$/, 'must be words joined by dots');

/** Most that one value may be, as JSON text. */
export const MAX_STATE_BYTES = 4 << 20;

/** Text that a person typed and has not saved. */
export const BackupSchema = z.strictObject({
  /** A path of the workspace, or `untitled:N`. */
  path: z.string().min(1).max(1024),
  text: z.string().max(MAX_TEXT_BYTES),
  /** The content that was being edited; null where there was no file. */
  etag: EtagSchema.nullable(),
  savedAt: z.number(),
});
export type Backup = z.infer<typeof BackupSchema>;

/** What must outlive a crash: settings of the person, state and backups of the workspace. Every write is whole or not at all. */
export interface SettingsService extends Disposable {
  get(): Promise<SettingsReport>;
  set(patch: SettingsPatch): Promise<Result<SettingsReport>>;
  readonly onDidChange: Event<SettingsReport>;
  /** Null if nothing was kept. */
  getState(key: string): Promise<unknown>;
  /** Keeps a JSON value; null forgets it. */
  putState(key: string, value: unknown): Promise<Result<void>>;
  listBackups(): Promise<Backup[]>;
  putBackup(backup: Omit<Backup, 'savedAt'>): Promise<Result<void>>;
  dropBackup(path: string): Promise<void>;
}

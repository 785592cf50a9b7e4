import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema } from './common.ts';

/**
 * The folder that is open. Paths are relative to it, with `/` on every system, without `.` and `..`; the root is the empty
 * path. Whatever a path goes through, it ends inside: a symbolic link that leads out is shown and refused.
 */

/** Characters of the longest path. */
export const MAX_PATH_LENGTH = 1024;
/** Files above this are not opened as text. */
export const MAX_TEXT_BYTES = 8 << 20;

export const WorkspacePathSchema = z
  .string()
  .max(MAX_PATH_LENGTH)
  .refine(
    (path) =>
      path === '' ||
      (!/[\\\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')),
    'must be a path inside the workspace, with / between its parts',
  );

/** Says which content a reader saw; equal tags mean equal content. Opaque. */
export const EtagSchema = z.string().max(128);

export const WorkspaceInfoSchema = z.object({
  /** The folder, absolute, for people and for the compiler's absolute paths. */
  root: z.string(),
  name: z.string(),
});
export type WorkspaceInfo = z.infer<typeof WorkspaceInfoSchema>;

export const WorkspaceEntrySchema = z.object({
  name: z.string(),
  path: z.string(),
  /** What it is behind any symbolic link; `other` is a socket or device, or a link that leads nowhere or outside. */
  kind: z.enum(['file', 'directory', 'other']),
  isLink: z.boolean(),
  sizeBytes: z.number(),
  modifiedMs: z.number(),
});
export type WorkspaceEntry = z.infer<typeof WorkspaceEntrySchema>;

export const FileContentSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('text'),
    path: z.string(),
    text: z.string(),
    etag: EtagSchema,
    modifiedMs: z.number(),
    writable: z.boolean(),
  }),
  z.object({ kind: z.literal('binary'), path: z.string(), sizeBytes: z.number() }),
  z.object({ kind: z.literal('too-large'), path: z.string(), sizeBytes: z.number(), limitBytes: z.number() }),
]);
export type FileContent = z.infer<typeof FileContentSchema>;

export const WriteRequestSchema = z.strictObject({
  path: WorkspacePathSchema,
  text: z.string().max(MAX_TEXT_BYTES),
  /** The content that this one replaces; null: there must be no such file; `ANY_CONTENT`: whatever is there. */
  expected: EtagSchema.nullable(),
});
export type WriteRequest = z.infer<typeof WriteRequestSchema>;

/** The tag that agrees with every content, for a person who was asked and wants to overwrite. */
export const ANY_CONTENT = 'any';

export const WriteOutcomeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('written'), etag: EtagSchema, modifiedMs: z.number() }),
  /** Nothing was written: somebody else has changed the file. `current` is what is there now, null if it is gone. */
  z.object({ kind: z.literal('conflict'), current: FileContentSchema.nullable() }),
]);
export type WriteOutcome = z.infer<typeof WriteOutcomeSchema>;

export const TrashedSchema = z.object({
  /** What `undoDelete` takes. */
  id: z.string(),
  path: z.string(),
  kind: z.enum(['file', 'directory', 'other']),
  deletedAt: z.number(),
});
export type Trashed = z.infer<typeof TrashedSchema>;

export const WorkspaceChangeSchema = z.discriminatedUnion('kind', [
  /** The first: from here on nothing is missed. */
  z.object({ kind: z.literal('watching') }),
  /** These paths, or things below them, were made, changed or removed: look again. */
  z.object({ kind: z.literal('changed'), paths: z.array(z.string()) }),
  /** So much happened that anything may have changed: look at everything again. */
  z.object({ kind: z.literal('everything') }),
  /** The folder cannot be watched on; the reason. The last. */
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type WorkspaceChange = z.infer<typeof WorkspaceChangeSchema>;

export const FileListSchema = z.object({
  /** Files that git would not ignore, sorted. */
  paths: z.array(z.string()),
  /** Whether there are more. */
  truncated: z.boolean(),
});
export type FileList = z.infer<typeof FileListSchema>;

export const SearchRequestSchema = z.strictObject({
  pattern: z.string().min(1).max(1000),
  /** `pattern` is a regular expression of the Rust `regex` crate. */
  isRegex: z.boolean().default(false),
  matchCase: z.boolean().default(false),
  wholeWord: z.boolean().default(false),
  /** Globs such as `*.rs` or `kernel/**`; empty takes all. */
  include: z.array(z.string().min(1).max(200)).max(20).default([]),
  exclude: z.array(z.string().min(1).max(200)).max(20).default([]),
  maxMatches: z.number().int().min(1).max(20_000).default(5000),
  /** Every match says what would stand in its place. */
  replacement: z.string().max(10_000).optional(),
});
export type SearchRequest = z.infer<typeof SearchRequestSchema>;

export const SearchMatchSchema = z.object({
  path: z.string(),
  /** From 1. */
  line: z.number().int(),
  /** The line, at most 400 characters of it. */
  preview: z.string(),
  /** Where in `preview`, in UTF-16 units; end exclusive. `replacement` is null where none was asked for. */
  ranges: z.array(
    z.object({ start: z.number().int(), end: z.number().int(), replacement: z.string().max(10_000).nullable() }),
  ),
  /** Columns in the file's line of the first match, from 1, in UTF-16 units. */
  column: z.number().int(),
  endColumn: z.number().int(),
});
export type SearchMatch = z.infer<typeof SearchMatchSchema>;

export const SearchEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('matches'), matches: z.array(SearchMatchSchema) }),
  z.object({
    kind: z.literal('finished'),
    files: z.number().int(),
    matches: z.number().int(),
    /** `maxMatches` was reached. */
    truncated: z.boolean(),
    elapsedMs: z.number(),
  }),
  z.object({ kind: z.literal('failed'), error: AppErrorSchema }),
]);
export type SearchEvent = z.infer<typeof SearchEventSchema>;

export const ReplaceRequestSchema = z.strictObject({
  search: SearchRequestSchema,
  /** With `isRegex`, `$1` and `$name` stand for groups. */
  replacement: z.string().max(10_000),
  /** Only in these files; absent: in all that match. */
  paths: z.array(WorkspacePathSchema).max(5000).optional(),
});
export type ReplaceRequest = z.infer<typeof ReplaceRequestSchema>;

export const ReplaceOutcomeSchema = z.object({
  files: z.array(z.object({ path: z.string(), replacements: z.number().int() })),
  /** Files that match and were left alone, with the reason. */
  skipped: z.array(z.object({ path: z.string(), why: z.string() })),
  /** What `undoReplace` takes; null where nothing can be taken back. */
  undo: z.string().nullable(),
});
export type ReplaceOutcome = z.infer<typeof ReplaceOutcomeSchema>;

export const GitChangeSchema = z.enum([
  'unmodified',
  'modified',
  'added',
  'deleted',
  'renamed',
  'copied',
  'type-changed',
  'conflicted',
  'untracked',
]);
export type GitChange = z.infer<typeof GitChangeSchema>;

export const GitStatusSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none'), why: z.string() }),
  z.object({
    kind: z.literal('repository'),
    /** Null when HEAD is detached. */
    branch: z.string().nullable(),
    /** Null before the first commit. */
    commit: z.string().nullable(),
    ahead: z.number().int().nullable(),
    behind: z.number().int().nullable(),
    entries: z.array(
      z.object({
        path: z.string(),
        /** HEAD to index, and index to work tree. */
        index: GitChangeSchema,
        workTree: GitChangeSchema,
        /** Where a renamed or copied file came from. */
        from: z.string().nullable(),
      }),
    ),
    truncated: z.boolean(),
  }),
]);
export type GitStatus = z.infer<typeof GitStatusSchema>;

export const HeadContentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: z.string() }),
  z.object({ kind: z.literal('binary') }),
  /** HEAD has no such file, or there is no repository. */
  z.object({ kind: z.literal('absent') }),
]);
export type HeadContent = z.infer<typeof HeadContentSchema>;

/** A file that only grows, held open by whoever writes to it. */
export interface GrowingFile {
  readonly path: string;
  /** Adds at the end. After a failure nothing more should be written: what is there stays. */
  append(bytes: Uint8Array): Promise<Result<void>>;
  close(): Promise<void>;
}

export interface WorkspaceService extends Disposable {
  readonly info: WorkspaceInfo;
  /** What a directory holds: directories first, then by name. */
  list(path: string): Promise<Result<WorkspaceEntry[]>>;
  read(path: string): Promise<Result<FileContent>>;
  /** Replaces the whole content at once, keeping the file's mode; a reader sees the old text or the new. */
  write(request: WriteRequest): Promise<Result<WriteOutcome>>;
  /** Opens a file to write at its end, and makes it and the directories above it where they are not there. */
  grow(path: string): Promise<Result<GrowingFile>>;
  /** Makes an empty file or a directory, and the directories above it. Refuses what exists. */
  create(path: string, kind: 'file' | 'directory'): Promise<Result<void>>;
  /** Moves; refuses to overwrite. */
  rename(from: string, to: string): Promise<Result<void>>;
  /** Moves to the trash of this workspace. */
  delete(path: string): Promise<Result<Trashed>>;
  /** Puts a deleted thing back where it was; refuses to overwrite. */
  undoDelete(id: string): Promise<Result<Trashed>>;
  /** Newest first. */
  trash(): Promise<Trashed[]>;
  watch(options?: LongOperation): AsyncIterable<WorkspaceChange>;
  files(options?: LongOperation): Promise<Result<FileList>>;
  search(request: SearchRequest, options?: LongOperation): AsyncIterable<SearchEvent>;
  replace(request: ReplaceRequest, options?: LongOperation): Promise<Result<ReplaceOutcome>>;
  /** Puts back what a replacement took, in the files that nobody has changed since. The last few can be undone. */
  undoReplace(id: string): Promise<Result<ReplaceOutcome>>;
  gitStatus(options?: LongOperation): Promise<Result<GitStatus>>;
  gitHead(path: string): Promise<Result<HeadContent>>;
}

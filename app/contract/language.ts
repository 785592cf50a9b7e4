import { z } from 'zod';
import type { LongOperation } from '../base/cancel.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Event } from '../base/event.ts';
import type { Result } from '../base/result.ts';
import { AppErrorSchema, EpochMsSchema } from './common.ts';
import { EXTERNAL, isExternal } from './external.ts';
import { MAX_PATH_LENGTH, MAX_TEXT_BYTES, WorkspacePathSchema } from './workspace.ts';

/**
 * What a language server knows about the code, in the studio's own terms: workspace paths, lines and columns from 1, columns in
 * UTF-16 units, ends exclusive. The protocol that the server speaks (LSP 3.17) ends at the service; it never reaches a page.
 */

const ExternalPathSchema = z.string().max(4096).refine(isExternal);

export const RangeSchema = z.object({
  line: z.number().int().min(1),
  column: z.number().int().min(1),
  endLine: z.number().int().min(1),
  endColumn: z.number().int().min(1),
});
export type Range = z.infer<typeof RangeSchema>;

/** A range in a file, which may be an external one. */
export const PlaceSchema = RangeSchema.extend({ path: z.string().max(4096 + EXTERNAL.length) });
export type Place = z.infer<typeof PlaceSchema>;

export const EditSchema = RangeSchema.extend({ text: z.string() });
export type Edit = z.infer<typeof EditSchema>;

/** The changes of one file of the workspace. */
export const FileEditSchema = z.object({ path: z.string(), edits: z.array(EditSchema) });
export type FileEdit = z.infer<typeof FileEditSchema>;

export const SymbolKindSchema = z.enum([
  'module',
  'function',
  'method',
  'struct',
  'enum',
  'variant',
  'trait',
  'impl',
  'type',
  'constant',
  'static',
  'field',
  'macro',
  'label',
  'section',
  'variable',
  'other',
]);
export type SymbolKind = z.infer<typeof SymbolKindSchema>;

/** A named thing in a file. Lists are in the order of the text; what lies in something follows it, one deeper. */
export const CodeSymbolSchema = RangeSchema.extend({
  name: z.string(),
  /** A signature or the like; empty if there is none. */
  detail: z.string(),
  kind: SymbolKindSchema,
  depth: z.number().int().min(0),
  /** Where the name itself stands: what a click goes to. */
  nameLine: z.number().int().min(1),
  nameColumn: z.number().int().min(1),
});
export type CodeSymbol = z.infer<typeof CodeSymbolSchema>;

export const FoundSymbolSchema = z.object({
  name: z.string(),
  container: z.string(),
  kind: SymbolKindSchema,
  place: PlaceSchema,
});
export type FoundSymbol = z.infer<typeof FoundSymbolSchema>;

export const LanguageDiagnosticSchema = RangeSchema.extend({
  severity: z.enum(['error', 'warning', 'info', 'hint']),
  message: z.string(),
  code: z.string().nullable(),
  /** Who found it: the server itself, or the compiler that it ran (`rustc`, `clippy`). */
  source: z.string(),
});
export type LanguageDiagnostic = z.infer<typeof LanguageDiagnosticSchema>;

/** The life of the one server of a workspace. */
export const LanguageStatusSchema = z.discriminatedUnion('phase', [
  /** Nobody has opened a file that needs it; or the setting says no. */
  z.object({ phase: z.literal('idle'), why: z.string() }),
  /** It is wanted, and would run what the folder brings, which nobody has trusted. */
  z.object({ phase: z.literal('restricted') }),
  /** It is not installed; the error's `fix` is the command. */
  z.object({ phase: z.literal('absent'), error: AppErrorSchema, canInstall: z.boolean() }),
  z.object({ phase: z.literal('installing') }),
  z.object({ phase: z.literal('starting'), server: z.string() }),
  /** It answers, and still reads the code; `percent` is null where it does not say. */
  z.object({
    phase: z.literal('indexing'),
    server: z.string(),
    step: z.string(),
    percent: z.number().nullable(),
  }),
  /** `trouble` is what the server itself is not content with; empty if nothing. */
  z.object({ phase: z.literal('ready'), server: z.string(), trouble: z.string() }),
  /** It ended by itself. It is started again at `retryAt`; null: not before somebody asks for it. */
  z.object({
    phase: z.literal('crashed'),
    why: z.string(),
    attempt: z.number().int(),
    retryAt: EpochMsSchema.nullable(),
  }),
]);
export type LanguageStatus = z.infer<typeof LanguageStatusSchema>;

export const LanguageEventSchema = z.discriminatedUnion('kind', [
  /** The first event, and each change. After a `starting`, every diagnostic of before is void. */
  z.object({ kind: z.literal('status'), status: LanguageStatusSchema }),
  /** All that the server has to say of a file; takes the place of what it said before. */
  z.object({ kind: z.literal('diagnostics'), path: z.string(), diagnostics: z.array(LanguageDiagnosticSchema) }),
  z.object({ kind: z.literal('log'), line: z.string() }),
]);
export type LanguageEvent = z.infer<typeof LanguageEventSchema>;

/** Names one page; its texts are its own and end with its stream. */
export const ClientSchema = z.string().regex(/^[a-z0-9-]{8,64}$/);

/** What every question names: who asks, and the file. */
export const LanguageFileSchema = z.strictObject({ client: ClientSchema, path: WorkspacePathSchema });
const PositionSchema = LanguageFileSchema.extend({ line: z.number().int().min(1), column: z.number().int().min(1) });
export const LanguagePositionSchema = PositionSchema;
export type LanguagePosition = z.infer<typeof LanguagePositionSchema>;

export const SyncRequestSchema = LanguageFileSchema.extend({
  /** Rises with each text of this page: one that was overtaken is passed over. */
  version: z.number().int(),
  /** Null: the page no longer has the file open, and the one on disk counts. */
  text: z.string().max(MAX_TEXT_BYTES).nullable(),
});
export type SyncRequest = z.infer<typeof SyncRequestSchema>;

export const HoverSchema = z.object({ markdown: z.string(), range: RangeSchema.nullable() }).nullable();
export type Hover = z.infer<typeof HoverSchema>;

export const CompletionItemSchema = z.object({
  label: z.string(),
  /** Stands behind the label: parameters. */
  suffix: z.string(),
  /** At the far right: a type or a module. */
  detail: z.string(),
  kind: z.number().int(),
  insert: z.string(),
  /** `insert` has tab stops. */
  isSnippet: z.boolean(),
  /** What it replaces; null: the word before the cursor. */
  range: RangeSchema.nullable(),
  sort: z.string(),
  filter: z.string(),
  deprecated: z.boolean(),
  preselect: z.boolean(),
});
export type CompletionItem = z.infer<typeof CompletionItemSchema>;

/** `list` and an index name an item, or an action, until the page asks for the next list of that kind. */
export const ListedSchema = z.strictObject({
  client: ClientSchema,
  list: z.number().int(),
  index: z.number().int().min(0).max(100_000),
});
export type Listed = z.infer<typeof ListedSchema>;

export const CompletionListSchema = z.object({
  list: z.number().int(),
  /** Another letter may bring others: ask again. */
  incomplete: z.boolean(),
  items: z.array(CompletionItemSchema),
});
export type CompletionList = z.infer<typeof CompletionListSchema>;

/** What a chosen item brings beside its text. */
export const CompletionExtraSchema = z.object({
  documentation: z.string(),
  detail: z.string(),
  edits: z.array(EditSchema),
});
export type CompletionExtra = z.infer<typeof CompletionExtraSchema>;

export const SignatureHelpSchema = z
  .object({
    signatures: z.array(
      z.object({
        label: z.string(),
        documentation: z.string(),
        /** Where in the label each parameter stands. */
        parameters: z.array(z.object({ start: z.number().int(), end: z.number().int() })),
      }),
    ),
    active: z.number().int(),
    parameter: z.number().int(),
  })
  .nullable();
export type SignatureHelp = z.infer<typeof SignatureHelpSchema>;

export const CodeActionSchema = z.object({ title: z.string(), kind: z.string(), preferred: z.boolean() });
export const CodeActionListSchema = z.object({ list: z.number().int(), actions: z.array(CodeActionSchema) });
export type CodeActionList = z.infer<typeof CodeActionListSchema>;

export const DefinitionKindSchema = z.enum(['definition', 'declaration', 'typeDefinition', 'implementation']);
export type DefinitionKind = z.infer<typeof DefinitionKindSchema>;

export const ExternalSourceSchema = z.strictObject({ path: ExternalPathSchema });
export const WorkspaceQuerySchema = z.strictObject({ client: ClientSchema, query: z.string().max(200) });
export const RenameRequestSchema = PositionSchema.extend({ newName: z.string().min(1).max(MAX_PATH_LENGTH) });
export const CompleteRequestSchema = PositionSchema.extend({ trigger: z.string().max(4).nullable() });
export const DefinitionRequestSchema = PositionSchema.extend({ kind: DefinitionKindSchema });
export const RangeRequestSchema = LanguageFileSchema.extend({ range: RangeSchema });

/** A server's program. */
export interface FoundServer {
  readonly command: string;
  /** As it names itself: `rust-analyzer 1.95.0`. */
  readonly name: string;
}

/** One server for all pages of a workspace. Questions that come while there is none fail with `no-language-server`. */
export interface LanguageService extends Disposable {
  readonly status: LanguageStatus;
  readonly onDidChange: Event<LanguageEvent>;
  /** What the server said last of each file. */
  diagnostics(): Extract<LanguageEvent, { kind: 'diagnostics' }>[];
  /** Its newest lines. */
  readonly log: readonly string[];
  /** A page that is there until disposed. */
  attach(client: string): Disposable;
  /** The text of a file as the page has it; the first one starts the server. */
  sync(request: SyncRequest): void;
  hover(at: LanguagePosition, options?: LongOperation): Promise<Result<Hover>>;
  complete(at: LanguagePosition, trigger: string | null, options?: LongOperation): Promise<Result<CompletionList>>;
  resolveCompletion(item: Listed, options?: LongOperation): Promise<Result<CompletionExtra>>;
  signature(at: LanguagePosition, options?: LongOperation): Promise<Result<SignatureHelp>>;
  definition(at: LanguagePosition, kind: DefinitionKind, options?: LongOperation): Promise<Result<Place[]>>;
  references(at: LanguagePosition, options?: LongOperation): Promise<Result<Place[]>>;
  /** The name that would be renamed, with its place; null where there is none. */
  prepareRename(at: LanguagePosition, options?: LongOperation): Promise<Result<Range | null>>;
  rename(at: LanguagePosition, newName: string, options?: LongOperation): Promise<Result<FileEdit[]>>;
  symbols(file: { client: string; path: string }, options?: LongOperation): Promise<Result<CodeSymbol[]>>;
  workspaceSymbols(client: string, query: string, options?: LongOperation): Promise<Result<FoundSymbol[]>>;
  format(file: { client: string; path: string }, options?: LongOperation): Promise<Result<Edit[]>>;
  actions(
    file: { client: string; path: string },
    range: Range,
    options?: LongOperation,
  ): Promise<Result<CodeActionList>>;
  resolveAction(action: Listed, options?: LongOperation): Promise<Result<FileEdit[]>>;
  /** The text of an external file; only of those that the server itself has named. */
  source(path: string): Promise<Result<string>>;
  restart(): void;
  /** Runs the command that installs the server. */
  install(): Promise<Result<void>>;
}

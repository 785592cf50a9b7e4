import { z } from 'zod';
import {
  ClientSchema,
  CodeActionListSchema,
  CodeSymbolSchema,
  CompleteRequestSchema,
  CompletionExtraSchema,
  CompletionListSchema,
  DefinitionRequestSchema,
  EditSchema,
  ExternalSourceSchema,
  FileEditSchema,
  FoundSymbolSchema,
  HoverSchema,
  LanguageEventSchema,
  LanguageFileSchema,
  LanguagePositionSchema,
  ListedSchema,
  PlaceSchema,
  RangeRequestSchema,
  RangeSchema,
  RenameRequestSchema,
  SignatureHelpSchema,
  SyncRequestSchema,
  WorkspaceQuerySchema,
} from './language.ts';
import { ask, done, follow, result } from './procedure.ts';

const nothing = z.void();

/** What a page asks of the language server. */
export const languageContract = {
  /** Makes the page known for as long as it reads; then the log so far, the status, and every diagnostic there is. */
  follow: follow(z.strictObject({ client: ClientSchema }), LanguageEventSchema),
  sync: ask(SyncRequestSchema, done),
  hover: ask(LanguagePositionSchema, result(HoverSchema)),
  complete: ask(CompleteRequestSchema, result(CompletionListSchema)),
  resolveCompletion: ask(ListedSchema, result(CompletionExtraSchema)),
  signature: ask(LanguagePositionSchema, result(SignatureHelpSchema)),
  definition: ask(DefinitionRequestSchema, result(z.array(PlaceSchema))),
  references: ask(LanguagePositionSchema, result(z.array(PlaceSchema))),
  prepareRename: ask(LanguagePositionSchema, result(RangeSchema.nullable())),
  rename: ask(RenameRequestSchema, result(z.array(FileEditSchema))),
  symbols: ask(LanguageFileSchema, result(z.array(CodeSymbolSchema))),
  workspaceSymbols: ask(WorkspaceQuerySchema, result(z.array(FoundSymbolSchema))),
  format: ask(LanguageFileSchema, result(z.array(EditSchema))),
  actions: ask(RangeRequestSchema, result(CodeActionListSchema)),
  resolveAction: ask(ListedSchema, result(z.array(FileEditSchema))),
  source: ask(ExternalSourceSchema, result(z.string())),
  restart: ask(nothing, done),
  install: ask(nothing, done),
};

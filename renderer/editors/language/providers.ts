import type { languages } from 'monaco-editor/editor';
import type { Result } from '../../../app/base/result.ts';
import { messageOf } from '../../../app/base/result.ts';
import type { DefinitionKind, Place } from '../../../app/contract/language.ts';
import { studio } from '../../host/client.ts';
import { isLanguageUp, languageClient, useLanguage } from '../../state/language.ts';
import { notifyError } from '../../state/notifications.ts';
import { openFile } from '../../workbench/open.ts';
import { ensureModels } from '../documents/looks.ts';
import { pathOfUri } from '../documents/uri.ts';
import { monaco } from '../monaco.ts';
import { symbolsOf } from '../symbols.ts';
import { prepareEdits } from '../workspace-edit.ts';
import { toCompletionKind, toDocumentSymbols, toLocation, toRange, toTextEdit, toWorkspaceEdit } from './convert.ts';
import { flush, isSynced } from './sync.ts';

/** Monaco's questions, put to the language server. Where it has no answer Monaco does what it does without one. */

type TextModel = ReturnType<typeof monaco.editor.createModel>;
type Position = { readonly lineNumber: number; readonly column: number };
type Token = { readonly isCancellationRequested: boolean; onCancellationRequested(listener: () => void): unknown };

/** Asks one question about a file that the server knows; null where it cannot be asked or does not answer. */
async function ask<T>(
  model: TextModel,
  token: Token,
  question: (file: { client: string; path: string }, options: { signal: AbortSignal }) => Promise<Result<T>>,
): Promise<T | null> {
  const path = pathOfUri(model.uri);
  if (path === null || !isSynced(path) || !isLanguageUp(useLanguage.getState())) return null;
  await flush(path);
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) return null;
  try {
    const answer = await question({ client: languageClient, path }, { signal: controller.signal });
    if (answer.ok) return answer.value;
    console.warn(`${answer.error.what} ${answer.error.why}`);
  } catch (thrown) {
    if (!controller.signal.aborted) console.warn(`the language server was not asked: ${messageOf(thrown)}`);
  }
  return null;
}

const at = ({ lineNumber, column }: Position) => ({ line: lineNumber, column });
const RUST = 'rust';

monaco.languages.registerHoverProvider(RUST, {
  async provideHover(model, position, token) {
    const hover = await ask(model, token, (file, options) =>
      studio.language.hover({ ...file, ...at(position) }, options),
    );
    if (hover === null) return null;
    // Markdown of a library's documentation: no HTML, no commands, and links open nothing but web pages.
    return {
      contents: [{ value: hover.markdown, isTrusted: false, supportHtml: false }],
      ...(hover.range === null ? {} : { range: toRange(hover.range) }),
    };
  },
});

/** What an item or an action needs to be resolved, kept beside Monaco's own. */
const listed = new WeakMap<object, { list: number; index: number }>();

monaco.languages.registerCompletionItemProvider(RUST, {
  triggerCharacters: [':', '.', "'", '('],
  async provideCompletionItems(model, position, context, token) {
    const trigger = context.triggerCharacter ?? null;
    const list = await ask(model, token, (file, options) =>
      studio.language.complete({ ...file, ...at(position), trigger }, options),
    );
    if (list === null) return null;
    const word = model.getWordUntilPosition(position);
    const before = {
      startLineNumber: position.lineNumber,
      endLineNumber: position.lineNumber,
      startColumn: word.startColumn,
      endColumn: word.endColumn,
    };
    const suggestions = list.items.map((item, index): languages.CompletionItem => {
      const made: languages.CompletionItem = {
        label: { label: item.label, detail: item.suffix, description: item.detail },
        kind: toCompletionKind(item.kind),
        insertText: item.insert,
        sortText: item.sort,
        filterText: item.filter,
        preselect: item.preselect,
        range: item.range === null ? before : toRange(item.range),
        ...(item.isSnippet ? { insertTextRules: monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet } : {}),
        ...(item.deprecated ? { tags: [monaco.languages.CompletionItemTag.Deprecated] } : {}),
      };
      listed.set(made, { list: list.list, index });
      return made;
    });
    return { suggestions, incomplete: list.incomplete };
  },
  async resolveCompletionItem(item) {
    const known = listed.get(item);
    if (known === undefined) return item;
    const extra = await studio.language.resolveCompletion({ client: languageClient, ...known });
    if (!extra.ok) return item;
    return {
      ...item,
      detail: extra.value.detail,
      documentation: { value: extra.value.documentation },
      additionalTextEdits: extra.value.edits.map(toTextEdit),
    };
  },
});

monaco.languages.registerSignatureHelpProvider(RUST, {
  signatureHelpTriggerCharacters: ['(', ',', '<'],
  async provideSignatureHelp(model, position, token) {
    const help = await ask(model, token, (file, options) =>
      studio.language.signature({ ...file, ...at(position) }, options),
    );
    if (help === null) return null;
    return {
      value: {
        signatures: help.signatures.map(({ label, documentation, parameters }) => ({
          label,
          documentation: { value: documentation },
          parameters: parameters.map(({ start, end }) => ({ label: [start, end] as [number, number] })),
        })),
        activeSignature: help.active,
        activeParameter: help.parameter,
      },
      dispose: () => {},
    };
  },
});

/** Monaco looks into the files that it is sent to, so they are read before. */
async function locations(places: readonly Place[] | null): Promise<languages.Location[]> {
  if (places === null) return [];
  const there = await ensureModels(places.map(({ path }) => path));
  return places.filter(({ path }) => there.has(path)).map(toLocation);
}

function definitions(kind: DefinitionKind) {
  return async (model: TextModel, position: Position, token: Token) =>
    locations(
      await ask(model, token, (file, options) =>
        studio.language.definition({ ...file, ...at(position), kind }, options),
      ),
    );
}

monaco.languages.registerDefinitionProvider(RUST, { provideDefinition: definitions('definition') });
monaco.languages.registerDeclarationProvider(RUST, { provideDeclaration: definitions('declaration') });
monaco.languages.registerTypeDefinitionProvider(RUST, { provideTypeDefinition: definitions('typeDefinition') });
monaco.languages.registerImplementationProvider(RUST, { provideImplementation: definitions('implementation') });
monaco.languages.registerReferenceProvider(RUST, {
  provideReferences: async (model, position, _context, token) =>
    locations(
      await ask(model, token, (file, options) => studio.language.references({ ...file, ...at(position) }, options)),
    ),
});

monaco.languages.registerRenameProvider(RUST, {
  async resolveRenameLocation(model, position, token) {
    const range = await ask(model, token, (file, options) =>
      studio.language.prepareRename({ ...file, ...at(position) }, options),
    );
    if (range !== null) return { range: toRange(range), text: model.getValueInRange(toRange(range)) };
    const nowhere = monaco.Range.fromPositions(position);
    return { range: nowhere, text: '', rejectReason: 'There is nothing here that can be renamed' };
  },
  async provideRenameEdits(model, position, newName, token) {
    const path = pathOfUri(model.uri);
    if (path === null) return { edits: [] };
    await flush(path);
    if (token.isCancellationRequested) return { edits: [] };
    const files = await studio.language.rename({ client: languageClient, path, ...at(position), newName });
    // Monaco shows a reason at the name itself.
    if (!files.ok) return { edits: [], rejectReason: files.error.why };
    return toWorkspaceEdit(await prepareEdits(files.value));
  },
});

monaco.languages.registerDocumentFormattingEditProvider(RUST, {
  displayName: 'rustfmt',
  async provideDocumentFormattingEdits(model, _options, token) {
    const edits = await ask(model, token, async (file, options) => {
      const answer = await studio.language.format(file, options);
      if (!answer.ok) notifyError({ ...answer.error, what: 'The file was not formatted.' });
      return answer;
    });
    return edits?.map(toTextEdit) ?? [];
  },
});

monaco.languages.registerCodeActionProvider(RUST, {
  async provideCodeActions(model, range, _context, token) {
    const asked = {
      line: range.startLineNumber,
      column: range.startColumn,
      endLine: range.endLineNumber,
      endColumn: range.endColumn,
    };
    const list = await ask(model, token, (file, options) =>
      studio.language.actions({ ...file, range: asked }, options),
    );
    const actions = (list?.actions ?? []).map(({ title, kind, preferred }, index): languages.CodeAction => {
      const action = { title, kind, isPreferred: preferred };
      listed.set(action, { list: list?.list ?? 0, index });
      return action;
    });
    return { actions, dispose: () => {} };
  },
  async resolveCodeAction(action) {
    const known = listed.get(action);
    if (known === undefined) return action;
    const files = await studio.language.resolveAction({ client: languageClient, ...known });
    if (!files.ok) {
      notifyError(files.error);
      return action;
    }
    return Object.assign(action, { edit: toWorkspaceEdit(await prepareEdits(files.value)) });
  },
});

for (const language of ['rust', 'x86asm', 'linkerscript'])
  monaco.languages.registerDocumentSymbolProvider(language, {
    displayName: 'Ring0 Studio',
    provideDocumentSymbols: async (model) => toDocumentSymbols((await symbolsOf(model)).symbols),
  });

// Where Monaco goes to another file, the workbench opens it.
monaco.editor.registerEditorOpener({
  openCodeEditor(source, resource, selection) {
    const path = pathOfUri(resource);
    if (path === null) return false;
    const there = selection === undefined ? undefined : 'lineNumber' in selection ? selection : startOf(selection);
    if (source.getModel()?.uri.toString() === resource.toString()) return false;
    openFile(path, { line: there?.lineNumber, column: there?.column });
    return true;
  },
});

function startOf(range: { startLineNumber: number; startColumn: number }): Position {
  return { lineNumber: range.startLineNumber, column: range.startColumn };
}

import type { languages } from 'monaco-editor/editor';
import type { CodeSymbol, Edit, FileEdit, Place, Range, SymbolKind } from '../../../app/contract/language.ts';
import { uriOf } from '../documents/uri.ts';
import { monaco } from '../monaco.ts';

/** From the contract's terms to Monaco's. Both count from 1, in UTF-16 units. */

export const toRange = ({ line, column, endLine, endColumn }: Range) => ({
  startLineNumber: line,
  startColumn: column,
  endLineNumber: endLine,
  endColumn,
});

export const toLocation = (place: Place): languages.Location => ({ uri: uriOf(place.path), range: toRange(place) });

export const toTextEdit = (edit: Edit): languages.TextEdit => ({ range: toRange(edit), text: edit.text });

export function toWorkspaceEdit(files: readonly FileEdit[]): languages.WorkspaceEdit {
  return {
    edits: files.flatMap(({ path, edits }) =>
      edits.map((edit) => ({ resource: uriOf(path), versionId: undefined, textEdit: toTextEdit(edit) })),
    ),
  };
}

const { SymbolKind: Kind, CompletionItemKind: Completion } = monaco.languages;

const KINDS: Readonly<Record<SymbolKind, languages.SymbolKind>> = {
  module: Kind.Module,
  function: Kind.Function,
  method: Kind.Method,
  struct: Kind.Struct,
  enum: Kind.Enum,
  variant: Kind.EnumMember,
  trait: Kind.Interface,
  impl: Kind.Class,
  type: Kind.TypeParameter,
  constant: Kind.Constant,
  static: Kind.Constant,
  field: Kind.Field,
  macro: Kind.Function,
  label: Kind.Event,
  section: Kind.Array,
  variable: Kind.Variable,
  other: Kind.Object,
};

/** A list with depths as a tree. */
export function toDocumentSymbols(symbols: readonly CodeSymbol[]): languages.DocumentSymbol[] {
  const roots: languages.DocumentSymbol[] = [];
  const above: languages.DocumentSymbol[] = [];
  for (const symbol of symbols) {
    const name = { startLineNumber: symbol.nameLine, startColumn: symbol.nameColumn };
    const made: languages.DocumentSymbol = {
      name: symbol.name,
      detail: symbol.detail,
      kind: KINDS[symbol.kind],
      tags: [],
      range: toRange(symbol),
      selectionRange: { ...name, endLineNumber: symbol.nameLine, endColumn: symbol.nameColumn + symbol.name.length },
      children: [],
    };
    above.length = Math.min(above.length, symbol.depth);
    const siblings = above.at(-1)?.children ?? roots;
    siblings.push(made);
    above.push(made);
  }
  return roots;
}

/** LSP's `CompletionItemKind`, from 1 on. */
const COMPLETIONS = [
  Completion.Text,
  Completion.Method,
  Completion.Function,
  Completion.Constructor,
  Completion.Field,
  Completion.Variable,
  Completion.Class,
  Completion.Interface,
  Completion.Module,
  Completion.Property,
  Completion.Unit,
  Completion.Value,
  Completion.Enum,
  Completion.Keyword,
  Completion.Snippet,
  Completion.Color,
  Completion.File,
  Completion.Reference,
  Completion.Folder,
  Completion.EnumMember,
  Completion.Constant,
  Completion.Struct,
  Completion.Event,
  Completion.Operator,
  Completion.TypeParameter,
];

export const toCompletionKind = (kind: number) => COMPLETIONS[kind - 1] ?? Completion.Text;

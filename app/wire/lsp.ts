import { z } from 'zod';
import type {
  CodeSymbol,
  CompletionExtra,
  CompletionItem,
  Edit,
  FileEdit,
  FoundSymbol,
  Hover,
  LanguageDiagnostic,
  Place,
  Range,
  SignatureHelp,
  SymbolKind,
} from '../contract/language.ts';

/**
 * Answers of a language server (LSP 3.17) as the studio's own terms. Each function takes what came over the wire and throws a
 * `ZodError` where that is no LSP; what the studio has no use for is left out.
 */

const position = z.object({ line: z.number().int().min(0), character: z.number().int().min(0) });
const range = z.object({ start: position, end: position });
const location = z.object({ uri: z.string(), range });
const locationLink = z.object({ targetUri: z.string(), targetSelectionRange: range });
const textEdit = z.object({ range, newText: z.string() });
const markup = z.union([
  z.string(),
  z.object({ kind: z.string().optional(), language: z.string().optional(), value: z.string() }),
]);

/** Most items of a list that go on to a page. */
const MAX_ITEMS = 5000;
/** The longest text that a person is shown. */
const MAX_TEXT = 100_000;

/** From a URI of the server to the path that pages know it by; null for what is no file. */
export type PathOf = (uri: string) => string | null;

export function rangeFromLsp({ start, end }: z.infer<typeof range>): Range {
  return { line: start.line + 1, column: start.character + 1, endLine: end.line + 1, endColumn: end.character + 1 };
}

export function positionToLsp(line: number, column: number) {
  return { line: line - 1, character: column - 1 };
}

export function rangeToLsp({ line, column, endLine, endColumn }: Range) {
  return { start: positionToLsp(line, column), end: positionToLsp(endLine, endColumn) };
}

function textOf(value: z.infer<typeof markup>): string {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  const text = value.value.slice(0, MAX_TEXT);
  return value.language === undefined ? text : `\`\`\`${value.language}\n${text}\n\`\`\``;
}

export function hoverFromLsp(answer: unknown): Hover {
  const hover = z
    .object({ contents: z.union([markup, z.array(markup)]), range: range.optional() })
    .nullable()
    .parse(answer);
  if (hover === null) return null;
  const parts = Array.isArray(hover.contents) ? hover.contents : [hover.contents];
  const markdown = parts.map(textOf).join('\n\n');
  return markdown.trim() === ''
    ? null
    : { markdown, range: hover.range === undefined ? null : rangeFromLsp(hover.range) };
}

export function placesFromLsp(answer: unknown, pathOf: PathOf): Place[] {
  const one = z.union([location, locationLink]);
  const parsed = z
    .union([one, z.array(one)])
    .nullable()
    .parse(answer);
  const list = parsed === null ? [] : Array.isArray(parsed) ? parsed : [parsed];
  return list.slice(0, MAX_ITEMS).flatMap((each) => {
    const [uri, at] = 'uri' in each ? [each.uri, each.range] : [each.targetUri, each.targetSelectionRange];
    const path = pathOf(uri);
    return path === null ? [] : [{ path, ...rangeFromLsp(at) }];
  });
}

function editFromLsp({ range: at, newText }: z.infer<typeof textEdit>): Edit {
  return { ...rangeFromLsp(at), text: newText };
}

export function editsFromLsp(answer: unknown): Edit[] {
  return (z.array(textEdit).nullable().parse(answer) ?? []).map(editFromLsp);
}

const workspaceEdit = z.object({
  changes: z.record(z.string(), z.array(textEdit)).optional(),
  documentChanges: z
    .array(z.object({ textDocument: z.object({ uri: z.string() }), edits: z.array(textEdit) }))
    .optional(),
});

/** What a rename or an action changes. Files outside of the workspace are no business of ours: such a change is refused whole. */
export function workspaceEditFromLsp(answer: unknown, pathOf: PathOf): FileEdit[] {
  const edit = workspaceEdit.nullable().parse(answer);
  const changes = [
    ...Object.entries(edit?.changes ?? {}),
    ...(edit?.documentChanges ?? []).map(({ textDocument, edits }) => [textDocument.uri, edits] as const),
  ];
  const byPath = new Map<string, Edit[]>();
  for (const [uri, edits] of changes) {
    const path = pathOf(uri);
    if (path === null) throw new Error(`it would change ${uri}, which is not in the workspace`);
    byPath.set(path, [...(byPath.get(path) ?? []), ...edits.map(editFromLsp)]);
  }
  return [...byPath].map(([path, edits]) => ({ path, edits }));
}

/** LSP's `SymbolKind`, as rust-analyzer uses it: a trait is an interface, an impl an object. */
const SYMBOL_KINDS: Readonly<Record<number, SymbolKind>> = {
  2: 'module',
  3: 'module',
  5: 'struct',
  6: 'method',
  7: 'field',
  8: 'field',
  9: 'function',
  10: 'enum',
  11: 'trait',
  12: 'function',
  13: 'variable',
  14: 'constant',
  19: 'impl',
  22: 'variant',
  23: 'struct',
  26: 'type',
};

const kindOf = (kind: number): SymbolKind => SYMBOL_KINDS[kind] ?? 'other';

const symbolBase = z.object({ name: z.string(), kind: z.number() });
const documentSymbol = symbolBase.extend({
  detail: z.string().optional(),
  range,
  selectionRange: range,
  children: z.array(z.unknown()).optional(),
});
const MAX_DEPTH = 32;

/** Both spellings: the tree of `DocumentSymbol` and the flat list of `SymbolInformation`. */
export function symbolsFromLsp(answer: unknown): CodeSymbol[] {
  const symbols: CodeSymbol[] = [];
  const walk = (list: readonly unknown[], depth: number) => {
    for (const each of list) {
      if (symbols.length >= MAX_ITEMS) return;
      const flat = symbolBase.extend({ location: z.object({ range }) }).safeParse(each);
      const { name, kind, detail, children, ...at } = flat.success
        ? {
            ...flat.data,
            detail: '',
            children: [],
            range: flat.data.location.range,
            selectionRange: flat.data.location.range,
          }
        : documentSymbol.parse(each);
      const { line, column } = rangeFromLsp(at.selectionRange);
      symbols.push({
        name: name.slice(0, 500),
        detail: (detail ?? '').slice(0, 500),
        kind: kindOf(kind),
        depth,
        ...rangeFromLsp(at.range),
        nameLine: line,
        nameColumn: column,
      });
      if (depth < MAX_DEPTH) walk(children ?? [], depth + 1);
    }
  };
  walk(z.array(z.unknown()).nullable().parse(answer) ?? [], 0);
  return symbols;
}

export function foundSymbolsFromLsp(answer: unknown, pathOf: PathOf): FoundSymbol[] {
  const list = z
    .array(symbolBase.extend({ containerName: z.string().nullish(), location }))
    .nullable()
    .parse(answer);
  return (list ?? []).slice(0, MAX_ITEMS).flatMap(({ name, kind, containerName, location: at }) => {
    const path = pathOf(at.uri);
    if (path === null) return [];
    return [{ name, kind: kindOf(kind), container: containerName ?? '', place: { path, ...rangeFromLsp(at.range) } }];
  });
}

const SEVERITIES = ['error', 'warning', 'info', 'hint'] as const;

export function diagnosticsFromLsp(list: unknown): LanguageDiagnostic[] {
  const diagnostic = z.object({
    range,
    severity: z.number().optional(),
    code: z.union([z.string(), z.number()]).optional(),
    source: z.string().optional(),
    message: z.string(),
  });
  return z
    .array(diagnostic)
    .parse(list)
    .slice(0, MAX_ITEMS)
    .map(({ range: at, severity, code, source, message }) => ({
      ...rangeFromLsp(at),
      severity: SEVERITIES[(severity ?? 1) - 1] ?? 'error',
      message: message.slice(0, MAX_TEXT),
      code: code === undefined ? null : String(code),
      source: (source ?? 'rust-analyzer').slice(0, 40),
    }));
}

const completionItem = z.object({
  label: z.string(),
  labelDetails: z.object({ detail: z.string().nullish(), description: z.string().nullish() }).nullish(),
  kind: z.number().int().optional(),
  detail: z.string().nullish(),
  documentation: markup.nullish(),
  deprecated: z.boolean().nullish(),
  tags: z.array(z.number()).nullish(),
  preselect: z.boolean().nullish(),
  sortText: z.string().nullish(),
  filterText: z.string().nullish(),
  insertText: z.string().nullish(),
  insertTextFormat: z.number().nullish(),
  textEdit: z.union([textEdit, z.object({ insert: range, replace: range, newText: z.string() })]).nullish(),
  additionalTextEdits: z.array(textEdit).nullish(),
});

/** The items as pages see them, and as the server wants them back when one is to be resolved. */
export function completionsFromLsp(answer: unknown): { incomplete: boolean; items: CompletionItem[]; raw: unknown[] } {
  const list = z
    .union([z.array(z.unknown()), z.object({ isIncomplete: z.boolean(), items: z.array(z.unknown()) })])
    .nullable()
    .parse(answer);
  const raw = (list === null ? [] : Array.isArray(list) ? list : list.items).slice(0, MAX_ITEMS);
  const items = raw.map((each): CompletionItem => {
    const item = completionItem.parse(each);
    const edit = item.textEdit ?? null;
    const at = edit === null ? null : 'range' in edit ? edit.range : edit.insert;
    return {
      label: item.label,
      suffix: item.labelDetails?.detail ?? '',
      detail: item.labelDetails?.description ?? item.detail ?? '',
      kind: item.kind ?? 1,
      insert: edit?.newText ?? item.insertText ?? item.label,
      isSnippet: item.insertTextFormat === 2,
      range: at === null ? null : rangeFromLsp(at),
      sort: item.sortText ?? item.label,
      filter: item.filterText ?? item.label,
      deprecated: item.deprecated === true || item.tags?.includes(1) === true,
      preselect: item.preselect === true,
    };
  });
  return { incomplete: list !== null && !Array.isArray(list) && list.isIncomplete, items, raw };
}

export function completionExtraFromLsp(answer: unknown): CompletionExtra {
  const item = completionItem.parse(answer);
  return {
    documentation: item.documentation === null || item.documentation === undefined ? '' : textOf(item.documentation),
    detail: item.detail ?? '',
    edits: (item.additionalTextEdits ?? []).map(editFromLsp),
  };
}

export function signatureFromLsp(answer: unknown): SignatureHelp {
  const help = z
    .object({
      signatures: z.array(
        z.object({
          label: z.string(),
          documentation: markup.nullish(),
          parameters: z.array(z.object({ label: z.union([z.string(), z.tuple([z.number(), z.number()])]) })).nullish(),
          activeParameter: z.number().nullish(),
        }),
      ),
      activeSignature: z.number().nullish(),
      activeParameter: z.number().nullish(),
    })
    .nullable()
    .parse(answer);
  if (help === null || help.signatures.length === 0) return null;
  const active = Math.min(help.activeSignature ?? 0, help.signatures.length - 1);
  return {
    signatures: help.signatures.map(({ label, documentation, parameters }) => ({
      label,
      documentation: documentation === null || documentation === undefined ? '' : textOf(documentation),
      parameters: (parameters ?? []).map((parameter) => {
        if (typeof parameter.label !== 'string') return { start: parameter.label[0], end: parameter.label[1] };
        const start = Math.max(0, label.indexOf(parameter.label));
        return { start, end: start + parameter.label.length };
      }),
    })),
    active,
    parameter: help.signatures[active]?.activeParameter ?? help.activeParameter ?? 0,
  };
}

export function renameRangeFromLsp(answer: unknown): Range | null {
  const found = z
    .union([range, z.object({ range })])
    .nullable()
    .parse(answer);
  return found === null ? null : rangeFromLsp('range' in found ? found.range : found);
}

export const codeActionFromLsp = z.object({
  title: z.string(),
  kind: z.string().nullish(),
  isPreferred: z.boolean().nullish(),
  edit: z.unknown().optional(),
});

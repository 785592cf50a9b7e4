import type { CodeSymbol, SymbolKind } from '../contract/language.ts';

/** Lists longer than this are cut: an outline is for people. */
export const MAX_SYMBOLS = 5000;

/** A symbol whose end is not known yet. */
export interface Draft {
  readonly name: string;
  readonly detail?: string | undefined;
  readonly kind: SymbolKind;
  readonly depth: number;
  readonly line: number;
  readonly column: number;
  endLine: number;
  endColumn: number;
}

export function finish({ name, detail, kind, depth, line, column, endLine, endColumn }: Draft): CodeSymbol {
  return {
    name,
    detail: detail ?? '',
    kind,
    depth,
    line,
    column: 1,
    endLine,
    endColumn,
    nameLine: line,
    nameColumn: column,
  };
}

/** Lets every symbol of a flat list reach to the line before the next of its depth or above, the last to the end of the text. */
export function nestByEnd(drafts: readonly Draft[], lines: readonly string[]): CodeSymbol[] {
  return drafts.slice(0, MAX_SYMBOLS).map((draft, index) => {
    const next = drafts.slice(index + 1).find(({ depth }) => depth <= draft.depth);
    const endLine = next === undefined ? lines.length : Math.max(draft.line, next.line - 1);
    return finish({ ...draft, endLine, endColumn: (lines[endLine - 1]?.length ?? 0) + 1 });
  });
}

/** The symbols that a line lies in, outermost first. */
export function chainAt(symbols: readonly CodeSymbol[], line: number): CodeSymbol[] {
  const chain: CodeSymbol[] = [];
  for (const symbol of symbols) {
    if (symbol.line > line) break;
    if (symbol.endLine < line) continue;
    chain.length = Math.min(chain.length, symbol.depth);
    chain.push(symbol);
  }
  return chain;
}

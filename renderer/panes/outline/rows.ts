import type { CodeSymbol } from '../../../app/contract/language.ts';
import { fuzzyMatch } from '../../../app/text/fuzzy.ts';

export interface OutlineRow {
  /** Its place in the list of symbols: what it is known by. */
  readonly index: number;
  readonly symbol: CodeSymbol;
  readonly hasChildren: boolean;
  /** Letters that the filter matched. */
  readonly at: readonly number[];
}

/** More rows than this are not drawn: whoever has them, filters. */
export const MAX_ROWS = 2000;

/**
 * What is drawn: everything that is not in something folded. With a filter, what matches and what it lies in, folded or not.
 */
export function outlineRows(
  symbols: readonly CodeSymbol[],
  folded: ReadonlySet<string>,
  filter: string,
): { rows: OutlineRow[]; cut: boolean } {
  const matches = symbols.map(({ name }) => fuzzyMatch(filter, name)?.at ?? null);
  const isWanted = matches.map((match) => match !== null);
  if (filter !== '') {
    // From the end, so that what holds a match is wanted as well.
    let depth = 0;
    for (let index = symbols.length - 1; index >= 0; index -= 1) {
      const symbol = symbols[index];
      if (symbol === undefined) continue;
      if (isWanted[index] !== true && symbol.depth < depth) isWanted[index] = true;
      if (isWanted[index] === true) depth = symbol.depth;
      else if (symbol.depth < depth) depth = symbol.depth;
    }
  }
  const rows: OutlineRow[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const [index, symbol] of symbols.entries()) {
    if (symbol.depth <= hiddenBelow) hiddenBelow = Number.POSITIVE_INFINITY;
    else continue;
    if (isWanted[index] !== true) continue;
    const hasChildren = (symbols[index + 1]?.depth ?? 0) > symbol.depth;
    if (filter === '' && folded.has(keyOf(symbol))) hiddenBelow = symbol.depth;
    if (rows.length === MAX_ROWS) return { rows, cut: true };
    rows.push({ index, symbol, hasChildren, at: filter === '' ? [] : (matches[index] ?? []) });
  }
  return { rows, cut: false };
}

/** What stays the same of a symbol while the text is edited. */
export function keyOf({ kind, name, depth }: CodeSymbol): string {
  return `${depth}:${kind}:${name}`;
}

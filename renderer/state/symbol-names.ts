import { fuzzyMatch } from '../../app/text/fuzzy.ts';

/** A Rust path as a list shows it: the name first, the modules that it is in behind, and what of both a query matches. */
export interface ShownName {
  readonly label: string;
  readonly detail: string;
  readonly at: readonly number[];
  readonly detailAt: readonly number[];
}

/** The name itself, without the modules before it; generic arguments have paths of their own, and `{closure#0}` is no name alone. */
export function lastOfPath(path: string): string {
  return /(?:^|::)((?:[^:<{]+|\{[^}]*\}|<.*>)+(?:::\{[^}]*\}.*)?)$/.exec(path)?.[1] ?? path;
}

export function shownName(path: string, query: string): ShownName {
  const label = lastOfPath(path);
  const split = path.length - label.length;
  const words = query.split(/\s+/).filter((word) => word !== '');
  const at = [...new Set(words.flatMap((word) => fuzzyMatch(word, path)?.at ?? []))].sort((a, b) => a - b);
  return {
    label,
    detail: path.slice(0, split).replace(/::$/, ''),
    at: at.filter((n) => n >= split).map((n) => n - split),
    detailAt: at.filter((n) => n < split),
  };
}

import { fuzzyMatch } from '../../app/text/fuzzy.ts';

/** A Rust path as a list shows it: the name first, the modules that it is in behind, and what of both a query matches. */
export interface ShownName {
  readonly label: string;
  readonly detail: string;
  readonly at: readonly number[];
  readonly detailAt: readonly number[];
}

/**
 * The name itself, without the modules before it; generic arguments have paths of their own, and `{closure#0}` is no name alone. In one
 * pass, for a name is the image's: a pattern that looks back could take as long as it likes.
 */
export function lastOfPath(path: string): string {
  let depth = 0;
  let start = 0;
  for (let n = 0; n < path.length; n++) {
    const character = path[n];
    if (character === '<' || character === '{') depth += 1;
    else if (character === '}' || (character === '>' && path[n - 1] !== '-')) depth = Math.max(0, depth - 1);
    else if (depth === 0 && character === ':' && path[n + 1] === ':') {
      // From a closure on, all belongs to the name that it is in.
      if (path[n + 2] === '{' && n > start) break;
      start = n + 2;
      n += 1;
    }
  }
  return start >= path.length ? path : path.slice(start);
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

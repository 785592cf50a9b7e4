/** Fuzzy matching, as in quick open: all letters of the query in order, better where they stand together and begin words. */

export interface FuzzyMatch {
  readonly score: number;
  /** Indexes into the text that matched, ascending. */
  readonly at: readonly number[];
}

const BOUNDARY = /[\s/\\_.:-]/;

/** Whether `text` has the letters of `query` in order, and how well; null if it has not. Case counts for nothing but a tie. */
export function fuzzyMatch(query: string, text: string): FuzzyMatch | null {
  if (query === '') return { score: 0, at: [] };
  const wanted = query.toLowerCase();
  const lower = text.toLowerCase();

  // The whole query in one piece beats any scattering; the last occurrence is nearest to a path's own name.
  const whole = lower.lastIndexOf(wanted);
  if (whole >= 0) {
    const startsWord = whole === 0 || BOUNDARY.test(text[whole - 1] ?? '');
    const at = Array.from({ length: wanted.length }, (_, index) => whole + index);
    return { score: 100 + wanted.length * 4 + (startsWord ? 20 : 0) - text.length / 100, at };
  }

  // From the end, so that letters are found in the name before its folders.
  const at: number[] = [];
  let position = lower.length - 1;
  for (let index = wanted.length - 1; index >= 0; index -= 1) {
    const found = lower.lastIndexOf(wanted[index] ?? '', position);
    if (found < 0 || position < 0) return null;
    at.unshift(found);
    position = found - 1;
  }
  let score = 0;
  at.forEach((found, index) => {
    const before = text[found - 1];
    if (index > 0 && at[index - 1] === found - 1) score += 6;
    if (before === undefined || BOUNDARY.test(before) || (/[a-z]/.test(before) && /[A-Z]/.test(text[found] ?? '')))
      score += 5;
  });
  return { score: score - text.length / 100, at };
}

/** The best `limit` items for a query, best first; equal ones keep their order. Every word of the query must match. `bonus` prefers some. */
export function rank<T>(
  query: string,
  items: readonly T[],
  textOf: (item: T) => string,
  limit: number,
  bonus: (item: T) => number = () => 0,
): { item: T; at: number[] }[] {
  const words = query
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return items.slice(0, limit).map((item) => ({ item, at: [] }));
  const found: { item: T; at: number[]; score: number }[] = [];
  for (const item of items) {
    const text = textOf(item);
    const matches = words.map((word) => fuzzyMatch(word, text));
    if (matches.includes(null)) continue;
    const score = matches.reduce((sum, match) => sum + (match?.score ?? 0), bonus(item));
    found.push({ item, score, at: [...new Set(matches.flatMap((match) => match?.at ?? []))].sort((a, b) => a - b) });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, limit);
}

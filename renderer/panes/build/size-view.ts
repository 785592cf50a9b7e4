import type { ImageSize, SizeSection, SizeSymbol } from '../../../app/contract/build.ts';

export type SortKey = 'bytes' | 'name' | 'section' | 'crate';
export interface Sorting {
  readonly key: SortKey;
  readonly ascending: boolean;
}

/** The symbols that a person asked for, in their order. */
export function sortedSymbols(
  symbols: readonly SizeSymbol[],
  filter: string,
  { key, ascending }: Sorting,
): SizeSymbol[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const wanted = symbols.filter(({ name, section, crate }) => {
    const text = `${name} ${section} ${crate}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const direction = ascending ? 1 : -1;
  return wanted.sort((a, b) => {
    const order = key === 'bytes' ? a.bytes - b.bytes : a[key].localeCompare(b[key]);
    // Of equals the larger comes first, whichever way they are sorted.
    return order === 0 ? b.bytes - a.bytes : order * direction;
  });
}

/** A first click sorts numbers from the largest and words from A; a second turns it round. */
export function nextSorting(now: Sorting, key: SortKey): Sorting {
  return now.key === key ? { key, ascending: !now.ascending } : { key, ascending: key !== 'bytes' };
}

export interface Share {
  readonly name: string;
  readonly bytes: number;
  /** Of all of them, from 0 to 1. */
  readonly part: number;
}

/** What each crate takes, of the symbols that are listed; the largest first, and what no name tells last. */
export function crateShares({ symbols }: Pick<ImageSize, 'symbols'>, most: number): Share[] {
  const byCrate = new Map<string, number>();
  for (const { crate, bytes } of symbols) byCrate.set(crate, (byCrate.get(crate) ?? 0) + bytes);
  const total = symbols.reduce((sum, { bytes }) => sum + bytes, 0);
  const named = [...byCrate].filter(([name]) => name !== '').sort((a, b) => b[1] - a[1]);
  const rest = [...named.slice(most), ['', byCrate.get('') ?? 0] as const].reduce((sum, [, bytes]) => sum + bytes, 0);
  const list = [...named.slice(0, most), ...(rest === 0 ? [] : [['others', rest] as const])];
  return list.map(([name, bytes]) => ({ name, bytes, part: total === 0 ? 0 : bytes / total }));
}

/** The sections that are loaded, as parts of what they take together. */
export function sectionShares({ sections, memoryBytes }: Pick<ImageSize, 'sections' | 'memoryBytes'>): (Share & {
  readonly kind: SizeSection['kind'];
})[] {
  return sections
    .filter(({ kind }) => kind !== 'debug')
    .map(({ name, bytes, kind }) => ({ name, bytes, kind, part: memoryBytes === 0 ? 0 : bytes / memoryBytes }));
}

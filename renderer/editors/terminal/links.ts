/** Something in a line of output that leads somewhere. Offsets count UTF-16 units; `end` is exclusive. */
export type TextLink = {
  readonly start: number;
  readonly end: number;
} & (
  | { readonly kind: 'place'; readonly file: string; readonly line: number; readonly column: number }
  | {
      readonly kind: 'address';
      readonly address: string;
      /** Of a line of a backtrace (`#3 0x…`): the call before it is meant. Of frame 0 it is the instruction itself. */
      readonly isReturn: boolean;
    }
);

// A path with an extension that names source, then a line and perhaps a column: `ring0/src/main.rs:12:5`.
const PLACE =
  /(?<![\w./-])((?:[\w.-]*\/)*[\w.-]+\.(?:rs|s|S|asm|ld|c|h|toml|ts|tsx|json|md)):(\d{1,6})(?::(\d{1,4}))?/g;
// Addresses of the kernel's half, with or without 0x.
const ADDRESS = /(?<![\w])(?:0x)?(ffff[0-9a-fA-F]{12})(?!\w)/g;
const OUTER_FRAME = /#[1-9]\d{0,3}\s+$/;

/** Places in files and kernel addresses in a line, from left to right. */
export function findLinks(text: string): TextLink[] {
  if (text.length > 2000) return [];
  const links: TextLink[] = [];
  for (const match of text.matchAll(PLACE)) {
    const [all, file = '', line = '1', column = '1'] = match;
    links.push({
      kind: 'place',
      start: match.index,
      end: match.index + all.length,
      file,
      line: Number(line),
      column: Number(column),
    });
  }
  for (const match of text.matchAll(ADDRESS)) {
    const [all, digits = ''] = match;
    links.push({
      kind: 'address',
      start: match.index,
      end: match.index + all.length,
      address: `0x${digits.toLowerCase()}`,
      isReturn: OUTER_FRAME.test(text.slice(0, match.index)),
    });
  }
  return links.toSorted((a, b) => a.start - b.start);
}

/**
 * The file of the workspace that a compiler or a panic means: the path itself, or the one file whose path ends with it. Null if none or
 * several do.
 */
export function resolveFile(file: string, paths: readonly string[]): string | null {
  const wanted = file.replace(/^(?:\.\/)+/, '');
  if (paths.includes(wanted)) return wanted;
  const ends = paths.filter((path) => path.endsWith(`/${wanted}`) || wanted.endsWith(`/${path}`));
  return ends.length === 1 ? (ends[0] ?? null) : null;
}

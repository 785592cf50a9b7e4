import type { GuestMemory } from './memory.ts';
import { NO_EXECUTE, type PagingShape } from './paging.ts';

/**
 * All that page tables map, as runs of neighbouring pages that are mapped alike. The tables are the guest's: they may lead anywhere,
 * to themselves, or to one table thousands of times. Each table is read once for each level that it is used at, and its runs are used
 * again wherever it appears, so that time is bounded by the number of tables and not by what they span.
 *
 * Positions and frames are page numbers, which fit a double in every mode.
 */

export const RUN_WRITABLE = 1;
export const RUN_USER = 2;
export const RUN_EXECUTABLE = 4;
export const RUN_UNCACHED = 8;
export const RUN_GLOBAL = 16;
/** What every level must allow; the others are the page's own. */
const INHERITED = RUN_WRITABLE | RUN_USER | RUN_EXECUTABLE;

export interface Run {
  /** Page number in the space that the tables span, before its highest bit is copied upwards. */
  readonly at: number;
  readonly pages: number;
  /** Frame of the first page. */
  readonly frame: number;
  /** Every page maps the frame of the first one. */
  readonly repeat: boolean;
  readonly flags: number;
  /** log2 of the page's size. */
  readonly shift: number;
}

/** Something odd that the tables themselves show. */
export interface Oddity {
  readonly kind: 'self-map' | 'outside-ram' | 'reserved';
  readonly at: number;
  readonly pages: number;
  readonly level: number;
  /** The table or entry that it is about. */
  readonly address: bigint;
}

export interface Space {
  readonly runs: readonly Run[];
  readonly oddities: readonly Oddity[];
  readonly tables: number;
  /** What was left out, in words; empty if nothing. */
  readonly truncated: string;
}

export interface SpaceLimits {
  /** Runs under one entry of the root, so that a mad one does not hide the others. */
  readonly runsPerRootEntry: number;
  readonly runs: number;
  readonly tables: number;
  /** Entries and runs that are looked at. */
  readonly work: number;
}

export const SPACE_LIMITS: SpaceLimits = { runsPerRootEntry: 4096, runs: 16_384, tables: 200_000, work: 12_000_000 };
const MAX_ODDITIES = 64;

/** Reads the whole address space. */
export function scanSpace(shape: PagingShape, memory: GuestMemory, limits: SpaceLimits = SPACE_LIMITS): Space {
  return new Scanner(shape, memory, limits).scan();
}

interface MutableRun {
  at: number;
  pages: number;
  frame: number;
  repeat: boolean;
  flags: number;
  shift: number;
}

class Scanner {
  readonly #shape: PagingShape;
  readonly #memory: GuestMemory;
  readonly #limits: SpaceLimits;
  readonly #known = new Map<string, readonly Run[]>();
  readonly #oddities: Oddity[] = [];
  readonly #reasons = new Set<string>();
  #tables = 0;
  #work = 0;

  constructor(shape: PagingShape, memory: GuestMemory, limits: SpaceLimits) {
    this.#shape = shape;
    this.#memory = memory;
    this.#limits = limits;
  }

  scan(): Space {
    const { levels, root, entriesAtRoot } = this.#shape;
    const runs = this.#table(levels, root, entriesAtRoot, 0, [], this.#limits.runs);
    return {
      runs,
      oddities: this.#oddities,
      tables: this.#tables,
      truncated: [...this.#reasons].join('; '),
    };
  }

  /** The runs of a table, relative to its beginning. `path` are the tables above it. */
  #table(
    level: number,
    table: bigint,
    entries: number,
    at: number,
    path: readonly bigint[],
    limit: number,
  ): readonly Run[] {
    const key = `${level}:${table}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#tables >= this.#limits.tables) {
      this.#reasons.add(`more than ${this.#limits.tables} tables`);
      return [];
    }
    const { entryBytes, indexBits, levels } = this.#shape;
    const span = 2 ** (indexBits * (level - 1));
    const bytes = this.#memory.read(table, entries * entryBytes);
    if (bytes === undefined) {
      this.#odd('outside-ram', at, span * entries, level, table);
      this.#known.set(key, []);
      return [];
    }
    this.#tables += 1;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const runs: MutableRun[] = [];
    const below = [...path, table];
    for (let index = 0; index < entries; index++) {
      const low = view.getUint32(index * entryBytes, true);
      if ((low & 1) === 0) continue;
      const high = entryBytes === 8 ? view.getUint32(index * 8 + 4, true) : 0;
      const entry = readBits(this.#shape, level, low, high);
      if (++this.#work > this.#limits.work) {
        this.#reasons.add(`more than ${this.#limits.work} entries`);
        break;
      }
      const here = at + index * span;
      if (entry.kind === 'reserved') {
        this.#odd('reserved', here, span, level, table + BigInt(index * entryBytes));
        continue;
      }
      if (entry.kind === 'page') {
        append(runs, index * span, span, entry.frame, false, entry.flags, entry.shift);
      } else {
        const child = BigInt(entry.frame) << 12n;
        // Once: behind a loop, everything is another one.
        if (below.includes(child) && new Set(below).size === below.length)
          this.#odd('self-map', here, span, level, child);
        const inner = this.#table(level - 1, child, 1 << indexBits, here, below, this.#limits.runsPerRootEntry);
        for (const run of inner) {
          if (runs.length >= limit || ++this.#work > this.#limits.work) break;
          const flags = (run.flags & ~INHERITED) | (run.flags & entry.flags & INHERITED);
          append(runs, index * span + run.at, run.pages, run.frame, run.repeat, flags, run.shift);
        }
      }
      if (runs.length >= limit) {
        this.#reasons.add(
          `more than ${limit} ranges ${level === levels ? 'in all' : `under one ${level === levels - 1 ? 'entry of the root' : 'table'}`}`,
        );
        break;
      }
    }
    this.#known.set(key, runs);
    return runs;
  }

  #odd(kind: Oddity['kind'], at: number, pages: number, level: number, address: bigint): void {
    if (this.#oddities.length < MAX_ODDITIES) this.#oddities.push({ kind, at, pages, level, address });
  }
}

type Bits =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'table'; readonly frame: number; readonly flags: number }
  | { readonly kind: 'page'; readonly frame: number; readonly flags: number; readonly shift: number };

const RESERVED: Bits = { kind: 'reserved' };
const XD_HIGH = Number(NO_EXECUTE >> 32n);

/** `readEntry` of `paging.ts` on two halves, for millions of entries; a test holds the two against each other. */
export function readBits(shape: PagingShape, level: number, low: number, high: number): Bits {
  const { entryBytes, levels, noExecute } = shape;
  const pae = levels === 3 && level === 3;
  const noRun = (high & XD_HIGH) !== 0;
  const frame = (high & 0xfffff) * 2 ** 20 + (low >>> 12);
  if (pae) {
    if ((low & 0x1e6) !== 0 || high >>> 20 !== 0) return RESERVED;
    return { kind: 'table', frame, flags: INHERITED };
  }
  if (noRun && entryBytes === 8 && !noExecute) return RESERVED;
  const flags = ((low >>> 1) & 1 ? RUN_WRITABLE : 0) | ((low >>> 2) & 1 ? RUN_USER : 0) | (noRun ? 0 : RUN_EXECUTABLE);
  const large = level > 1 && (low & 0x80) !== 0 && shape.largePages;
  if (level > 1 && !large) return { kind: 'table', frame, flags };
  const own = flags | ((low >>> 4) & 1 ? RUN_UNCACHED : 0) | ((low >>> 8) & 1 ? RUN_GLOBAL : 0);
  if (level === 1) return { kind: 'page', frame, flags: own, shift: 12 };
  if (entryBytes === 4) {
    if ((low & (1 << 21)) !== 0) return RESERVED;
    return { kind: 'page', frame: ((low >>> 13) & 0xff) * 2 ** 20 + (low >>> 22) * 1024, flags: own, shift: 22 };
  }
  if (level > 3) return RESERVED;
  const shift = 12 + 9 * (level - 1);
  const pages = 2 ** (shift - 12);
  // Bit 12 of a large page is PAT.
  const start = frame - (frame % 2);
  if (start % pages !== 0) return RESERVED;
  return { kind: 'page', frame: start, flags: own, shift };
}

/** Puts a run behind the others, in one piece with the last where they are mapped alike. */
function append(
  runs: MutableRun[],
  at: number,
  pages: number,
  frame: number,
  repeat: boolean,
  flags: number,
  shift: number,
): void {
  const last = runs.at(-1);
  if (last !== undefined && last.at + last.pages === at && last.flags === flags && last.shift === shift) {
    const page = 2 ** (shift - 12);
    if (!last.repeat && !repeat && last.frame + last.pages === frame) {
      last.pages += pages;
      return;
    }
    const lastRepeats = last.repeat || last.pages === page;
    if (last.frame === frame && lastRepeats && (repeat || pages === page)) {
      last.pages += pages;
      last.repeat = true;
      return;
    }
  }
  runs.push({ at, pages, frame, repeat, flags, shift });
}

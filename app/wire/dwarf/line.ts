import { OutOfBounds } from '../../base/bytes.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import type { Elf } from '../elf.ts';
import { compileFolders } from './compile-folders.ts';
import { readLineHeader } from './line-header.ts';
import { runLineProgram } from './line-program.ts';
import { LineRows, type Sequence, type SourcePlace } from './line-rows.ts';
import { DwarfReader, dwarfSections, SHF_COMPRESSED, Unsupported } from './reader.ts';

export type { SourcePlace } from './line-rows.ts';

const MAX_UNITS = 100_000;

/** Which line of source each address of an image was made from. */
export class LineTable {
  readonly #rows: LineRows;
  /** By start, without overlaps but those of a lying table. */
  readonly #sequences: readonly Sequence[];
  /** Units that could not be read, one line each. */
  readonly problems: readonly string[];

  constructor(rows: LineRows, problems: readonly string[]) {
    this.#rows = rows;
    this.#sequences = rows.sequences.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    this.problems = problems;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /**
   * The line of the innermost code at `address`, inlined or not; code that belongs to no line has that of the code before it. With
   * `isReturn` the call before a return address is meant.
   */
  lookup(address: bigint, isReturn = false): SourcePlace | undefined {
    return this.#search(isReturn ? address - 1n : address, (row) => this.#rows.lineOf(row) !== 0);
  }

  /** The last place at or before `address`, in the same run of code, whose file is wanted: the caller of foreign code that was inlined. */
  lookupNear(address: bigint, isWanted: (file: string) => boolean, isReturn = false): SourcePlace | undefined {
    const wanted = (row: number) => this.#rows.lineOf(row) !== 0 && isWanted(this.files[this.#rows.fileOf(row)] ?? '');
    return this.#search(isReturn ? address - 1n : address, wanted);
  }

  #search(address: bigint, accepts: (row: number) => boolean): SourcePlace | undefined {
    const count = this.#sequences.length;
    const sequence = this.#sequences[upperBound(count, (n) => (this.#sequences[n]?.start ?? 0n) > address) - 1];
    if (sequence === undefined || address - sequence.start >= BigInt(sequence.bytes)) return undefined;
    const { start, firstRow, endRow } = sequence;
    const offset = Number(address - start);
    let row = firstRow + upperBound(endRow - firstRow, (n) => this.#rows.offsetOf(firstRow + n) > offset) - 1;
    while (row >= firstRow && !accepts(row)) row--;
    return row < firstRow ? undefined : this.#rows.placeOf(row);
  }

  /** Files that the table names, each once. */
  get files(): readonly string[] {
    return this.#rows.files;
  }

  /** The lowest address of each run of code that begins at a line of a file that `isFile` accepts. */
  addressesOf(isFile: (file: string) => boolean, line: number): bigint[] {
    const wanted = new Set(this.files.flatMap((file, n) => (isFile(file) ? [n] : [])));
    if (wanted.size === 0) return [];
    const found = new Set<bigint>();
    for (const { start, firstRow, endRow } of this.#sequences) {
      let inside = false;
      for (let row = firstRow; row < endRow; row++) {
        const here = this.#rows.lineOf(row) === line && wanted.has(this.#rows.fileOf(row));
        if (here && !inside) found.add(start + BigInt(this.#rows.offsetOf(row)));
        inside = here;
      }
    }
    return [...found].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

/** The first index for which `isAbove` holds, of `count` in rising order. */
function upperBound(count: number, isAbove: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Reads the line number tables (DWARF 5, §6.2; versions 2 to 5) of an ELF file that `elf` was read from. Hostile-safe: every read is
 * checked, rows and names are bounded, and a unit that lies costs only itself.
 */
export function readLineTable(bytes: Uint8Array, elf: Elf): Result<LineTable> {
  const section = elf.sections.find(({ name }) => name === '.debug_line' || name === '.zdebug_line');
  if (section === undefined) return refuse('the image has no section .debug_line');
  if (section.name === '.zdebug_line' || (section.flags & SHF_COMPRESSED) !== 0n)
    return refuse('its debug sections are compressed');
  const sections = dwarfSections(bytes, elf);
  const folders = compileFolders(sections);
  const loaded = elf.segments.filter(({ type }) => type === 1);
  // What the linker threw away keeps its rows, at address 0: nothing there is part of the image.
  const rows = new LineRows((start) =>
    loaded.some((it) => start >= it.virtualAddress && start - it.virtualAddress < it.memoryBytes),
  );
  const problems: string[] = [];
  const reader = new DwarfReader(sections.line);
  for (let unit = 0; unit < MAX_UNITS && reader.remaining > 4; unit++) {
    const at = reader.offset;
    let end = sections.line.length;
    try {
      const { bytes: size, offsetSize } = reader.unitLength();
      end = reader.offset + size;
      // The unit by itself: nothing in it reads what lies behind.
      const own = new DwarfReader(sections.line.subarray(0, end), reader.offset);
      const header = readLineHeader(own, offsetSize, sections, folders.get(at) ?? '');
      own.offset = header.programAt;
      runLineProgram(own, header, rows);
    } catch (error) {
      if (!(error instanceof OutOfBounds) && !(error instanceof Unsupported)) throw error;
      rows.dropOpen();
      problems.push(`unit at ${at}: offset ${error.offset}: ${error.message}`);
    }
    reader.offset = end;
  }
  if (rows.length === 0) return refuse(problems[0] ?? 'its line tables name no address of the image');
  return ok(new LineTable(rows, problems));
}

function refuse(why: string) {
  return fail(
    'no-line-table',
    'The image does not say which source its code comes from.',
    why,
    'Build it with debug information (`debug = "line-tables-only"` in the Cargo profile is enough).',
  );
}

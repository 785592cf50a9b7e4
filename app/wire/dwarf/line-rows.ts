import { Unsupported } from './reader.ts';

/** A place in source. The file is absolute, or as the compiler wrote it; lines and columns count from 1, column 0 is unknown. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A run of code without gaps: rows `firstRow` to before `endRow`, by address. */
export interface Sequence {
  readonly start: bigint;
  readonly bytes: number;
  readonly firstRow: number;
  readonly endRow: number;
}

/** An image of 256 MiB has fewer; 16 bytes each. */
const MAX_ROWS = 8_000_000;
const FIELDS = 4;
const MAX_SEQUENCE_BYTES = 0xffff_ffff;

/** The rows of all units, packed: offset within the sequence, file, line, column. */
export class LineRows {
  readonly #keeps: (start: bigint) => boolean;
  readonly #fileNumbers = new Map<string, number>();
  readonly files: string[] = [];
  readonly sequences: Sequence[] = [];
  #cells = new Uint32Array(4096 * FIELDS);
  #count = 0;
  /** The sequence that is being made. */
  #start: bigint | null = null;
  #firstRow = 0;

  /** @param keeps whether a sequence that starts there is wanted */
  constructor(keeps: (start: bigint) => boolean) {
    this.#keeps = keeps;
  }

  get length(): number {
    return this.#count;
  }

  fileNumber(path: string): number {
    const known = this.#fileNumbers.get(path);
    if (known !== undefined) return known;
    this.#fileNumbers.set(path, this.files.length);
    return this.files.push(path) - 1;
  }

  /** A row of the open sequence. Addresses within one never fall (§6.2.2); where one does, the sequence is worthless and is dropped. */
  add(address: bigint, file: number, line: number, column: number): void {
    if (this.#start === null) {
      this.#start = address;
      this.#firstRow = this.#count;
    }
    const offset = address - this.#start;
    const previous = this.#count > this.#firstRow ? this.offsetOf(this.#count - 1) : 0;
    if (offset < BigInt(previous) || offset > BigInt(MAX_SEQUENCE_BYTES))
      throw new Unsupported(0, 'addresses of a sequence do not rise');
    if (this.#count >= MAX_ROWS) throw new Unsupported(0, `more than ${MAX_ROWS} rows`);
    const at = this.#count * FIELDS;
    if (at + FIELDS > this.#cells.length) {
      const larger = new Uint32Array(this.#cells.length * 2);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[at] = Number(offset);
    this.#cells[at + 1] = file;
    this.#cells[at + 2] = Math.max(0, line);
    this.#cells[at + 3] = column;
    this.#count++;
  }

  /** Ends the open sequence before `address`. */
  end(address: bigint): void {
    const start = this.#start;
    if (start === null) return;
    const bytes = address - start;
    if (bytes > 0n && bytes <= BigInt(MAX_SEQUENCE_BYTES) && this.#keeps(start)) {
      this.sequences.push({ start, bytes: Number(bytes), firstRow: this.#firstRow, endRow: this.#count });
      this.#start = null;
    } else this.dropOpen();
  }

  /** Forgets the open sequence. */
  dropOpen(): void {
    if (this.#start !== null) this.#count = this.#firstRow;
    this.#start = null;
  }

  offsetOf(row: number): number {
    return this.#cells[row * FIELDS] ?? 0;
  }
  fileOf(row: number): number {
    return this.#cells[row * FIELDS + 1] ?? 0;
  }
  lineOf(row: number): number {
    return this.#cells[row * FIELDS + 2] ?? 0;
  }

  /** Undefined for code without a line, or of a file without a name. */
  placeOf(row: number): SourcePlace | undefined {
    const file = this.files[this.fileOf(row)] ?? '';
    const line = this.lineOf(row);
    return file === '' || line === 0 ? undefined : { file, line, column: this.#cells[row * FIELDS + 3] ?? 0 };
  }
}

import type { GuestMemory } from './memory.ts';

const PAGE_BYTES = 4096;
/** Pages that are read in one go when memory is compared. */
const RUN_PAGES = 16;
/** Pages that are kept. Mad tables can span gigabytes: what is beyond is read and not noted. */
const MAX_PAGES = 4096;

interface Page {
  /** Null: no RAM. */
  readonly bytes: Uint8Array | null;
  /** Which of them the decoder has looked at: from, to, from, to, … */
  readonly spans: number[];
}

interface Run {
  readonly start: bigint;
  readonly pages: Page[];
}

/**
 * Memory that notes what a decoder reads. Decoders are pure: while what was read stands, so does what was made of it, however costly it
 * was. Each page is read once, so that a decoder sees it as it was at one moment.
 */
export class ReadSet implements GuestMemory {
  readonly regions: GuestMemory['regions'];
  readonly #memory: GuestMemory;
  readonly #pages = new Map<bigint, Page>();
  #runs: Run[] | undefined;
  #isWhole = true;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.regions = memory.regions;
  }

  read(address: bigint, size: number): Uint8Array | undefined {
    const offset = Number(address & 0xfffn);
    if (offset + size <= PAGE_BYTES) return this.#part(address - BigInt(offset), offset, size);
    const whole = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const at = address + BigInt(done);
      const start = Number(at & 0xfffn);
      const part = Math.min(size - done, PAGE_BYTES - start);
      const bytes = this.#part(at - BigInt(start), start, part);
      if (bytes === undefined) return undefined;
      whole.set(bytes, done);
      done += part;
    }
    return whole;
  }

  /** Whether all that was read is noted. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether `memory` has the same bytes wherever the decoder looked. */
  standsIn(memory: GuestMemory): boolean {
    this.#runs ??= runsOf(this.#pages);
    return this.#runs.every(({ start, pages }) => {
      const now = readNow(memory, start, pages.length * PAGE_BYTES);
      return now !== undefined && pages.every(({ bytes, spans }, n) => bytes !== null && same(bytes, now, n, spans));
    });
  }

  #part(start: bigint, from: number, size: number): Uint8Array | undefined {
    let page = this.#pages.get(start);
    if (page === undefined && this.#pages.size >= MAX_PAGES) {
      this.#isWhole = false;
      return this.#memory.read(start + BigInt(from), size);
    }
    if (page === undefined) {
      page = { bytes: this.#memory.read(start, PAGE_BYTES) ?? null, spans: [] };
      this.#pages.set(start, page);
      this.#runs = undefined;
    }
    if (page.bytes === null) return undefined;
    note(page.spans, from, from + size);
    return page.bytes.subarray(from, from + size);
  }
}

/** Used by one comparison at a time. */
const scratch = new Uint8Array(RUN_PAGES * PAGE_BYTES);

function readNow(memory: GuestMemory, start: bigint, size: number): Uint8Array | undefined {
  if (memory.readInto === undefined) return memory.read(start, size);
  const bytes = scratch.subarray(0, size);
  return memory.readInto(start, bytes) ? bytes : undefined;
}

/** Neighbours are often read one after the other, or again: these make no span of their own. */
function note(spans: number[], from: number, to: number): void {
  for (let n = 0; n < spans.length; n += 2) {
    const [start = 0, end = 0] = [spans[n], spans[n + 1]];
    if (from >= start && to <= end) return;
    if (from <= end && to >= start) {
      spans[n] = Math.min(start, from);
      spans[n + 1] = Math.max(end, to);
      return;
    }
  }
  spans.push(from, to);
}

function same(before: Uint8Array, now: Uint8Array, page: number, spans: readonly number[]): boolean {
  const base = page * PAGE_BYTES;
  for (let n = 0; n < spans.length; n += 2) {
    const [from = 0, to = 0] = [spans[n], spans[n + 1]];
    if (!sameBytes(before.subarray(from, to), now.subarray(base + from, base + to))) return false;
  }
  return true;
}

/** Whole tables are compared: four bytes at a time where that can be. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const words = (a.byteOffset | b.byteOffset | a.length) % 4 === 0;
  const [left, right] = words ? [wordsOf(a), wordsOf(b)] : [a, b];
  for (let n = 0; n < left.length; n++) if (left[n] !== right[n]) return false;
  return true;
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** Pages that are RAM, neighbours together. Where there is none, there will be none. */
function runsOf(pages: ReadonlyMap<bigint, Page>): Run[] {
  const runs: Run[] = [];
  const sorted = [...pages].filter(([, { bytes }]) => bytes !== null).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [start, page] of sorted) {
    const last = runs.at(-1);
    const follows = last !== undefined && last.start + BigInt(last.pages.length * PAGE_BYTES) === start;
    if (follows && last.pages.length < RUN_PAGES) last.pages.push(page);
    else runs.push({ start, pages: [page] });
  }
  return runs;
}

import type { PagingRegisters, ReadPhysical } from './paging.ts';
import { MAX_LINEAR_BYTES, readLinear, translate } from './paging.ts';

/** A piece of guest-physical memory that is RAM. */
export interface MemoryRegion {
  readonly start: bigint;
  readonly bytes: bigint;
}

/** Guest-physical memory, whatever it is read from: a RAM file, a dump, or a machine that is asked. */
export interface GuestMemory {
  /** `size` bytes, or undefined if not all of them are RAM. */
  read(address: bigint, size: number): Uint8Array | undefined;
  /** The same into what the caller brings, where that is cheaper: large arrays that live for a moment cost more than the bytes. */
  readInto?(address: bigint, bytes: Uint8Array): boolean;
  /** RAM in order of its addresses; regions do not touch. */
  readonly regions: readonly MemoryRegion[];
}

/** Memory by linear addresses, as one processor sees it. */
export interface LinearMemory {
  readonly registers: PagingRegisters;
  /** `size` bytes, or undefined if any of them is not mapped to RAM. */
  read(address: bigint, size: number): Uint8Array | undefined;
  /** As many of the bytes as can be had, from `address` on: up to the first that is not mapped to RAM. */
  readSome(address: bigint, size: number): Uint8Array;
}

export function linearMemory(memory: GuestMemory, registers: PagingRegisters): LinearMemory {
  const physical: ReadPhysical = (address, size) => memory.read(address, size);
  return {
    registers,
    read: (address, size) => readLinear(registers, physical, address, size),
    readSome(address, size) {
      const wanted = Math.min(Math.max(0, size), MAX_LINEAR_BYTES);
      let done = 0;
      const pieces: Uint8Array[] = [];
      while (done < wanted) {
        const at = address + BigInt(done);
        const page = translate(registers, physical, at);
        if (page.kind !== 'mapped') break;
        const part = Math.min(wanted - done, 4096 - Number(at & 0xfffn));
        const piece = memory.read(page.physical, part);
        if (piece === undefined) break;
        pieces.push(piece);
        done += part;
      }
      return concatenate(pieces, done);
    },
  };
}

function concatenate(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Pages that a decoder wanted and that were not there; see `PagedMemory`. */
const PAGE_BYTES = 4096n;
/** More pages are fetched for one look than any decoder needs; then it makes do with what there is. */
const MAX_PAGES = 16_384;

/**
 * Memory for a decoder that cannot wait, read from a machine that must be asked. A read of what is not there yet fails and notes the
 * pages; the caller fetches them and runs the decoder again, until it finds everything. Since decoders are pure, only the last run counts.
 */
export class PagedMemory implements GuestMemory {
  readonly regions: readonly MemoryRegion[];
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #missing = new Set<bigint>();

  constructor(regions: readonly MemoryRegion[]) {
    this.regions = regions;
  }

  read(address: bigint, size: number): Uint8Array | undefined {
    if (size < 0 || !isInRegion(this.regions, address, size)) return undefined;
    const bytes = new Uint8Array(size);
    let whole = true;
    for (let done = 0; done < size; ) {
      const at = address + BigInt(done);
      const start = at & ~(PAGE_BYTES - 1n);
      const offset = Number(at - start);
      const part = Math.min(size - done, Number(PAGE_BYTES) - offset);
      const page = this.#pages.get(start);
      if (page !== undefined) bytes.set(page.subarray(offset, offset + part), done);
      else {
        whole = false;
        if (this.#pages.size + this.#missing.size < MAX_PAGES) this.#missing.add(start);
      }
      done += part;
    }
    return whole ? bytes : undefined;
  }

  /** Runs of neighbouring pages that were missed since the last call, in order. */
  takeMissing(): { readonly start: bigint; readonly bytes: number }[] {
    const sorted = [...this.#missing].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    this.#missing.clear();
    const runs: { start: bigint; bytes: number }[] = [];
    for (const start of sorted) {
      const last = runs.at(-1);
      if (last !== undefined && last.start + BigInt(last.bytes) === start) last.bytes += Number(PAGE_BYTES);
      else runs.push({ start, bytes: Number(PAGE_BYTES) });
    }
    return runs;
  }

  /** Puts what was fetched for a run in its place. */
  put(start: bigint, bytes: Uint8Array): void {
    for (let at = 0; at + Number(PAGE_BYTES) <= bytes.length; at += Number(PAGE_BYTES))
      this.#pages.set(start + BigInt(at), bytes.subarray(at, at + Number(PAGE_BYTES)));
  }
}

/** Whether `[address, address + size)` lies in one region. */
export function isInRegion(regions: readonly MemoryRegion[], address: bigint, size: number): boolean {
  return regions.some((it) => address >= it.start && address + BigInt(size) <= it.start + it.bytes);
}

import { formatAddress } from '../base/address.ts';
import type { AddressSpace, MappedRange, PagingFinding } from '../contract/inspect/paging.ts';
import {
  type Oddity,
  RUN_EXECUTABLE,
  RUN_GLOBAL,
  RUN_UNCACHED,
  RUN_USER,
  RUN_WRITABLE,
  type Run,
  type Space,
  scanSpace,
} from './address-space.ts';
import { spaceFindings } from './address-space-findings.ts';
import type { GuestMemory, MemoryRegion } from './memory.ts';
import { type PagingRegisters, type PagingShape, pagingMode, pagingShape, toLinear } from './paging.ts';
import { entryName } from './paging-flags.ts';

/** What is known of linear addresses beside the tables. */
export interface SpaceNames {
  /** A section or symbol of the image that lies in `[start, start + bytes)`. */
  label(start: bigint, bytes: bigint): string;
  /** `function+0x12` or the like, for one address. */
  symbol(address: bigint): string | undefined;
}

/** The whole address space as it is shown. */
export function addressSpace(registers: PagingRegisters, memory: GuestMemory, names: SpaceNames): AddressSpace {
  const shape = pagingShape(registers);
  const mode = pagingMode(registers);
  const space = shape === undefined ? withoutPaging() : scanSpace(shape, memory);
  const place = (page: number) => toLinear(shape ?? FLAT, BigInt(page) << 12n);
  const ranges = space.runs.map((run) => viewRun(run, place(run.at), memory.regions, names));
  const sum = (flags: number) =>
    formatAddress(
      BigInt(space.runs.reduce((all, run) => ((run.flags & flags) === flags ? all + run.pages : all), 0)) << 12n,
    );
  return {
    mode,
    cr3: formatAddress(registers.cr3),
    addressBits: shape?.addressBits ?? 32,
    ranges,
    truncated: space.truncated,
    totals: {
      mappedBytes: sum(0),
      userBytes: sum(RUN_USER),
      writableExecutableBytes: sum(RUN_WRITABLE | RUN_EXECUTABLE),
      tables: space.tables,
    },
    findings: [
      ...spaceFindings(space.runs, memory.regions, place, names),
      ...space.oddities.map((it) => viewOddity(it, place(it.at))),
    ],
    torn: false,
  };
}

const FLAT = { addressBits: 32 } as PagingShape;

/** Physical addresses are linear ones. */
function withoutPaging(): Space {
  const flags = RUN_WRITABLE | RUN_USER | RUN_EXECUTABLE;
  return {
    runs: [{ at: 0, pages: 2 ** 20, frame: 0, repeat: false, flags, shift: 12 }],
    oddities: [],
    tables: 0,
    truncated: '',
  };
}

function viewRun(run: Run, start: bigint, regions: readonly MemoryRegion[], names: SpaceNames): MappedRange {
  const bytes = BigInt(run.pages) << 12n;
  const target = BigInt(run.frame) << 12n;
  const ram = isRam(regions, target, run.repeat ? 1n << BigInt(run.shift) : bytes);
  return {
    start: formatAddress(start),
    bytes: formatAddress(bytes),
    target: formatAddress(target),
    repeat: run.repeat,
    pageBytes: 2 ** run.shift,
    writable: (run.flags & RUN_WRITABLE) !== 0,
    user: (run.flags & RUN_USER) !== 0,
    executable: (run.flags & RUN_EXECUTABLE) !== 0,
    uncached: (run.flags & RUN_UNCACHED) !== 0,
    global: (run.flags & RUN_GLOBAL) !== 0,
    ram,
    label: names.label(start, bytes),
  };
}

function isRam(regions: readonly MemoryRegion[], start: bigint, bytes: bigint): boolean {
  return regions.some((it) => start >= it.start && start + bytes <= it.start + it.bytes);
}

function viewOddity({ kind, pages, level, address }: Oddity, start: bigint): PagingFinding {
  const place = { start: formatAddress(start), bytes: formatAddress(BigInt(pages) << 12n) };
  const name = entryName(level);
  switch (kind) {
    case 'self-map':
      return {
        ...place,
        kind,
        severity: 'info',
        text: `A ${name} leads back to the table at ${formatAddress(address)}, which is above it: the page tables map themselves here.`,
      };
    case 'outside-ram':
      return {
        ...place,
        kind,
        severity: 'error',
        text: `The table of ${name}s at ${formatAddress(address)} lies outside of RAM: what is mapped here nobody knows.`,
      };
    case 'reserved':
      return {
        ...place,
        kind,
        severity: 'error',
        text: `The ${name} at ${formatAddress(address)} has reserved bits set: every access here raises #PF with RSVD=1.`,
      };
  }
}

import { formatAddress } from '../base/address.ts';
import type { PagingFinding } from '../contract/inspect/paging.ts';
import { RUN_EXECUTABLE, RUN_USER, RUN_WRITABLE, type Run } from './address-space.ts';
import type { SpaceNames } from './address-space-view.ts';
import type { MemoryRegion } from './memory.ts';
import { pageSize } from './page-walk.ts';

/** Findings of one kind that are listed; the last says how many more there are. */
const MAX_OF_KIND = 24;
/** A gap of up to so many pages between two stacks is a guard, a larger one is just free. */
const MAX_GUARD_PAGES = 16;
/** Overlaps that are looked at. */
const MAX_ALIAS_WORK = 200_000;
const MAX_ALIASES = 2000;

type Place = (page: number) => bigint;

/** What a person should know of the address space. */
export function spaceFindings(
  runs: readonly Run[],
  regions: readonly MemoryRegion[],
  place: Place,
  names: SpaceNames,
): PagingFinding[] {
  const direct = directOffsets(runs, regions);
  return [
    ...limit(writableAndExecutable(runs, place)),
    ...limit(userPages(runs, place)),
    ...limit(aliases(runs, regions, direct, place)),
    ...limit(directMaps(runs, regions, direct, place)),
    ...limit(guards(runs, regions, direct, place, names)),
  ];
}

function limit(findings: PagingFinding[]): PagingFinding[] {
  const more = findings.length - MAX_OF_KIND;
  if (more <= 0) return findings;
  const last = findings[MAX_OF_KIND];
  return last === undefined
    ? findings
    : [...findings.slice(0, MAX_OF_KIND), { ...last, text: `… and ${more} more of this kind from here on.` }];
}

function at(run: Run, place: Place): { start: string; bytes: string } {
  return { start: formatAddress(place(run.at)), bytes: formatAddress(BigInt(run.pages) << 12n) };
}

function writableAndExecutable(runs: readonly Run[], place: Place): PagingFinding[] {
  const both = RUN_WRITABLE | RUN_EXECUTABLE;
  return join(runs.filter((run) => (run.flags & both) === both)).map((run) => ({
    kind: 'w-and-x',
    severity: 'warning',
    ...at(run, place),
    text: `${amount(run.pages)} can be written and executed: whatever writes here can run what it wrote.`,
  }));
}

function userPages(runs: readonly Run[], place: Place): PagingFinding[] {
  return join(runs.filter((run) => (run.flags & RUN_USER) !== 0)).map((run) => ({
    kind: 'user',
    severity: 'info',
    ...at(run, place),
    text: `${amount(run.pages)} can be used by user mode${(run.flags & RUN_WRITABLE) === 0 ? '' : ', some of it written'}.`,
  }));
}

/** Neighbours in one piece, whatever they map to. */
function join(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last !== undefined && last.at + last.pages === run.at)
      joined[joined.length - 1] = { ...last, pages: last.pages + run.pages, flags: last.flags | run.flags };
    else joined.push(run);
  }
  return joined;
}

/** RAM that is mapped at more than one address; what one may write and another execute is more than a note. */
function aliases(
  runs: readonly Run[],
  regions: readonly MemoryRegion[],
  direct: ReadonlySet<number>,
  place: Place,
): PagingFinding[] {
  const sorted = runs.filter((run) => !run.repeat && inRam(run, regions)).sort((a, b) => a.frame - b.frame);
  const found: PagingFinding[] = [];
  let active: Run[] = [];
  let work = 0;
  for (const run of sorted) {
    active = active.filter((it) => it.frame + it.pages > run.frame);
    for (const other of active) {
      if (++work > MAX_ALIAS_WORK || found.length >= MAX_ALIASES) return found;
      const pages = Math.min(other.frame + other.pages, run.frame + run.pages) - run.frame;
      const start = place(run.at);
      const elsewhere = place(other.at + run.frame - other.frame);
      const split = writeAndRun(run, other) || writeAndRun(other, run);
      // That RAM is in the direct map too is what a direct map is for.
      if (!split && (direct.has(run.at - run.frame) || direct.has(other.at - other.frame))) continue;
      found.push({
        kind: 'alias',
        severity: split ? 'warning' : 'info',
        start: formatAddress(start),
        bytes: formatAddress(BigInt(pages) << 12n),
        text: `${amount(pages)} at physical ${formatAddress(BigInt(run.frame) << 12n)} are mapped here (${rights(run)}) and at ${formatAddress(elsewhere)} (${rights(other)})${split ? ': written at one place, executed at the other' : ''}.`,
      });
    }
    active.push(run);
  }
  return found.sort((a, b) => Number(b.severity === 'warning') - Number(a.severity === 'warning'));
}

function writeAndRun(a: Run, b: Run): boolean {
  const writes = (a.flags & (RUN_WRITABLE | RUN_EXECUTABLE)) === RUN_WRITABLE;
  return writes && (b.flags & (RUN_WRITABLE | RUN_EXECUTABLE)) === RUN_EXECUTABLE;
}

/** How much of RAM the runs of one offset map, and what they leave out; in pages. */
function coverage(
  group: readonly Run[],
  ram: readonly Interval[],
): { readonly covered: number; readonly holes: Interval[] } {
  const holes: Interval[] = [];
  let covered = 0;
  for (const { from, to } of ram) {
    let next = from;
    for (const run of group) {
      const [start, end] = [Math.max(run.frame, from), Math.min(run.frame + run.pages, to)];
      if (end <= start) continue;
      covered += end - start;
      if (start > next) holes.push({ from: next, to: start });
      next = Math.max(next, end);
    }
    if (next < to) holes.push({ from: next, to });
  }
  return { covered, holes };
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

function ramPages(regions: readonly MemoryRegion[]): Interval[] {
  return regions.map((it) => ({ from: Number(it.start >> 12n), to: Number((it.start + it.bytes) >> 12n) }));
}

function byOffset(runs: readonly Run[]): Map<number, Run[]> {
  const groups = new Map<number, Run[]>();
  for (const run of runs) {
    if (run.repeat) continue;
    const group = groups.get(run.at - run.frame);
    if (group === undefined) groups.set(run.at - run.frame, [run]);
    else group.push(run);
  }
  return groups;
}

/** Offsets between linear and physical at which at least half of RAM is mapped. */
function directOffsets(runs: readonly Run[], regions: readonly MemoryRegion[]): ReadonlySet<number> {
  const ram = ramPages(regions);
  const all = ram.reduce((sum, { from, to }) => sum + to - from, 0);
  const found = new Set<number>();
  for (const [offset, group] of byOffset(runs))
    if (all > 0 && coverage(group, ram).covered >= all / 2) found.add(offset);
  return found;
}

/** The direct maps, and the RAM that they leave out. */
function directMaps(
  runs: readonly Run[],
  regions: readonly MemoryRegion[],
  direct: ReadonlySet<number>,
  place: Place,
): PagingFinding[] {
  const ram = ramPages(regions);
  const all = ram.reduce((sum, { from, to }) => sum + to - from, 0);
  const found: PagingFinding[] = [];
  for (const [offset, group] of byOffset(runs)) {
    if (!direct.has(offset)) continue;
    const { covered, holes } = coverage(group, ram);
    const base = place(offset);
    const which = offset === 0 ? 'The identity map' : `The direct map at ${formatAddress(base)}`;
    const share = covered >= all ? 'all' : `${((100 * covered) / all).toFixed(1)} %`;
    found.push({
      kind: 'direct-map',
      severity: 'info',
      start: formatAddress(base),
      bytes: formatAddress(BigInt(covered) << 12n),
      text: `${which} reaches ${share} of RAM.`,
    });
    for (const { from, to } of holes) {
      found.push({
        kind: 'direct-map-hole',
        severity: 'info',
        start: formatAddress(place(offset + from)),
        bytes: formatAddress(BigInt(to - from) << 12n),
        text: `${which} leaves out ${amount(to - from)} of RAM at physical ${formatAddress(BigInt(from) << 12n)}.`,
      });
    }
  }
  return found;
}

/** Pages that are not mapped, between RAM that can be written: a stack that runs over faults there instead of going on. */
function guards(
  runs: readonly Run[],
  regions: readonly MemoryRegion[],
  direct: ReadonlySet<number>,
  place: Place,
  names: SpaceNames,
): PagingFinding[] {
  const found: PagingFinding[] = [];
  const isData = (run: Run) =>
    (run.flags & (RUN_WRITABLE | RUN_EXECUTABLE)) === RUN_WRITABLE && run.shift === 12 && inRam(run, regions);
  for (let n = 1; n < runs.length; n++) {
    const [below, above] = [runs[n - 1], runs[n]];
    if (below === undefined || above === undefined || direct.has(below.at - below.frame)) continue;
    const from = below.at + below.pages;
    const pages = above.at - from;
    if (pages < 1 || pages > MAX_GUARD_PAGES || !isData(below) || !isData(above)) continue;
    const start = place(from);
    const name = names.symbol(start);
    found.push({
      kind: 'guard',
      severity: 'info',
      start: formatAddress(start),
      bytes: formatAddress(BigInt(pages) << 12n),
      text: `Guard of ${amount(pages)}, not mapped, below ${amount(above.pages)} that can be written${name === undefined ? '' : `; in ${name}`}.`,
    });
  }
  return found;
}

function inRam(run: Run, regions: readonly MemoryRegion[]): boolean {
  const [start, end] = [BigInt(run.frame) << 12n, BigInt(run.frame + run.pages) << 12n];
  return regions.some((it) => start < it.start + it.bytes && end > it.start);
}

function rights({ flags }: Run): string {
  return `r${(flags & RUN_WRITABLE) === 0 ? '-' : 'w'}${(flags & RUN_EXECUTABLE) === 0 ? '-' : 'x'}${(flags & RUN_USER) === 0 ? '' : ' user'}`;
}

function amount(pages: number): string {
  const bytes = BigInt(pages) << 12n;
  for (const unit of [1n << 30n, 1n << 20n]) if (bytes >= unit && bytes % unit === 0n) return pageSize(bytes);
  return bytes >= 1n << 20n ? `${(Number(bytes) / 2 ** 20).toFixed(1)} MiB` : `${bytes >> 10n} KiB`;
}

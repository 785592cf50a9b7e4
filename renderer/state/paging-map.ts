import { formatAddress } from '../../app/base/address.ts';
import type { AddressSpace, MappedRange, PagingFinding } from '../../app/contract/inspect/paging.ts';

/** A stretch of the space, in positions: linear addresses without the copies of their highest bit. */
export interface MapWindow {
  readonly from: bigint;
  readonly to: bigint;
}

export type RangeKind = 'device' | 'wx' | 'code' | 'data' | 'constant';

/** Something to draw: one range, or several that lie too close to be told apart. */
export interface MapCell {
  /** Indexes into the ranges, both included. */
  readonly first: number;
  readonly last: number;
  /** Pixels. */
  readonly x: number;
  readonly width: number;
  readonly kind: RangeKind;
  readonly user: boolean;
}

/** Ranges that lie together, with more room around them than between. */
export interface MapCluster extends MapWindow {
  readonly ranges: readonly MappedRange[];
  readonly mappedBytes: bigint;
}

const PAGE = 4096n;
/** A gap of this size separates clusters. */
const CLUSTER_GAP = 1n << 32n;
const MIN_WIDTH = 2;

export function positionOf(address: string | bigint, addressBits: number): bigint {
  return BigInt.asUintN(addressBits, BigInt(address));
}

export function addressOf(position: bigint, addressBits: number): bigint {
  return addressBits === 32 ? position : BigInt.asUintN(64, BigInt.asIntN(addressBits, position));
}

export function wholeSpace(addressBits: number): MapWindow {
  return { from: 0n, to: 1n << BigInt(addressBits) };
}

export function kindOf(range: MappedRange): RangeKind {
  if (range.writable && range.executable) return 'wx';
  if (!range.ram) return 'device';
  if (range.executable) return 'code';
  return range.writable ? 'data' : 'constant';
}

/** What the window shows on `width` pixels. */
export function mapCells(space: AddressSpace, window: MapWindow, width: number): MapCell[] {
  const cells: MapCell[] = [];
  const span = Number(window.to - window.from);
  const x = (position: bigint) => (Number(position - window.from) / span) * width;
  for (const [index, range] of space.ranges.entries()) {
    const from = positionOf(range.start, space.addressBits);
    const to = from + BigInt(range.bytes);
    if (to <= window.from || from >= window.to) continue;
    const left = Math.max(0, x(from));
    const right = Math.min(width, Math.max(x(to), left + MIN_WIDTH));
    const last = cells.at(-1);
    const kind = kindOf(range);
    const { user } = range;
    // Several in one place are shown as the worst of them.
    if (last !== undefined && left < last.x + last.width && last.width <= MIN_WIDTH) {
      const worse = SEVERITY.indexOf(kind) < SEVERITY.indexOf(last.kind) ? kind : last.kind;
      cells[cells.length - 1] = {
        ...last,
        last: index,
        kind: worse,
        user: last.user || user,
        width: Math.max(last.width, Math.min(MIN_WIDTH, right - last.x)),
      };
    } else cells.push({ first: index, last: index, x: left, width: right - left, kind, user });
  }
  return cells;
}

const SEVERITY: readonly RangeKind[] = ['wx', 'code', 'data', 'device', 'constant'];

export function clustersOf(space: AddressSpace): MapCluster[] {
  const clusters: { from: bigint; to: bigint; ranges: MappedRange[]; mappedBytes: bigint }[] = [];
  for (const range of space.ranges) {
    const from = positionOf(range.start, space.addressBits);
    const to = from + BigInt(range.bytes);
    const last = clusters.at(-1);
    if (last !== undefined && from - last.to < CLUSTER_GAP) {
      last.to = to;
      last.ranges.push(range);
      last.mappedBytes += BigInt(range.bytes);
    } else clusters.push({ from, to, ranges: [range], mappedBytes: BigInt(range.bytes) });
  }
  return clusters;
}

/** Zooms by a factor about a position, within the space and down to sixteen pages. */
export function zoom(window: MapWindow, factor: number, about: bigint, whole: MapWindow): MapWindow {
  const span = Number(window.to - window.from);
  const wanted = BigInt(
    Math.round(Math.min(Number(whole.to - whole.from), Math.max(Number(PAGE) * 16, span * factor))),
  );
  const before = Number(about - window.from) / span;
  const from = about - BigInt(Math.round(Number(wanted) * before));
  return within({ from, to: from + wanted }, whole);
}

export function pan(window: MapWindow, share: number, whole: MapWindow): MapWindow {
  const by = BigInt(Math.round(Number(window.to - window.from) * share));
  return within({ from: window.from + by, to: window.to + by }, whole);
}

/** The window around a range, with a little room. */
export function around({ from, to }: MapWindow, whole: MapWindow): MapWindow {
  const room = (to - from) / 12n + PAGE;
  const least = PAGE * 16n;
  const wide = to - from + 2n * room < least ? (least - (to - from)) / 2n : room;
  return within({ from: from - wide, to: to + wide }, whole);
}

function within({ from, to }: MapWindow, whole: MapWindow): MapWindow {
  const span = to - from >= whole.to - whole.from ? whole.to - whole.from : to - from;
  const start = from < whole.from ? whole.from : from + span > whole.to ? whole.to - span : from;
  return { from: start, to: start + span };
}

/** Round positions for the axis, some 140 pixels apart. */
export function axisTicks(window: MapWindow, width: number): bigint[] {
  const span = window.to - window.from;
  const wanted = BigInt(Math.max(2, Math.floor(width / 150)));
  let step = PAGE;
  while (span / step > wanted) step *= 2n;
  const ticks: bigint[] = [];
  for (let at = ((window.from + step - 1n) / step) * step; at <= window.to && ticks.length < 32; at += step)
    ticks.push(at);
  return ticks;
}

export type RangeFilter = 'all' | 'wx' | 'user' | 'alias' | 'device';

export const RANGE_FILTERS: readonly { readonly id: RangeFilter; readonly label: string }[] = [
  { id: 'all', label: 'All' },
  { id: 'wx', label: 'W+X' },
  { id: 'user', label: 'User' },
  { id: 'alias', label: 'Aliases' },
  { id: 'device', label: 'Not RAM' },
];

/** Whether a range is one that the filter wants; `aliased` are the starts of those that findings name. */
export function passes(range: MappedRange, filter: RangeFilter, aliased: ReadonlySet<string>): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'wx':
      return range.writable && range.executable;
    case 'user':
      return range.user;
    case 'alias':
      return aliased.has(range.start);
    case 'device':
      return !range.ram;
  }
}

export function aliasedStarts(findings: readonly PagingFinding[]): ReadonlySet<string> {
  return new Set(findings.filter(({ kind }) => kind === 'alias').map(({ start }) => start));
}

/** `rwx`, `user`, `global`, `uncached`. */
export function rightsWords(
  range: Pick<MappedRange, 'writable' | 'executable' | 'user' | 'global' | 'uncached'>,
): string {
  const letters = `r${range.writable ? 'w' : '-'}${range.executable ? 'x' : '-'}`;
  const more = [range.user ? 'user' : '', range.global ? 'global' : '', range.uncached ? 'uncached' : ''];
  return [letters, ...more].filter((it) => it !== '').join(' ');
}

export function endOf(range: Pick<MappedRange, 'start' | 'bytes'>): string {
  return formatAddress(BigInt(range.start) + BigInt(range.bytes) - 1n);
}

/** `928 KiB`, `1.5 GiB`. */
export function bytesText(bytes: bigint | number | string): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = Number(BigInt(bytes));
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Hex in groups of four digits, for the eye: `ffff_ffff_8020_0000`. */
export function grouped(address: string | bigint): string {
  const digits = BigInt(address).toString(16).padStart(16, '0');
  return digits.replace(/(.{4})(?=.)/g, '$1_');
}

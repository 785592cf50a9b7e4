import { formatAddress } from '../base/address.ts';
import type { MappedRange, PagingChange } from '../contract/inspect/paging.ts';

/** Stretches that are listed; more than that is another address space. */
const MAX_CHANGES = 4096;

interface Span {
  readonly from: bigint;
  readonly to: bigint;
  readonly range: MappedRange;
}

/** Where two address spaces, or two moments of one, differ. Both in order of their starts, as `addressSpace` gives them. */
export function diffSpaces(before: readonly MappedRange[], after: readonly MappedRange[]): PagingChange[] {
  const [a, b] = [before.map(span), after.map(span)];
  const cuts = [...new Set([...a, ...b].flatMap(({ from, to }) => [from, to]))].sort((x, y) => (x < y ? -1 : 1));
  const changes: { kind: PagingChange['kind']; from: bigint; to: bigint; before: Span | null; after: Span | null }[] =
    [];
  let [i, j] = [0, 0];
  for (let n = 0; n + 1 < cuts.length && changes.length <= MAX_CHANGES; n++) {
    const [from, to] = [cuts[n] ?? 0n, cuts[n + 1] ?? 0n];
    while (i < a.length && (a[i]?.to ?? 0n) <= from) i++;
    while (j < b.length && (b[j]?.to ?? 0n) <= from) j++;
    const old = covers(a[i], from);
    const now = covers(b[j], from);
    const kind = kindOf(old, now, from);
    if (kind === null) continue;
    const last = changes.at(-1);
    if (last !== undefined && last.to === from && last.kind === kind && last.before === old && last.after === now)
      last.to = to;
    else changes.push({ kind, from, to, before: old, after: now });
  }
  return changes.slice(0, MAX_CHANGES).map(({ kind, from, to, before: old, after: now }) => ({
    kind,
    start: formatAddress(from),
    bytes: formatAddress(to - from),
    before: old?.range ?? null,
    after: now?.range ?? null,
  }));
}

function span(range: MappedRange): Span {
  const from = BigInt(range.start);
  return { from, to: from + BigInt(range.bytes), range };
}

function covers(candidate: Span | undefined, at: bigint): Span | null {
  return candidate !== undefined && candidate.from <= at && at < candidate.to ? candidate : null;
}

function kindOf(old: Span | null, now: Span | null, at: bigint): PagingChange['kind'] | null {
  if (old === null) return now === null ? null : 'added';
  if (now === null) return 'removed';
  const [a, b] = [old.range, now.range];
  if (a.writable !== b.writable || a.user !== b.user || a.executable !== b.executable || a.uncached !== b.uncached)
    return 'rights';
  return frameAt(old, at) === frameAt(now, at) ? null : 'moved';
}

function frameAt({ from, range }: Span, at: bigint): bigint {
  return BigInt(range.target) + (range.repeat ? 0n : at - from);
}

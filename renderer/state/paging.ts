import { formatAddress } from '../../app/base/address.ts';
import { ok, type Result } from '../../app/base/result.ts';
import type { AddressSpace, PageWalk } from '../../app/contract/inspect/paging.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import { studio } from '../host/client.ts';

export interface PagingView {
  readonly space: AddressSpace;
  /** Null where no address is asked for. */
  readonly walk: PageWalk | null;
}

/** The map that was read last, and whose it is. */
export interface SpaceMemo {
  current: { readonly key: string; readonly space: AddressSpace; readonly at: number } | null;
}

/** The map is large and changes seldom: it is read at most this often, whatever the pace of the walk. */
const SPACE_MS = 500;

/** Reads the walk of an address and, if the last one is old, the whole map. */
export async function readPaging(
  ref: SourceRef,
  processor: number,
  address: bigint | null,
  last: SpaceMemo,
  signal: AbortSignal,
): Promise<Result<PagingView>> {
  const key = `${JSON.stringify(ref)} ${processor}`;
  const known = last.current;
  const fresh = known !== null && known.key === key && performance.now() - known.at < SPACE_MS;
  const space = fresh ? ok(known.space) : await studio.inspect.addressSpace({ ...ref, processor }, { signal });
  if (!space.ok) return space;
  if (!fresh) last.current = { key, space: space.value, at: performance.now() };
  if (address === null) return ok({ space: space.value, walk: null });
  const walk = await studio.inspect.walk({ ...ref, processor, address: formatAddress(address) }, { signal });
  return walk.ok ? ok({ space: space.value, walk: walk.value }) : walk;
}

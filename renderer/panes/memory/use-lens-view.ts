import { useEffect, useMemo, useRef, useState } from 'react';
import type { AppError } from '../../../app/base/result.ts';
import type { MemorySpace } from '../../../app/contract/inspect/memory.ts';
import type { ArrayWindow, SymbolValue, TypedValue } from '../../../app/contract/inspect/symbol.ts';
import type { Look } from '../../../app/contract/inspect/watch.ts';
import { useLive } from '../../inspect/use-live.ts';
import type { Inspected } from '../../state/inspected.ts';
import { type Lens, useLens } from '../../state/lens.ts';
import type { ByteRange } from '../../state/memory-view.ts';
import {
  changedPaths,
  moveWindow,
  nameAt,
  rowAt,
  type TypedRow,
  typedRows,
  type ValuePath,
} from '../../state/typed-view.ts';

export type LensReading =
  | { readonly kind: 'none' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'failed'; readonly error: AppError }
  | { readonly kind: 'read'; readonly symbol: SymbolValue; readonly stale: AppError | null };

/** What the typed lens shows, and how it hangs together with the bytes. */
export interface LensView {
  readonly reading: LensReading;
  readonly rows: readonly TypedRow[];
  readonly changed: ReadonlySet<ValuePath>;
  /** The row of the cursor, or the one that was chosen at the cursor's address. */
  readonly selected: ValuePath | null;
  /** The whole name of what the cursor is in. */
  readonly name: string;
  readonly extent: ByteRange | null;
  readonly field: ByteRange | null;
  readonly select: (path: ValuePath) => void;
  readonly toggle: (path: ValuePath, open: boolean) => void;
  readonly hover: (path: ValuePath | null) => void;
  /** Shows a long array from an element on. */
  readonly show: (array: TypedValue, path: ValuePath, first: number) => void;
}

const CLOSED: ReadonlySet<ValuePath> = new Set();
const NO_WINDOWS: readonly ArrayWindow[] = [];

/** @param onFound told the address of what is shown anew @param onCursor moves the cursor, without leaving a trail */
export function useLensView({
  inspected,
  isVisible,
  processor,
  space,
  cursor,
  onFound,
  onCursor,
}: {
  readonly inspected: Inspected | null;
  readonly isVisible: boolean;
  readonly processor: number;
  readonly space: MemorySpace;
  readonly cursor: bigint;
  readonly onFound: (address: bigint) => void;
  readonly onCursor: (address: bigint) => void;
}): LensView {
  const lens = useLens(({ open, trail }) => (open ? (trail.at(-1) ?? null) : null));
  const [open, setOpen] = useState<{ readonly lens: Lens | null; readonly paths: ReadonlySet<ValuePath> }>({
    lens: null,
    paths: CLOSED,
  });
  const [moved, setMoved] = useState<{ readonly lens: Lens | null; readonly windows: readonly ArrayWindow[] }>({
    lens: null,
    windows: NO_WINDOWS,
  });
  const [chosen, setChosen] = useState<{ readonly path: ValuePath; readonly at: bigint } | null>(null);
  const [hovered, hover] = useState<ValuePath | null>(null);
  const windows = moved.lens === lens ? moved.windows : NO_WINDOWS;
  const look = lens === null ? null : { of: 'symbol' as const, ...lens, processor, windows: [...windows] };
  const { reading } = useLive(inspected, isVisible, look);
  // What was read through another lens stays until there is an answer, and is none to this one.
  const isOwn = reading.kind === 'read' && lens !== null && isThrough(reading.key, lens, processor);
  const own = isOwn ? reading.value : null;
  const before = isOwn ? reading.before : null;
  const paths = open.lens === lens ? open.paths : CLOSED;
  const rows = useMemo(() => (own === null ? [] : typedRows(own.value, paths)), [own, paths]);
  const changed = useMemo(
    () => (own === null ? CLOSED : changedPaths(own.value, before?.value ?? null)),
    [own, before],
  );
  const found = useRef<Lens | null>(null);
  useEffect(() => {
    if (own === null || lens === null || found.current === lens) return;
    found.current = lens;
    onFound(BigInt(own.address));
  });
  const byCursor = space === 'virtual' ? rowAt(rows, cursor) : null;
  const selected = chosen !== null && chosen.at === cursor ? chosen.path : byCursor;
  const rangeOf = (path: ValuePath | null): ByteRange | null => {
    const row = space === 'virtual' ? rows.find((it) => it.kind === 'value' && it.path === path) : undefined;
    return row?.kind === 'value' ? { start: BigInt(row.value.address), bytes: row.value.bytes } : null;
  };
  return {
    reading:
      lens === null
        ? { kind: 'none' }
        : own !== null
          ? { kind: 'read', symbol: own, stale: reading.kind === 'read' ? reading.error : null }
          : reading.kind === 'failed'
            ? { kind: 'failed', error: reading.error }
            : reading.kind === 'read' && reading.error !== null
              ? { kind: 'failed', error: reading.error }
              : { kind: 'waiting' },
    rows,
    changed,
    selected,
    name: own === null || space !== 'virtual' ? '' : nameAt(own.value, cursor),
    extent: own === null || space !== 'virtual' ? null : { start: BigInt(own.address), bytes: own.bytes },
    field: rangeOf(hovered ?? selected),
    select(path) {
      const row = rows.find((it) => it.path === path);
      if (row?.kind !== 'value') return;
      const at = BigInt(row.value.address);
      setChosen({ path, at });
      onCursor(at);
    },
    toggle(path, isOpen) {
      const next = new Set(paths);
      if (isOpen) next.add(path);
      else next.delete(path);
      setOpen({ lens, paths: next });
    },
    hover,
    show(array, path, first) {
      setMoved({ lens, windows: moveWindow(windows, array, first) });
      // Its first element is chosen, so that rows and bytes show it; what was open in the array is elsewhere now.
      const at = BigInt(array.address) + BigInt(Math.max(0, first) * (array.children[0]?.bytes ?? 0));
      setChosen({ path: path === '' ? '0' : `${path}/0`, at });
      onCursor(at);
      setOpen({ lens, paths: new Set([...paths].filter((it) => path !== '' && !it.startsWith(`${path}/`))) });
    },
  };
}

/** Whether a reading was made through a lens, wherever its arrays begin. */
function isThrough(key: string, lens: Lens, processor: number): boolean {
  const asked = JSON.parse(key) as Look;
  return asked.of === 'symbol' && asked.name === lens.name && asked.type === lens.type && asked.processor === processor;
}

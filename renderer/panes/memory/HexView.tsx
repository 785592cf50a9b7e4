import { type KeyboardEvent, type MouseEvent, useEffect, useRef, useState } from 'react';
import { type ByteRange, type HexBytes, pointerAt, ROW_BYTES, rowText, spanOf } from '../../state/memory-view.ts';
import { HexRow, NO_EDITS } from './HexRow.tsx';

const ROW_HEIGHT = 20;
const MASK = 0xffff_ffff_ffff_ffffn;

/** How many rows fit; told to whoever reads the memory. The element comes and goes with the memory that it shows. */
export function useRowCount(): readonly [ref: (element: HTMLElement | null) => void, rows: number] {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [rows, setRows] = useState(24);
  useEffect(() => {
    if (element === null) return;
    const observer = new ResizeObserver(() => setRows(Math.max(4, Math.floor(element.clientHeight / ROW_HEIGHT))));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [setElement, rows];
}

/**
 * Rows of sixteen bytes. Only those are drawn that can be seen: the space has 2^64 bytes and no scroll bar. The cursor moves with the
 * arrows; Enter follows the pointer under it.
 */
export function HexView({
  memory,
  before,
  start,
  rows,
  cursor,
  edits,
  editable,
  extent,
  field,
  onCursor,
  onStart,
  onFollow,
  onEdit,
}: {
  readonly memory: HexBytes;
  readonly before: HexBytes | null;
  /** Address of the first row. */
  readonly start: bigint;
  readonly rows: number;
  readonly cursor: bigint;
  /** Bytes that were typed and not written yet. */
  readonly edits: ReadonlyMap<bigint, number>;
  readonly editable: boolean;
  /** What the typed lens lies over, and the field of it that is looked at. */
  readonly extent: ByteRange | null;
  readonly field: ByteRange | null;
  readonly onCursor: (address: bigint) => void;
  readonly onStart: (address: bigint) => void;
  readonly onFollow: (address: bigint) => void;
  readonly onEdit: (address: bigint, value: number) => void;
}) {
  const element = useRef<HTMLDivElement>(null);
  /** The first digit of a byte that is being typed. */
  const [digit, setDigit] = useState<string | null>(null);
  const page = BigInt((rows - 1) * ROW_BYTES);
  const scroll = (by: bigint) => {
    const to = start + by;
    onStart(to < 0n ? 0n : to > MASK - 15n ? MASK - 15n : to);
  };
  const move = (by: bigint) => {
    const to = cursor + by;
    if (to < 0n || to > MASK) return;
    setDigit(null);
    onCursor(to);
    if (to < start) onStart(start - ((start - to + 15n) / 16n) * 16n);
    const end = start + BigInt(rows * ROW_BYTES);
    if (to >= end) onStart(start + ((to - end) / 16n + 1n) * 16n);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys: Record<string, () => void> = {
      ArrowLeft: () => move(-1n),
      ArrowRight: () => move(1n),
      ArrowUp: () => move(-16n),
      ArrowDown: () => move(16n),
      PageUp: () => move(-page),
      PageDown: () => move(page),
      Home: () => move(-(cursor & 15n)),
      End: () => move(15n - (cursor & 15n)),
      Enter: () => {
        const target = pointerAt(memory, cursor);
        if (target !== null) onFollow(target);
      },
      Escape: () => setDigit(null),
    };
    const press = keys[event.key];
    if (press !== undefined) {
      event.preventDefault();
      press();
    } else if (editable && /^[0-9a-f]$/i.test(event.key)) {
      event.preventDefault();
      if (digit === null) setDigit(event.key);
      else {
        onEdit(cursor, Number.parseInt(digit + event.key, 16));
        move(1n);
      }
    }
  };
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      scroll(BigInt(Math.sign(event.deltaY) * 3 * ROW_BYTES));
    };
    target.addEventListener('wheel', onWheel, { passive: false });
    return () => target.removeEventListener('wheel', onWheel);
  });
  const act = (event: MouseEvent, what: (address: bigint) => void) => {
    const address = addressOf(event.target);
    if (address !== null) what(address);
  };
  const addresses = Array.from({ length: rows }, (_, row) => start + BigInt(row * ROW_BYTES));
  return (
    <div
      ref={element}
      className="hex"
      role="listbox"
      tabIndex={0}
      data-autofocus
      aria-label="Bytes. Arrows move, Enter follows the pointer"
      aria-activedescendant="hex-cursor"
      onKeyDown={onKeyDown}
      onClick={(event) =>
        act(event, (address) => {
          setDigit(null);
          onCursor(address);
        })
      }
      onDoubleClick={(event) =>
        act(event, (address) => {
          const target = pointerAt(memory, address);
          if (target !== null) onFollow(target);
        })
      }
    >
      {addresses
        .filter((address) => address <= MASK)
        .map((address) => {
          const now = rowText(memory, address);
          const hasCursor = cursor >= address && cursor < address + 16n;
          return (
            <HexRow
              key={address.toString()}
              address={address}
              now={now}
              old={before === null ? now : rowText(before, address)}
              cursor={hasCursor ? Number(cursor - address) : -1}
              digit={hasCursor ? digit : null}
              word={hasCursor && field === null}
              edits={isEdited(edits, address) ? edits : NO_EDITS}
              extent={spanOf(extent, address)}
              field={spanOf(field, address)}
            />
          );
        })}
    </div>
  );
}

function isEdited(edits: ReadonlyMap<bigint, number>, address: bigint): boolean {
  for (const at of edits.keys()) if (at >= address && at < address + 16n) return true;
  return false;
}

/** The byte that was clicked. */
function addressOf(target: EventTarget): bigint | null {
  if (!(target instanceof HTMLElement)) return null;
  const at = target.closest<HTMLElement>('[data-at]')?.dataset.at;
  const row = target.closest<HTMLElement>('[data-row]')?.dataset.row;
  return at === undefined || row === undefined ? null : BigInt(row) + BigInt(at);
}

import { memo } from 'react';
import { asciiOf, hexByte, isInSpan, NO_BYTE, ROW_BYTES, type Span } from '../../state/memory-view.ts';

/** No byte of a row was typed over. */
export const NO_EDITS: ReadonlyMap<bigint, number> = new Map();

/** Sixteen bytes. It is drawn again when one of them, or what is marked among them, is another; its list has the keys and the clicks. */
export const HexRow = memo(function HexRow({
  address,
  now,
  old,
  cursor,
  digit,
  word,
  edits,
  extent,
  field,
}: {
  readonly address: bigint;
  /** As `rowText` has it; `old` is the look before. */
  readonly now: string;
  readonly old: string;
  /** Which byte the cursor is on; -1 if it is elsewhere. */
  readonly cursor: number;
  /** The first digit of the byte at the cursor, while it is being typed. */
  readonly digit: string | null;
  /** Whether the eight bytes around the cursor are marked. */
  readonly word: boolean;
  readonly edits: ReadonlyMap<bigint, number>;
  readonly extent: Span;
  readonly field: Span;
}) {
  const cells = Array.from({ length: ROW_BYTES }, (_, n) => {
    const [code, before] = [now.charCodeAt(n), old.charCodeAt(n)];
    const edit = edits.get(address + BigInt(n));
    return {
      value: code === NO_BYTE ? null : code,
      changed: code !== NO_BYTE && before !== NO_BYTE && before !== code,
      edit,
    };
  });
  return (
    <div className="hex-row" data-row={address.toString()}>
      <span className="hex-address">{address.toString(16).padStart(16, '0')}</span>
      <span className="hex-bytes">
        {cells.map(({ value, changed, edit }, n) => {
          const isCursor = n === cursor;
          return (
            // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: the place in the row is the byte
              key={n}
              id={isCursor ? 'hex-cursor' : undefined}
              role="option"
              aria-selected={isCursor}
              className="hex-byte"
              data-at={n}
              data-changed={flag(changed)}
              data-edited={flag(edit !== undefined)}
              data-zero={flag(value === 0)}
              data-none={flag(value === null)}
              data-cursor={flag(isCursor)}
              data-word={flag(word && cursor >= 0 && !isCursor && n >> 3 === cursor >> 3)}
              data-extent={flag(isInSpan(n, extent))}
              data-field={flag(isInSpan(n, field))}
            >
              {isCursor && digit !== null ? `${digit}_` : hexByte(edit ?? value)}
            </span>
          );
        })}
      </span>
      <span className="hex-text" aria-hidden="true">
        {cells.map(({ value, changed, edit }, n) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: the place in the row is the byte
            key={n}
            data-changed={flag(changed)}
            data-cursor={flag(n === cursor)}
            data-field={flag(isInSpan(n, field))}
          >
            {asciiOf(edit ?? value)}
          </span>
        ))}
      </span>
    </div>
  );
});

const flag = (is: boolean) => (is ? '' : undefined);

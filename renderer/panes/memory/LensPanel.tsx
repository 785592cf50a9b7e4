import { useEffect, useRef, useState } from 'react';
import type { TypedSymbol } from '../../../app/contract/inspect/symbol.ts';
import { studio } from '../../host/client.ts';
import { useOffers } from '../../inspect/use-offers.ts';
import type { Inspected } from '../../state/inspected.ts';
import { closeLens, type Lens, lensBack, lookThrough, useLens } from '../../state/lens.ts';
import { lastOfPath, shownName } from '../../state/symbol-names.ts';
import { SYMBOL_ICONS } from '../../state/symbols.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { Combobox } from '../../widgets/Combobox.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { LensRows } from './LensRows.tsx';
import type { LensView } from './use-lens-view.ts';
import './lens.css';

const OFFERED = 40;

/** A static by its name, or a type laid over the bytes at the cursor, field by field. */
export function LensPanel({
  inspected,
  view,
  cursor,
  onGo,
}: {
  readonly inspected: Inspected | null;
  readonly view: LensView;
  /** Where a type is laid that has no address; null where addresses are not virtual ones. */
  readonly cursor: string | null;
  readonly onGo: (address: bigint) => void;
}) {
  const { trail, wantsKeyboard } = useLens();
  const section = useRef<HTMLElement>(null);
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const offered = useOffers(inspected, text.trim(), (source, query) =>
    studio.inspect.typed({ ...source, query, limit: OFFERED }),
  );
  useEffect(() => {
    if (!wantsKeyboard) return;
    useLens.setState({ wantsKeyboard: false });
    const input = section.current?.querySelector('input');
    input?.focus();
    input?.select();
  }, [wantsKeyboard]);
  const show = ({ name, address }: TypedSymbol) => {
    setText(name);
    if (address !== null) lookThrough({ name, type: null });
    else if (cursor !== null) lookThrough({ name: cursor, type: name });
    else setError('A type is laid over virtual addresses: choose the virtual address space first.');
  };
  const { reading } = view;
  const isStatic = trail.at(-1)?.type === null;
  const title =
    reading.kind !== 'read' ? '' : isStatic ? lastOfPath(reading.symbol.name) : lastOfPath(reading.symbol.type);
  return (
    <section className="lens" aria-label="Typed lens" ref={section}>
      <div className="lens-line">
        <IconButton
          icon="arrow-left"
          label="Back to what was shown before"
          disabled={trail.length < 2}
          onClick={lensBack}
        />
        <Combobox
          label="Static or type"
          placeholder="Static, or a type for the cursor"
          text={text}
          options={offered.map((it) => ({
            key: `${it.name} ${it.address}`,
            ...shownName(it.name, text),
            icon: it.address === null ? SYMBOL_ICONS.struct : SYMBOL_ICONS.static,
            note: `${it.bytes} B`,
            symbol: it,
          }))}
          error={error}
          onText={(typed) => {
            setText(typed);
            setError('');
          }}
          onPick={({ symbol }) => show(symbol)}
          onEnter={() => {
            const name = text.trim();
            const [best] = offered;
            const exact = offered.find((it) => it.name === name || it.name.endsWith(`::${name}`)) ?? best;
            if (exact !== undefined) show(exact);
            // The list may not have come yet; the host then says what it does not know.
            else if (name !== '') lookThrough({ name, type: null });
          }}
        />
        <IconButton icon="close" label="Close the typed lens" onClick={closeLens} />
      </div>
      {reading.kind === 'none' ? (
        <p className="lens-hint">
          A static of the kernel, field by field as its Rust type says; or any of its types laid over the bytes at the
          cursor. Types come from the debug information of the kernel's image.
        </p>
      ) : reading.kind === 'waiting' ? (
        <p className="lens-hint">Reading its type</p>
      ) : reading.kind === 'failed' ? (
        <div className="lens-error">
          <ErrorNote error={reading.error} />
        </div>
      ) : (
        <>
          <div className="lens-head">
            <strong title={reading.symbol.name}>{title}</strong>
            {isStatic ? <span title={reading.symbol.type}>{reading.symbol.type}</span> : null}
            <button type="button" className="inspect-address" onClick={() => onGo(BigInt(reading.symbol.address))}>
              {reading.symbol.address}
            </button>
            <span>{reading.symbol.bytes} bytes</span>
          </div>
          {reading.symbol.torn || reading.stale !== null ? (
            <p className="inspect-note inspect-stale" role="status">
              {reading.stale?.what ?? 'The guest changes it while it is read: fields may be of different moments.'}
            </p>
          ) : null}
          <LensRows
            view={view}
            onFollow={(target, pointee) => {
              if (pointee === null) onGo(BigInt(target));
              else lookThrough({ name: target, type: pointee } satisfies Lens);
            }}
          />
          <p className="lens-foot">{view.name === '' ? 'The cursor is outside of it.' : `${title}${view.name}`}</p>
        </>
      )}
    </section>
  );
}

import { type KeyboardEvent, useEffect, useRef } from 'react';
import type { TypedRow } from '../../state/typed-view.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { indent, Omitted } from './Omitted.tsx';
import type { LensView } from './use-lens-view.ts';

type ValueRow = Extract<TypedRow, { kind: 'value' }>;

/** Fields as a tree. Arrows move and open, Enter follows a pointer; the row of the cursor is the chosen one. */
export function LensRows({
  view,
  onFollow,
}: {
  readonly view: LensView;
  readonly onFollow: (target: string, pointee: string | null) => void;
}) {
  const { rows, selected, select, toggle } = view;
  const list = useRef<HTMLDivElement>(null);
  const values = rows.filter((row): row is ValueRow => row.kind === 'value');
  const at = values.findIndex(({ path }) => path === selected);
  const shownAt = values[at]?.value.address;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another element of an array may stand in the same row
  useEffect(() => {
    if (selected !== null) list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [selected, shownAt]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = values[at];
    const go = (index: number) => {
      const next = values[Math.max(0, Math.min(values.length - 1, index))];
      if (next !== undefined) select(next.path);
    };
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + 16),
      PageUp: () => go(at - 16),
      Home: () => go(0),
      End: () => go(values.length - 1),
      ArrowRight: () => {
        if (row?.open === false) toggle(row.path, true);
        else if (row?.open === true) go(at + 1);
      },
      ArrowLeft: () => {
        if (row?.open === true) toggle(row.path, false);
        else if (row !== undefined && row.depth > 0)
          go(values.slice(0, at).findLastIndex(({ depth }) => depth < row.depth));
      },
      Enter: () => {
        if (row === undefined) return;
        const { target, pointee } = row.value;
        if (target !== null) onFollow(target, pointee);
        else if (row.open !== null) toggle(row.path, !row.open);
      },
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  return (
    <div className="lens-table">
      <div className="lens-row lens-columns" aria-hidden="true">
        <span>Field</span>
        <span>Value</span>
        <span className="lens-type">Type</span>
        <span className="lens-number">Offset</span>
        <span className="lens-number">Bytes</span>
      </div>
      <div
        ref={list}
        className="lens-rows"
        role="tree"
        tabIndex={0}
        aria-label="Fields. Arrows move and open, Enter follows a pointer"
        aria-activedescendant={at < 0 ? undefined : 'lens-selected'}
        onKeyDown={onKeyDown}
        onPointerLeave={() => view.hover(null)}
      >
        {rows.map((row) =>
          row.kind === 'value' ? (
            <Row key={row.path} {...{ row, view, onFollow }} isSelected={row.path === selected} />
          ) : (
            <Omitted key={row.path} row={row} onShow={view.show} />
          ),
        )}
      </div>
    </div>
  );
}

function Row({
  row,
  view,
  isSelected,
  onFollow,
}: {
  readonly row: ValueRow;
  readonly view: LensView;
  readonly isSelected: boolean;
  readonly onFollow: (target: string, pointee: string | null) => void;
}) {
  const { path, depth, open, value } = row;
  const { name, type, text, kind, offset, bytes, address, target, pointee } = value;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus
    <div
      id={isSelected ? 'lens-selected' : undefined}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={isSelected}
      aria-expanded={open ?? undefined}
      className="lens-row"
      data-changed={view.changed.has(path) ? '' : undefined}
      title={`${type} at ${address}`}
      onClick={() => view.select(path)}
      onDoubleClick={() => open !== null && view.toggle(path, !open)}
      onPointerEnter={() => view.hover(path)}
    >
      <span className="lens-field" style={{ paddingLeft: indent(depth) - 20 }}>
        {open === null ? (
          <span className="lens-twistie" />
        ) : (
          // biome-ignore lint/a11y/noStaticElementInteractions: the row says whether it is open, and the tree has the keys
          // biome-ignore lint/a11y/useKeyWithClickEvents: see above
          <span className="lens-twistie" onClick={() => view.toggle(path, !open)}>
            <Icon name={open ? 'chevron-down' : 'chevron-right'} />
          </span>
        )}
        <span className="lens-name">{name === '' ? 'value' : name}</span>
      </span>
      <span className="lens-value" data-kind={kind}>
        {target === null ? (
          text
        ) : (
          <button
            type="button"
            tabIndex={-1}
            className="inspect-address"
            title={pointee === null ? 'Follow this pointer (Enter)' : `Follow this pointer to ${pointee} (Enter)`}
            onClick={(event) => {
              event.stopPropagation();
              onFollow(target, pointee);
            }}
          >
            {text}
          </button>
        )}
      </span>
      <span className="lens-type">{type}</span>
      <span className="lens-number">+0x{offset.toString(16)}</span>
      <span className="lens-number">{bytes}</span>
    </div>
  );
}

import { type KeyboardEvent, useLayoutEffect, useRef, useState } from 'react';
import { useDocuments } from '../../state/documents.ts';
import { type FileSymbols, SYMBOL_ICONS, symbolAt, useSymbols } from '../../state/symbols.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Highlighted } from '../../widgets/Highlighted.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { focusEditor } from '../../workbench/dock.ts';
import { openFile } from '../../workbench/open.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { keyOf, MAX_ROWS, type OutlineRow, outlineRows } from './rows.ts';
import './outline.css';

/** What the file is made of. It follows the cursor; a click, or Enter, goes there. */
export function OutlinePane({ isVisible }: PaneProps) {
  const current = useSymbols((state) => state.current);
  if (current === null)
    return (
      <EmptyState icon="symbol-class" title="No file is open">
        <span>Functions, types, labels and sections of the file that you edit stand here.</span>
      </EmptyState>
    );
  if (current.symbols.length === 0)
    return (
      <EmptyState
        icon="symbol-class"
        title={current.source === 'none' ? 'There is no outline of this kind of file' : 'Nothing is named in this file'}
      />
    );
  return isVisible ? <Outline key={current.path} file={current} /> : null;
}

function Outline({ file }: { readonly file: FileSymbols }) {
  const [filter, setFilter] = useState('');
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  /** What the arrow keys are on, by its place among the symbols; null follows the cursor. */
  const [focused, setFocused] = useState<number | null>(null);
  const cursorLine = useDocuments(({ cursor }) => (cursor?.path === file.path ? cursor.line : 0));
  const list = useRef<HTMLDivElement>(null);
  const { rows, cut } = outlineRows(file.symbols, folded, filter);
  const inner = symbolAt(file.symbols, cursorLine);
  // The innermost of those that are drawn.
  const marked = rows.findLast(({ index, symbol }) => index <= inner && symbol.endLine >= cursorLine)?.index ?? -1;
  const tabStop = rows.some(({ index }) => index === focused)
    ? focused
    : (rows.find(({ index }) => index === marked) ?? rows[0])?.index;

  useLayoutEffect(() => {
    if (marked >= 0) list.current?.querySelector(`[data-index="${marked}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [marked]);

  const fold = (row: OutlineRow, close: boolean) => {
    const next = new Set(folded);
    if (close) next.add(keyOf(row.symbol));
    else next.delete(keyOf(row.symbol));
    setFolded(next);
  };
  const go = ({ symbol }: OutlineRow, focus: boolean) =>
    openFile(file.path, { line: symbol.nameLine, column: symbol.nameColumn, focus });
  const focusRow = (row: OutlineRow | undefined) => {
    if (row === undefined) return;
    setFocused(row.index);
    list.current?.querySelector<HTMLElement>(`[data-index="${row.index}"]`)?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const at = rows.findIndex(({ index }) => index === tabStop);
    const row = rows[at];
    if (row === undefined) return;
    const isFolded = folded.has(keyOf(row.symbol)) && filter === '';
    switch (event.key) {
      case 'ArrowDown':
        focusRow(rows[at + 1]);
        break;
      case 'ArrowUp':
        focusRow(rows[at - 1]);
        break;
      case 'Home':
        focusRow(rows[0]);
        break;
      case 'End':
        focusRow(rows.at(-1));
        break;
      case 'ArrowRight':
        if (row.hasChildren && isFolded) fold(row, false);
        else if (row.hasChildren) focusRow(rows[at + 1]);
        break;
      case 'ArrowLeft':
        if (row.hasChildren && !isFolded) fold(row, true);
        else focusRow(rows.slice(0, at).findLast(({ symbol }) => symbol.depth < row.symbol.depth));
        break;
      case 'Enter':
        go(row, true);
        break;
      case ' ':
        go(row, false);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  return (
    <div className="outline">
      <input
        type="text"
        className="outline-filter"
        aria-label="Filter the outline"
        placeholder="Filter"
        spellCheck={false}
        autoComplete="off"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') focusRow(rows[0]);
          else if (event.key === 'Enter' && rows.length > 0) {
            const best = rows.find(({ at }) => at.length > 0) ?? rows[0];
            if (best !== undefined) go(best, true);
          } else if (event.key === 'Escape') {
            if (filter === '') focusEditor();
            setFilter('');
          } else return;
          event.preventDefault();
        }}
      />
      {rows.length === 0 ? <p className="outline-note">Nothing matches</p> : null}
      <div
        ref={list}
        className="outline-tree"
        role="tree"
        aria-label={`Outline of ${file.path}`}
        tabIndex={-1}
        onKeyDown={onKeyDown}
      >
        {rows.map((row) => (
          <Row
            key={row.index}
            row={row}
            isFolded={folded.has(keyOf(row.symbol)) && filter === ''}
            isMarked={row.index === marked}
            isTabStop={row.index === tabStop}
            onGo={() => {
              setFocused(row.index);
              go(row, false);
            }}
            onFold={(close) => fold(row, close)}
            onFocus={() => setFocused(row.index)}
          />
        ))}
      </div>
      {cut ? <p className="outline-note">Only the first {MAX_ROWS} are shown; filter to see others</p> : null}
    </div>
  );
}

function Row({
  row: { index, symbol, hasChildren, at },
  isFolded,
  isMarked,
  isTabStop,
  onGo,
  onFold,
  onFocus,
}: {
  readonly row: OutlineRow;
  readonly isFolded: boolean;
  readonly isMarked: boolean;
  readonly isTabStop: boolean;
  readonly onGo: () => void;
  readonly onFold: (close: boolean) => void;
  readonly onFocus: () => void;
}) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it has the keys
    <div
      role="treeitem"
      className={`outline-row${isMarked ? ' outline-row-marked' : ''}`}
      data-index={index}
      aria-label={`${symbol.kind} ${symbol.name}`}
      aria-level={symbol.depth + 1}
      aria-selected={isMarked}
      aria-expanded={hasChildren ? !isFolded : undefined}
      tabIndex={isTabStop ? 0 : -1}
      title={`${symbol.name}${symbol.detail === '' ? '' : ` ${symbol.detail}`}, line ${symbol.nameLine}`}
      style={{ paddingLeft: 4 + symbol.depth * 12 }}
      onClick={onGo}
      onFocus={onFocus}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys do the same */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <span
        className="outline-chevron"
        onClick={(event) => {
          if (!hasChildren) return;
          event.stopPropagation();
          onFold(!isFolded);
        }}
      >
        {hasChildren ? <Icon name={isFolded ? 'chevron-right' : 'chevron-down'} /> : null}
      </span>
      <Icon name={SYMBOL_ICONS[symbol.kind]} className={`outline-icon symbol-${symbol.kind}`} />
      <span className="outline-name">
        <Highlighted text={symbol.name} at={at} />
      </span>
      {symbol.detail === '' ? null : <span className="outline-detail">{symbol.detail}</span>}
    </div>
  );
}

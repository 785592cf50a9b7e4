import {
  type DragEvent,
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useMarkers, worstByPath } from '../../state/markers.ts';
import { useWorkspace } from '../../state/workspace.ts';
import { Button } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { openFile } from '../../workbench/open.ts';
import { openEntryMenu } from './menu.ts';
import { NameInput } from './NameInput.tsx';
import { join, nameOf, parentOf, type Row, rowsOf } from './rows.ts';
import {
  collapse,
  cutEntry,
  deleteEntry,
  entryAt,
  expand,
  focusRow,
  move,
  pasteInto,
  selectRow,
  startExplorer,
  startRename,
  useExplorer,
} from './store.ts';
import { TreeRow } from './TreeRow.tsx';
import './explorer.css';

const ROW = 22;
/** Rows drawn above and below what can be seen. */
const SPARE = 12;
const DRAG_TYPE = 'application/x-ring0-path';

const keyOf = (row: Row) => (row.kind === 'entry' ? row.entry.path : 'create');

/** The files of the workspace. */
export function Explorer() {
  const { children, expanded, editing, focused, focusRequest, failure, cut } = useExplorer();
  const marks = useWorkspace((state) => state.marks);
  const markers = useMarkers();
  const worst = useMemo(() => worstByPath(markers), [markers]);
  const rows = useMemo(() => rowsOf({ children, expanded, editing }), [children, expanded, editing]);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [dropFolder, setDropFolder] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const hasFocused = rows.some((row) => row.kind === 'entry' && row.entry.path === focused);

  useEffect(() => void startExplorer(), []);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      const height = element.clientHeight;
      if (height > 0) setView({ top: element.scrollTop, height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // The marked row, and the one whose name is being typed, are brought into view.
  const wanted =
    editing?.kind === 'create'
      ? rows.findIndex((row) => row.kind === 'create')
      : rows.findIndex((row) => keyOf(row) === focused);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || element.clientHeight === 0 || wanted < 0) return;
    const top = wanted * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW - element.clientHeight;
  }, [wanted]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the request is what it waits for
  useEffect(() => {
    if (focusRequest === 0 || focused === null) return;
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(focused)}"]`)?.focus();
    });
  }, [focusRequest]);

  if (failure !== null) {
    return (
      <EmptyState icon="folder" title={failure}>
        <Button onClick={() => void expand('')}>Try Again</Button>
      </EmptyState>
    );
  }

  const first = Math.max(0, Math.floor(view.top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + SPARE);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target instanceof HTMLInputElement) return;
    const at = rows.findIndex((row) => keyOf(row) === focused);
    const row = rows[at];
    if (row?.kind !== 'entry') return;
    const { path, kind } = row.entry;
    const isOpen = expanded.has(path);
    const page = Math.max(1, Math.floor(view.height / ROW) - 1);
    const go = (to: number) => {
      const target = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (target?.kind === 'entry') focusRow(target.entry.path);
    };
    const modifier = event.ctrlKey || event.metaKey;
    const actions: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + page),
      PageUp: () => go(at - page),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => {
        if (kind !== 'directory') return;
        if (isOpen) go(at + 1);
        else void expand(path);
      },
      ArrowLeft: () => {
        if (kind === 'directory' && isOpen) collapse(path);
        else if (parentOf(path) !== '') focusRow(parentOf(path));
      },
      Enter: () => activate(path, kind, modifier, true),
      ' ': () => activate(path, kind, false, false),
      F2: () => startRename(path),
      Delete: () => void deleteEntry(path),
      ContextMenu: () => openMenuAtRow(path),
    };
    let action = event.shiftKey || event.altKey ? undefined : actions[event.key];
    if (modifier)
      action =
        { x: () => cutEntry(path), v: () => void pasteInto(kind === 'directory' ? path : parentOf(path)) }[event.key] ??
        (event.key === 'Enter' ? actions.Enter : undefined);
    if (event.shiftKey && event.key === 'F10') action = actions.ContextMenu;
    if (action === undefined) {
      // A letter goes to the next entry that begins with it.
      if (event.key.length === 1 && !modifier && !event.altKey) {
        const letter = event.key.toLowerCase();
        const after = [...rows.slice(at + 1), ...rows.slice(0, at + 1)];
        const hit = after.find((each) => each.kind === 'entry' && each.entry.name.toLowerCase().startsWith(letter));
        if (hit?.kind === 'entry') focusRow(hit.entry.path);
      }
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    action();
  };

  const openMenuAtRow = (path: string) => {
    const box = scroller.current?.querySelector(`[data-path="${CSS.escape(path)}"]`)?.getBoundingClientRect();
    openEntryMenu(path, (box?.left ?? 0) + 24, box?.bottom ?? 0);
  };

  const onContextMenu = (event: MouseEvent) => {
    event.preventDefault();
    const path = (event.target as Element).closest<HTMLElement>('[data-path]')?.dataset.path ?? '';
    if (path !== '') focusRow(path);
    openEntryMenu(path, event.clientX, event.clientY);
  };

  const folderUnder = (event: DragEvent) => {
    const path = (event.target as Element).closest<HTMLElement>('[data-path]')?.dataset.path;
    if (path === undefined) return '';
    return entryAt(path)?.kind === 'directory' ? path : parentOf(path);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the tree in it has the keys; this is the room below it
    <div
      ref={scroller}
      className="explorer"
      onScroll={(event) => {
        const { scrollTop: top, clientHeight: height } = event.currentTarget;
        if (height > 0) setView({ top, height });
      }}
      onContextMenu={onContextMenu}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAG_TYPE)) return;
        event.preventDefault();
        setDropFolder(folderUnder(event));
      }}
      onDragLeave={() => setDropFolder(null)}
      onDrop={(event) => {
        const from = event.dataTransfer.getData(DRAG_TYPE);
        setDropFolder(null);
        if (from === '') return;
        event.preventDefault();
        void move(from, join(folderUnder(event), nameOf(from)));
      }}
    >
      <div
        role="tree"
        aria-label="Files"
        className={dropFolder === '' ? 'explorer-tree explorer-drop' : 'explorer-tree'}
        style={{ height: rows.length * ROW }}
        onKeyDown={onKeyDown}
      >
        {rows.slice(first, last).map((row, index) => (
          <div key={keyOf(row)} className="explorer-slot" style={{ top: (first + index) * ROW }}>
            {row.kind === 'create' || (editing?.kind === 'rename' && editing.path === row.entry.path) ? (
              <NameInput row={row} />
            ) : (
              <TreeRow
                row={row}
                isOpen={expanded.has(row.entry.path)}
                isMarked={row.entry.path === focused}
                isTabStop={row.entry.path === focused || (!hasFocused && first + index === 0)}
                isCut={row.entry.path === cut}
                isDropTarget={dropFolder !== null && dropFolder !== '' && row.entry.path === dropFolder}
                mark={marks.get(row.entry.path)}
                problem={worst.get(row.entry.path)}
                dragType={DRAG_TYPE}
                onActivate={(beside, focus) => activate(row.entry.path, row.entry.kind, beside, focus)}
                onFocus={() => selectRow(row.entry.path)}
              />
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

function activate(path: string, kind: 'file' | 'directory' | 'other', beside: boolean, focus: boolean): void {
  if (kind === 'directory') {
    if (useExplorer.getState().expanded.has(path)) collapse(path);
    else void expand(path);
  } else if (kind === 'file') openFile(path, { beside, focus });
}

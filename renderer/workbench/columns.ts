import type { DockviewApi, DockviewGroupPanel, IDockviewPanel } from 'dockview-react';
import { openPaneAt, sideOf } from './dock.ts';

/** Panels among the editors: columns from left to right, in each the groups from the top down, in each its tabs. */
export type Columns = readonly (readonly (readonly string[])[])[];

/** An arrangement for windows that are at least so large. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  readonly columns: Columns;
}

/** The arrangement for a window: the first that fits, so the largest stands first. */
export function gridFor(grids: readonly Grid[], width: number, height: number): Columns {
  return grids.find((it) => width >= it.width && height >= it.height)?.columns ?? grids.at(-1)?.columns ?? [];
}

export function isSame(a: Columns, b: Columns): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether panels stand as one of the arrangements has them, which nobody has changed then. */
export function isOneOf(columns: Columns, grids: readonly Grid[]): boolean {
  return grids.some((it) => isSame(it.columns, columns));
}

/** How these panels stand now. */
export function observeColumns(api: DockviewApi, ids: readonly string[]): Columns {
  const groups = api.groups
    .filter((group) => sideOf(group) === null)
    .map((group) => ({
      box: group.element.getBoundingClientRect(),
      panels: group.panels.map(({ id }) => id).filter((id) => ids.includes(id)),
    }))
    .filter(({ panels }) => panels.length > 0)
    .sort((a, b) => a.box.left - b.box.left || a.box.top - b.box.top);
  const columns: { left: number; groups: string[][] }[] = [];
  for (const { box, panels } of groups) {
    const last = columns.at(-1);
    if (last !== undefined && Math.abs(last.left - box.left) < 4) last.groups.push(panels);
    else columns.push({ left: box.left, groups: [panels] });
  }
  return columns.map((column) => column.groups);
}

/** Opens those that are not there, as tabs of the group that was last worked in; gives their ids. */
export function openMissing(api: DockviewApi, columns: Columns): string[] {
  const opened: string[] = [];
  for (const id of columns.flat(2)) if (api.getPanel(id) === undefined && openPaneAt(id, opened[0])) opened.push(id);
  return opened;
}

/** Puts panels where an arrangement has them; all others stay. Each group shows what it showed, else its first. */
export function spread(api: DockviewApi, columns: Columns, ids: readonly string[]): void {
  const wanted = columns
    .map((groups) =>
      groups.map((tabs) => tabs.flatMap((id) => panelOf(api, ids, id))).filter(({ length }) => length > 0),
    )
    .filter(({ length }) => length > 0);
  const [first] = wanted[0]?.[0] ?? [];
  if (first === undefined) return;
  const fronts = new Set(api.groups.map((group) => group.activePanel?.id));
  // All in one place, and from there each to its own: whatever the arrangement was before.
  for (const panel of wanted.flat(2))
    if (panel !== first) panel.api.moveTo({ group: first.group, skipSetActive: true });
  const heads: IDockviewPanel[] = [first];
  for (const groups of wanted.slice(1)) {
    const [head] = groups[0] ?? [];
    if (head === undefined) continue;
    move(head, heads.at(-1), 'right');
    heads.push(head);
  }
  for (const groups of wanted) {
    let above: IDockviewPanel | undefined;
    for (const tabs of groups) {
      const [head, ...rest] = tabs;
      if (head === undefined) continue;
      if (above !== undefined) move(head, above, 'bottom');
      for (const panel of rest) panel.api.moveTo({ group: head.group, skipSetActive: true });
      above = head;
    }
  }
  for (const tabs of wanted.flat()) (tabs.find(({ id }) => fronts.has(id)) ?? tabs[0])?.api.setActive();
  share(wanted.map((groups) => groups.flatMap(([head]) => (head === undefined ? [] : [head.group]))));
}

function panelOf(api: DockviewApi, ids: readonly string[], id: string): IDockviewPanel[] {
  const panel = ids.includes(id) ? api.getPanel(id) : undefined;
  return panel === undefined ? [] : [panel];
}

function move(panel: IDockviewPanel, beside: IDockviewPanel | undefined, position: 'right' | 'bottom'): void {
  if (beside !== undefined) panel.api.moveTo({ group: beside.group, position, skipSetActive: true });
}

/** Columns of one width, and in each groups of one height. */
function share(columns: readonly (readonly DockviewGroupPanel[])[]): void {
  const heads = columns.flatMap(([head]) => (head === undefined ? [] : [head]));
  const width = heads.reduce((sum, group) => sum + group.api.width, 0) / heads.length;
  for (const group of heads) group.api.setSize({ width });
  for (const groups of columns) {
    const height = groups.reduce((sum, group) => sum + group.api.height, 0) / groups.length;
    for (const group of groups) group.api.setSize({ height });
  }
}

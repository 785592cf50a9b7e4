import type { DockviewApi, DockviewGroupPanel, IDockviewPanel, SerializedDockview } from 'dockview-react';
import { create } from 'zustand';
import { firstFocusable } from '../widgets/focusable.ts';
import { getPane, type Pane, panesAt } from './panes.ts';

/** The sides of the window; the editors lie between them. */
export type Side = 'left' | 'right' | 'bottom';
export const SIDES: readonly Side[] = ['left', 'right', 'bottom'];

const SIZE: Readonly<Record<Side, { initialSize: number; minimumSize: number }>> = {
  left: { initialSize: 248, minimumSize: 170 },
  right: { initialSize: 340, minimumSize: 220 },
  bottom: { initialSize: 220, minimumSize: 90 },
};

/** Dockview's component names. */
export const PANE_VIEW = 'pane';
export const FILE_VIEW = 'file';
export const DIFF_VIEW = 'diff';

interface DockState {
  /** Null until the dock has been laid out. */
  readonly api: DockviewApi | null;
  /** Panels that can be seen now, by panel id; the activity bar and the buttons of the sides follow it. */
  readonly visible: ReadonlySet<string>;
  readonly sides: Readonly<Record<Side, boolean>>;
  /** Panel id of the editor that a person last worked in. */
  readonly activeEditor: string | null;
}

export const useDock = create<DockState>(() => ({
  api: null,
  visible: new Set(),
  sides: { left: false, right: false, bottom: false },
  activeEditor: null,
}));

const dockApi = () => useDock.getState().api;

/** Brings the store up to what dockview shows; called after each change of the layout. */
export function syncDock(): void {
  const api = dockApi();
  if (api === null) return;
  const sides = Object.fromEntries(SIDES.map((side) => [side, isSideShown(api, side)])) as Record<Side, boolean>;
  const visible = new Set<string>();
  for (const group of api.groups) {
    const panel = group.activePanel;
    const side = sideOf(group);
    if (panel !== undefined && (side === null || sides[side])) visible.add(panel.id);
  }
  const active = api.activePanel;
  const last = useDock.getState().activeEditor;
  const activeEditor =
    active !== undefined && isEditorPanel(active)
      ? active.id
      : last !== null && api.getPanel(last) !== undefined
        ? last
        : (api.groups.find((group) => sideOf(group) === null)?.activePanel?.id ?? null);
  useDock.setState({ sides, visible, activeEditor });
}

function isSideShown(api: DockviewApi, side: Side): boolean {
  const group = api.getEdgeGroup(side);
  return group !== undefined && api.isEdgeGroupVisible(side) && !group.isCollapsed();
}

/** The side that a group lies at; null for groups among the editors and floating ones. */
export function sideOf(group: { readonly api: DockviewGroupPanel['api'] }): Side | null {
  const location = group.api.location;
  return location.type === 'edge' && location.position !== 'top' ? location.position : null;
}

/** Whether a panel stands among the editors rather than at a side. */
export function isEditorPanel(panel: IDockviewPanel): boolean {
  return sideOf(panel.group) === null;
}

/** Makes the sides and puts every registered pane in its place. */
export function buildDefaultLayout(api: DockviewApi): void {
  for (const side of SIDES) {
    if (panesAt(side).length === 0) continue;
    ensureSide(api, side);
    panesAt(side).forEach((pane, index) => {
      addPane(api, pane, index !== 0);
    });
  }
  if (api.getEdgeGroup('right') !== undefined) api.setEdgeGroupVisible('right', false);
}

function ensureSide(api: DockviewApi, side: Side): void {
  if (api.getEdgeGroup(side) !== undefined) return;
  const group = api.addEdgeGroup(side, { id: `side-${side}`, ...SIZE[side] });
  group.setHeaderPosition('top');
}

function addPane(api: DockviewApi, pane: Pane, inactive: boolean): IDockviewPanel {
  const common = {
    id: `pane:${pane.id}`,
    component: PANE_VIEW,
    title: pane.title,
    params: { pane: pane.id },
    inactive,
  };
  if (pane.defaultLocation === 'editor') return api.addPanel({ ...common, ...editorPlace(api) });
  ensureSide(api, pane.defaultLocation);
  return api.addPanel({ ...common, position: { referenceGroup: `side-${pane.defaultLocation}` } });
}

/** Restores a saved layout; false, with the dock empty, if it does not fit this version of the studio. */
export function restoreLayout(api: DockviewApi, saved: unknown): boolean {
  try {
    const layout = saved as SerializedDockview;
    for (const panel of Object.values(layout.panels)) {
      const pane: unknown = panel.contentComponent === PANE_VIEW ? panel.params?.pane : undefined;
      if (typeof pane === 'string' && getPane(pane) === undefined) return false;
    }
    api.fromJSON(layout);
  } catch {
    api.clear();
    return false;
  }
  for (const side of SIDES) {
    api.getEdgeGroup(side)?.setHeaderPosition('top');
    // A pane that is newer than the saved layout.
    for (const pane of panesAt(side)) if (api.getPanel(`pane:${pane.id}`) === undefined) addPane(api, pane, true);
  }
  return true;
}

/** Where a new editor goes: into the group that was last worked in, else between the sides. */
function editorPlace(api: DockviewApi): { position: { referenceGroup: string } | { direction: 'right' } } {
  const last = useDock.getState().activeEditor;
  const remembered = last === null ? undefined : api.getPanel(last)?.group;
  const group =
    remembered !== undefined && sideOf(remembered) === null
      ? remembered
      : api.groups.find((each) => each.api.location.type === 'grid');
  return { position: group === undefined ? { direction: 'right' } : { referenceGroup: group.id } };
}

/** Opens a pane among the editors, as a tab behind the others: into the group of another panel, where one is given. */
export function openPaneAt(panelId: string, neighbour: string | undefined): boolean {
  const api = dockApi();
  const pane = getPane(panelId.replace(/^pane:/, ''));
  if (api === null || pane === undefined) return false;
  const place = neighbour === undefined ? editorPlace(api) : { position: { referencePanel: neighbour } };
  api.addPanel({
    id: panelId,
    component: PANE_VIEW,
    title: pane.title,
    params: { pane: pane.id },
    inactive: true,
    ...place,
  });
  return true;
}

/** Shows a pane and its side, opening it where it is closed. With `focus`, the keyboard follows. */
export function showPane(id: string, focus = true): void {
  const api = dockApi();
  const pane = getPane(id);
  if (api === null || pane === undefined) return;
  const panel = api.getPanel(`pane:${id}`) ?? addPane(api, pane, true);
  const side = sideOf(panel.group);
  if (side !== null) showSide(side, true);
  panel.api.setActive();
  syncDock();
  if (focus) focusPanel(panel);
}

/** The button of the activity bar: shows the pane, or hides its side if the pane is what the side shows. */
export function togglePane(id: string): void {
  const api = dockApi();
  const panel = api?.getPanel(`pane:${id}`);
  const side = panel === undefined ? null : sideOf(panel.group);
  if (panel !== undefined && side !== null && useDock.getState().visible.has(panel.id)) showSide(side, false);
  else showPane(id);
}

export function showSide(side: Side, shown: boolean): void {
  const api = dockApi();
  const group = api?.getEdgeGroup(side);
  if (api === null || group === undefined) return;
  api.setEdgeGroupVisible(side, shown);
  if (shown && group.isCollapsed()) group.expand();
  syncDock();
  if (!shown && document.activeElement === document.body) focusEditor();
}

export function toggleSide(side: Side): void {
  showSide(side, !useDock.getState().sides[side]);
}

/** How the panels that know better than the page where their keyboard goes take it, by panel id. */
const focusHandlers = new Map<string, () => void>();
/** The panel that is to have the keyboard once it is there. */
let awaited: string | null = null;

/**
 * For editors and terminals, which are there later than their panels. Returns the end of it, which is told whether the editor has the keyboard: a
 * panel that is moved or drawn anew is taken down and put up again, and the next editor of the panel takes the keyboard back.
 */
export function handleFocus(panelId: string, focus: () => void): (hadFocus: boolean) => void {
  focusHandlers.set(panelId, focus);
  if (awaited === panelId) {
    awaited = null;
    focus();
  }
  return (hadFocus) => {
    focusHandlers.delete(panelId);
    if (hadFocus) awaited = panelId;
  };
}

/** Puts the keyboard into a panel: on what it marks with `data-autofocus`, else on the first thing that takes it. */
export function focusPanel(panel: IDockviewPanel): void {
  awaited = null;
  const isEditor = panel.api.component !== PANE_VIEW;
  // After React has drawn what has just been shown.
  requestAnimationFrame(() => {
    const handler = focusHandlers.get(panel.id);
    if (handler !== undefined) {
      handler();
      return;
    }
    const root = document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(panel.id)}"]`);
    const target = isEditor || root === null ? null : firstFocusable(root);
    if (target === null) awaited = panel.id;
    (target ?? root)?.focus();
  });
}

export function focusEditor(): void {
  const { api, activeEditor } = useDock.getState();
  const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
  if (panel !== undefined) focusPanel(panel);
}

/** Opens an editor, or shows it if it is open. `beside` splits the group. */
export function openPanel(
  id: string,
  view: { readonly component: string; readonly title: string; readonly params: Record<string, string> },
  options: { readonly beside?: boolean | undefined; readonly focus?: boolean | undefined } = {},
): void {
  const api = dockApi();
  if (api === null) return;
  const there = options.beside === true ? undefined : api.getPanel(id);
  let panel = there;
  if (panel === undefined) {
    const last = useDock.getState().activeEditor;
    const place =
      options.beside === true && last !== null && api.getPanel(last) !== undefined
        ? { position: { referencePanel: last, direction: 'right' as const } }
        : editorPlace(api);
    // The second view of one file needs a name of its own.
    const name = api.getPanel(id) === undefined ? id : `${id}#${Date.now().toString(36)}`;
    panel = api.addPanel({ id: name, ...view, ...place });
  } else panel.api.setActive();
  syncDock();
  if (options.focus !== false) focusPanel(panel);
}

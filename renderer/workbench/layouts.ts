import { create } from 'zustand';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { PersistedValue } from '../state/persisted.ts';
import { type Columns, type Grid, gridFor, isOneOf, isSame, observeColumns, openMissing, spread } from './columns.ts';
import { SIDES, type Side, showSide, syncDock, useDock } from './dock.ts';
import { getPane } from './panes.ts';

/** How the sides stand: what the four layouts differ in. Files stay as they are. */
interface SideState {
  readonly shown: boolean;
  /** Pixels, across the side. */
  readonly size?: number | undefined;
  /** Panel ids; the first that is there is brought to the front. */
  readonly front?: readonly string[] | undefined;
}
type Arrangement = Readonly<Record<Side, SideState>> & {
  /** Where a person has put the panes among the editors; left out where they stand as they come. */
  readonly columns?: Columns | undefined;
  /** Of these, the one that was worked in. */
  readonly active?: string | undefined;
};

/** Each of the panes needs some 800 by 600 pixels. */
const INSPECT_GRIDS: readonly Grid[] = [
  {
    ...{ width: 2400, height: 1260 },
    columns: [
      [['pane:cpu'], ['pane:irq']],
      [['pane:tables'], ['pane:paging']],
      [['pane:virtio'], ['pane:memory']],
    ],
  },
  {
    ...{ width: 1600, height: 0 },
    columns: [[['pane:cpu', 'pane:tables', 'pane:irq']], [['pane:virtio', 'pane:paging', 'pane:memory']]],
  },
  {
    ...{ width: 0, height: 0 },
    columns: [[['pane:cpu', 'pane:tables', 'pane:irq', 'pane:virtio', 'pane:paging', 'pane:memory']]],
  },
];

export type LayoutName = 'edit' | 'debug' | 'inspect' | 'chat';

/** Each layout as it comes, and the pane without which it makes no sense. */
export const LAYOUTS: Readonly<
  Record<
    LayoutName,
    {
      readonly title: string;
      /** What one does in it, in a line. */
      readonly purpose: string;
      readonly needs: string;
      readonly preset: Arrangement;
      /** Panes among the editors, by the window's size. */
      readonly grids?: readonly Grid[];
    }
  >
> = {
  edit: {
    title: 'Edit',
    purpose: 'Files at the left, problems below: write code and build it.',
    needs: 'explorer',
    preset: {
      left: { shown: true, size: 248, front: ['pane:explorer'] },
      right: { shown: false },
      bottom: { shown: true, size: 200, front: ['pane:problems'] },
    },
  },
  debug: {
    title: 'Debug',
    purpose: 'The console below, the machine at the right: run it and watch it.',
    needs: 'machine',
    preset: {
      left: { shown: false },
      right: { shown: true, size: 340, front: ['pane:machine'] },
      bottom: { shown: true, size: 260, front: ['pane:serial'] },
    },
  },
  inspect: {
    title: 'Inspect',
    purpose: 'Processors, tables, queues and memory of the machine, as they are now: take it apart.',
    needs: 'cpu',
    preset: {
      left: { shown: false },
      right: { shown: false },
      bottom: { shown: false },
    },
    grids: INSPECT_GRIDS,
  },
  chat: {
    title: 'Chat',
    purpose: 'A wide conversation, the console below: talk to the model.',
    needs: 'chat',
    preset: {
      left: { shown: false },
      right: { shown: true, size: 560, front: ['pane:chat'] },
      bottom: { shown: true, size: 180, front: ['pane:serial'] },
    },
  },
};

/** A window that is being dragged larger is let alone until it stands. */
const FIT_MS = 150;

const NAMES = Object.keys(LAYOUTS) as LayoutName[];
const kept = new PersistedValue('layout.arrangements');

interface LayoutState {
  readonly current: LayoutName;
  /** As a person left each of them. */
  readonly changed: Readonly<Partial<Record<LayoutName, Arrangement>>>;
  /** Panels among the editors that the present layout has opened: it takes them with it. */
  readonly opened: readonly string[];
}

export const useLayouts = create<LayoutState>(() => ({ current: 'edit', changed: {}, opened: [] }));

/** A layout that was chosen before there was a dock. */
let wished: LayoutName | null = null;

/** Takes over what was kept; anything that is not what this version writes is passed over. */
export async function loadLayouts(): Promise<void> {
  const saved = await kept.read();
  if (typeof saved !== 'object' || saved === null || !('current' in saved) || !('changed' in saved)) return;
  const { current, changed, opened } = saved as Partial<LayoutState>;
  if (current !== undefined && NAMES.includes(current) && typeof changed === 'object' && changed !== null)
    useLayouts.setState({ current, changed, opened: Array.isArray(opened) ? opened : [] });
}

export function availableLayouts(): LayoutName[] {
  return NAMES.filter((name) => getPane(LAYOUTS[name].needs) !== undefined);
}

/** Remembers how the present layout stands and goes to another. Asked before there is a dock, it goes there once there is. */
export function switchLayout(name: LayoutName): void {
  if (useDock.getState().api === null) {
    if (wished === null) {
      const stop = useDock.subscribe(({ api }) => {
        if (api === null) return;
        stop();
        // What was kept is put up first.
        setTimeout(() => {
          const wish = wished;
          wished = null;
          if (wish !== null) switchLayout(wish);
        });
      });
    }
    wished = name;
    return;
  }
  const { current, changed } = useLayouts.getState();
  const remembered = { ...changed, [current]: observe() };
  if (name !== current) closeOpened();
  useLayouts.setState({ current: name, changed: remembered });
  arrange(remembered[name] ?? LAYOUTS[name].preset);
  keep();
}

/** Takes the present layout back to how it comes. */
export function resetLayout(): void {
  const { current, changed } = useLayouts.getState();
  const { [current]: _, ...rest } = changed;
  closeOpened();
  useLayouts.setState({ changed: rest });
  arrange(LAYOUTS[current].preset);
  keep();
}

function keep(): void {
  kept.write(useLayouts.getState());
}

function closeOpened(): void {
  const { api } = useDock.getState();
  for (const id of useLayouts.getState().opened) api?.getPanel(id)?.api.close();
  useLayouts.setState({ opened: [] });
}

function observe(): Arrangement {
  const { api, sides } = useDock.getState();
  const side = (name: Side): SideState => {
    const group = api?.getEdgeGroup(name);
    const active = api?.groups.find((each) => each.api === group)?.activePanel?.id;
    const size = name === 'bottom' ? group?.height : group?.width;
    return {
      shown: sides[name],
      size: sides[name] ? size : undefined,
      front: active === undefined ? undefined : [active],
    };
  };
  const { opened, current } = useLayouts.getState();
  const columns = api === null ? [] : observeColumns(api, opened);
  const active = useDock.getState().activeEditor ?? undefined;
  const asItComes = isOneOf(columns, LAYOUTS[current].grids ?? []);
  return {
    left: side('left'),
    right: side('right'),
    bottom: side('bottom'),
    ...(opened.length === 0 ? {} : { active, ...(asItComes ? {} : { columns }) }),
  };
}

function arrange(arrangement: Arrangement): void {
  const { api } = useDock.getState();
  if (api === null) return;
  const before = document.activeElement;
  for (const side of SIDES) {
    const { shown, size, front } = arrangement[side];
    const group = api.getEdgeGroup(side);
    if (group === undefined) continue;
    showSide(side, shown);
    if (shown && size !== undefined) group.setSize(side === 'bottom' ? { height: size } : { width: size });
    const panel = (front ?? []).map((id) => api.getPanel(id)).find((each) => each !== undefined);
    if (shown) panel?.api.setActive();
  }
  openColumns(arrangement);
  syncDock();
  if (before instanceof HTMLElement && before.isConnected) before.focus();
}

/** Opens what the layout has among the editors. What a person has open already stays where it is. */
function openColumns({ columns, active }: Arrangement): void {
  const { api } = useDock.getState();
  const { grids = [] } = LAYOUTS[useLayouts.getState().current];
  const wanted = columns ?? gridFor(grids, window.innerWidth, window.innerHeight);
  if (api === null || wanted.length === 0) return;
  // Going to the layout that one is in leaves what it has opened its own.
  const opened = [
    ...useLayouts.getState().opened.filter((id) => api.getPanel(id) !== undefined),
    ...openMissing(api, wanted),
  ];
  spread(api, wanted, opened);
  useLayouts.setState({ opened });
  const shown = active ?? wanted[0]?.[0]?.[0];
  if (shown !== undefined) api.getPanel(shown)?.api.setActive();
}

/** After the window has another size: panes that stand as they come are arranged for it. */
function fit(): void {
  const { api } = useDock.getState();
  const { current, opened } = useLayouts.getState();
  const { grids } = LAYOUTS[current];
  if (api === null || grids === undefined) return;
  const columns = observeColumns(api, opened);
  const wanted = gridFor(grids, window.innerWidth, window.innerHeight);
  if (isSame(columns, wanted) || !isOneOf(columns, grids)) return;
  const before = document.activeElement;
  const active = api.activePanel;
  spread(api, wanted, opened);
  active?.api.setActive();
  syncDock();
  if (before instanceof HTMLElement && before.isConnected) before.focus();
}

/** Follows the window's size from now on, and looks at it once when the dock is there. */
export function followWindow(): Disposable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(fit, FIT_MS);
  };
  window.addEventListener('resize', soon);
  const unsubscribe = useDock.subscribe(({ api }, { api: before }) => {
    if (api !== before) soon();
  });
  return toDisposable(() => {
    clearTimeout(timer);
    window.removeEventListener('resize', soon);
    unsubscribe();
  });
}

import { create } from 'zustand';
import { PersistedValue } from '../state/persisted.ts';
import { SIDES, type Side, showSide, syncDock, useDock } from './dock.ts';
import { getPane } from './panes.ts';

/** How the sides stand: what the four layouts differ in. The editors stay as they are. */
interface SideState {
  readonly shown: boolean;
  /** Pixels, across the side. */
  readonly size?: number | undefined;
  /** Panel ids; the first that is there is brought to the front. */
  readonly front?: readonly string[] | undefined;
}
type Arrangement = Readonly<Record<Side, SideState>>;

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
    purpose: 'Boot times and what the kernel tells of itself: take it apart.',
    needs: 'boot-timeline',
    preset: {
      left: { shown: false },
      right: { shown: true, size: 340, front: ['pane:machine'] },
      bottom: { shown: true, size: 380, front: ['pane:boot-timeline'] },
    },
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

const NAMES = Object.keys(LAYOUTS) as LayoutName[];
const kept = new PersistedValue('layout.arrangements');

interface LayoutState {
  readonly current: LayoutName;
  /** As a person left each of them. */
  readonly changed: Readonly<Partial<Record<LayoutName, Arrangement>>>;
}

export const useLayouts = create<LayoutState>(() => ({ current: 'edit', changed: {} }));

/** Takes over what was kept; anything that is not what this version writes is passed over. */
export async function loadLayouts(): Promise<void> {
  const saved = await kept.read();
  if (typeof saved !== 'object' || saved === null || !('current' in saved) || !('changed' in saved)) return;
  const { current, changed } = saved as LayoutState;
  if (NAMES.includes(current) && typeof changed === 'object' && changed !== null)
    useLayouts.setState({ current, changed });
}

export function availableLayouts(): LayoutName[] {
  return NAMES.filter((name) => getPane(LAYOUTS[name].needs) !== undefined);
}

/** Remembers how the present layout stands and goes to another. */
export function switchLayout(name: LayoutName): void {
  const { current, changed } = useLayouts.getState();
  const remembered = { ...changed, [current]: observe() };
  useLayouts.setState({ current: name, changed: remembered });
  kept.write({ current: name, changed: remembered });
  arrange(remembered[name] ?? LAYOUTS[name].preset);
}

/** Takes the present layout back to how it comes. */
export function resetLayout(): void {
  const { current, changed } = useLayouts.getState();
  const { [current]: _, ...rest } = changed;
  useLayouts.setState({ changed: rest });
  kept.write({ current, changed: rest });
  arrange(LAYOUTS[current].preset);
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
  return { left: side('left'), right: side('right'), bottom: side('bottom') };
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
  syncDock();
  if (before instanceof HTMLElement && before.isConnected) before.focus();
}

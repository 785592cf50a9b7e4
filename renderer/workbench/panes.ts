import type { ComponentType } from 'react';
import { type Disposable, DisposableStore } from '../../app/base/disposable.ts';
import { type Command, registerCommand } from './commands.ts';
import { createRegistry } from './registry.ts';

/** Where a pane first appears. `editor` panes open on demand, as a tab among the files. */
export type PaneLocation = 'left' | 'right' | 'bottom' | 'editor';

export interface PaneProps {
  /** Whether the pane can be seen now: a hidden pane may stop drawing. */
  readonly isVisible: boolean;
}

/** A pane: one folder under renderer/panes, whose index.tsx makes this one registration. */
export interface Pane {
  /** Stable: saved layouts name it. */
  readonly id: string;
  readonly title: string;
  /** A codicon, without its prefix: `files`. */
  readonly icon: string;
  readonly component: ComponentType<PaneProps>;
  readonly defaultLocation: PaneLocation;
  /** Position among the panes of one place; low comes first. */
  readonly order?: number | undefined;
  /** Buttons at the right of the tab strip while the pane is the visible one. */
  readonly actions?: ComponentType | undefined;
  /** A number on the tab and the activity bar, such as the count of problems; a React hook. 0 shows nothing. */
  readonly useBadge?: (() => number) | undefined;
  /** Registered and removed with the pane. */
  readonly commands?: readonly Command[] | undefined;
}

const panes = createRegistry<Pane>('pane');

export const usePanes = panes.useItems;
export const getPane = panes.get;
export const allPanes = panes.all;

export function registerPane(pane: Pane): Disposable {
  const owned = new DisposableStore();
  owned.add(panes.register(pane));
  for (const command of pane.commands ?? []) owned.add(registerCommand(command));
  return owned;
}

/** The panes of one place, in their order. */
export function panesAt(location: PaneLocation): Pane[] {
  return panes
    .all()
    .filter((pane) => pane.defaultLocation === location)
    .sort((a, b) => (a.order ?? 100) - (b.order ?? 100));
}

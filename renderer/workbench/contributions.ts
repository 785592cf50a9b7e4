import type { ComponentType } from 'react';
import { createRegistry } from './registry.ts';

/** Something in the status bar. Its component draws nothing where it has nothing to say. */
export interface StatusItem {
  readonly id: string;
  readonly side: 'left' | 'right';
  /** Low stands further left. */
  readonly order: number;
  readonly component: ComponentType;
}

/** Something in the bar at the top, right of the search box: the buttons that build, run and stop. */
export interface ToolbarItem {
  readonly id: string;
  readonly order: number;
  readonly component: ComponentType;
}

const statusItems = createRegistry<StatusItem>('status item');
const toolbarItems = createRegistry<ToolbarItem>('toolbar item');

export const registerStatusItem = statusItems.register;
export const useStatusItems = statusItems.useItems;
export const registerToolbarItem = toolbarItems.register;
export const useToolbarItems = toolbarItems.useItems;

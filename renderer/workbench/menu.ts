import { create } from 'zustand';

export type MenuItem =
  | {
      readonly label: string;
      /** The key that does the same. */
      readonly hint?: string | undefined;
      readonly disabled?: boolean | undefined;
      readonly run: () => unknown;
    }
  | 'separator';

interface MenuState {
  readonly open: {
    readonly x: number;
    readonly y: number;
    readonly title: string;
    readonly items: readonly MenuItem[];
  } | null;
}

export const useMenu = create<MenuState>(() => ({ open: null }));

let returnTo: Element | null = null;

/** Opens a menu at a point of the window. The keyboard goes into it and comes back when it closes. */
export function openMenu(x: number, y: number, title: string, items: readonly MenuItem[]): void {
  returnTo = document.activeElement;
  useMenu.setState({ open: { x, y, title, items } });
}

export function closeMenu(): void {
  if (useMenu.getState().open === null) return;
  useMenu.setState({ open: null });
  if (returnTo instanceof HTMLElement && returnTo.isConnected) returnTo.focus();
}

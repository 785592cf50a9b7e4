import { create } from 'zustand';

/** What the typed lens is asked to show: a static by its name, or a type laid over an address. */
export interface Lens {
  /** Path of a static, or `0x…`. */
  readonly name: string;
  readonly type: string | null;
}

interface LensState {
  readonly open: boolean;
  /** Where a person has followed pointers from; the last is shown. */
  readonly trail: readonly Lens[];
  /** Somebody has asked for it and wants to type a name; a lens that is merely drawn again takes no keyboard. */
  readonly wantsKeyboard: boolean;
}

const LONGEST = 50;

/** The typed lens of the memory pane: it stays as it is while the pane is closed. */
export const useLens = create<LensState>(() => ({ open: false, trail: [], wantsKeyboard: false }));

export function openLens(): void {
  useLens.setState({ open: true, wantsKeyboard: true });
}

export function closeLens(): void {
  useLens.setState({ open: false });
}

/** Shows something else; `lensBack` returns. */
export function lookThrough(lens: Lens): void {
  useLens.setState(({ trail }) => ({ open: true, trail: [...trail, lens].slice(-LONGEST) }));
}

export function lensBack(): void {
  useLens.setState(({ trail }) => ({ trail: trail.length > 1 ? trail.slice(0, -1) : trail }));
}

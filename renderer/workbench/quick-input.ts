import { create } from 'zustand';
import { rank } from './fuzzy.ts';

/** One line of the box at the top. */
export interface QuickItem {
  readonly id: string;
  readonly label: string;
  /** Stands behind the label, fainter. */
  readonly detail?: string | undefined;
  readonly icon?: string | undefined;
  /** At the far right: a key, or `recent`. */
  readonly note?: string | undefined;
  /** Indexes into the label that the query matched. */
  readonly at?: readonly number[] | undefined;
  /** `beside` is true with Ctrl+Enter: open to the side. */
  readonly run: (beside: boolean) => unknown;
}

/** What a box shows for a text. */
export interface QuickAnswer {
  readonly items: readonly QuickItem[];
  /** Shown where there are no items. */
  readonly empty: string;
}

export interface QuickRequest {
  /** Its accessible name, such as `Go to file`. */
  readonly title: string;
  readonly placeholder: string;
  readonly initial: string;
  /** Answers at once with what it has; may be called again with the same text once `onMore` was called. */
  readonly answer: (text: string, onMore: () => void) => QuickAnswer;
  readonly onCancel?: (() => void) | undefined;
}

interface QuickState {
  readonly request: QuickRequest | null;
}

export const useQuickInput = create<QuickState>(() => ({ request: null }));

let returnTo: Element | null = null;

export function openQuickInput(request: QuickRequest): void {
  if (useQuickInput.getState().request === null) returnTo = document.activeElement;
  useQuickInput.setState({ request });
}

/** Closes the box. Unless something was chosen, the keyboard goes back to where it was. */
export function closeQuickInput(chosen: boolean): void {
  const { request } = useQuickInput.getState();
  if (request === null) return;
  useQuickInput.setState({ request: null });
  if (returnTo instanceof HTMLElement && returnTo.isConnected) returnTo.focus();
  if (!chosen) request.onCancel?.();
}

export interface Choice<T> {
  readonly label: string;
  readonly detail?: string | undefined;
  readonly icon?: string | undefined;
  readonly value: T;
}

/** Lets a person choose one of several; undefined if nothing was chosen. */
export function quickPick<T>(title: string, choices: readonly Choice<T>[]): Promise<T | undefined> {
  return new Promise((resolve) => {
    openQuickInput({
      title,
      placeholder: title,
      initial: '',
      answer: (text) => ({
        empty: 'Nothing matches',
        items: rank(text, choices, (choice) => choice.label, 200).map(({ item, at }) => ({
          id: item.label,
          label: item.label,
          detail: item.detail,
          icon: item.icon,
          at,
          run: () => resolve(item.value),
        })),
      }),
      onCancel: () => resolve(undefined),
    });
  });
}

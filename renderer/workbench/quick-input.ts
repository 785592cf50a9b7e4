import { create } from 'zustand';
import { rank } from '../../app/text/fuzzy.ts';

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
  /** Answers at once with what it has. */
  readonly answer: (text: string) => QuickAnswer;
  /** Tells when the answer to the same text may have changed; returns the end of the telling. */
  readonly follow?: ((onMore: () => void) => () => void) | undefined;
  readonly onCancel?: (() => void) | undefined;
}

interface QuickState {
  readonly request: QuickRequest | null;
  /** Rises with each request: a box of its own. */
  readonly number: number;
}

export const useQuickInput = create<QuickState>(() => ({ request: null, number: 0 }));

let returnTo: Element | null = null;

export function openQuickInput(request: QuickRequest): void {
  if (useQuickInput.getState().request === null) returnTo = document.activeElement;
  useQuickInput.setState(({ number }) => ({ request, number: number + 1 }));
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

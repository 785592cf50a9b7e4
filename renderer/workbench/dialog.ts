import { create } from 'zustand';

export interface DialogRequest {
  readonly title: string;
  readonly detail: string;
  /** The first is what Enter does. */
  readonly buttons: readonly string[];
  readonly resolve: (button: string | null) => void;
}

export const useDialog = create<{ readonly request: DialogRequest | null }>(() => ({ request: null }));

/** Asks a question that must be answered before anything else; null if it was dismissed. */
export function ask(title: string, detail: string, buttons: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    useDialog.getState().request?.resolve(null);
    useDialog.setState({ request: { title, detail, buttons, resolve } });
  });
}

export function answer(button: string | null): void {
  const { request } = useDialog.getState();
  useDialog.setState({ request: null });
  request?.resolve(button);
}

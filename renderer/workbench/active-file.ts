import { pathOf } from './close.ts';
import { useDock } from './dock.ts';

/** The file of the editor that was last worked in. */
export function activePath(): string | null {
  const { api, activeEditor } = useDock.getState();
  const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
  return panel === undefined ? null : pathOf(panel);
}

export const hasFile = () => activePath() !== null;

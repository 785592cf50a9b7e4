import { create } from 'zustand';
import { PersistedValue } from './persisted.ts';

const kept = new PersistedValue('files.recent');
const LIMIT = 50;

/** Files that were opened, newest first. */
export const useRecent = create<{ readonly paths: readonly string[] }>(() => ({ paths: [] }));

export function noteRecent(path: string): void {
  const paths = [path, ...useRecent.getState().paths.filter((each) => each !== path)].slice(0, LIMIT);
  useRecent.setState({ paths });
  kept.write(paths);
}

export async function loadRecent(): Promise<void> {
  const saved = await kept.read();
  if (!Array.isArray(saved)) return;
  const paths = saved.filter((path): path is string => typeof path === 'string');
  useRecent.setState((state) => ({ paths: [...new Set([...state.paths, ...paths])].slice(0, LIMIT) }));
}

import { useSyncExternalStore } from 'react';

/** Whether the page can be seen at all: behind another tab, or minimised, it asks nothing. */
export function usePageShown(): boolean {
  return useSyncExternalStore(subscribe, () => document.visibilityState === 'visible');
}

function subscribe(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

import { create } from 'zustand';
import type { AppError, Result } from '../../app/base/result.ts';

/** Looks a second that can be chosen; more than the last nobody sees. */
export const LIVE_RATES: readonly number[] = [1, 5, 10, 30];

/** How often panes look; the same for all of them, so that they show the same moments. */
export const useLiveSettings = create<{ readonly hz: number; readonly held: boolean }>(() => ({ hz: 5, held: false }));

export type LiveReading<T> =
  /** Nothing has come yet. */
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'read';
      readonly value: T;
      /** The value of the look before, for what has changed: what has not is the same object in both. Null after another question. */
      readonly before: T | null;
      /** Which question it answers: the look, as JSON. */
      readonly key: string;
      /** Milliseconds since 1970. */
      readonly at: number;
      /** Why the last look has failed, if it has. */
      readonly error: AppError | null;
    }
  | { readonly kind: 'failed'; readonly error: AppError };

export interface Live<T> {
  readonly reading: LiveReading<T>;
  /** Whether it is looked at again and again now. */
  readonly follows: boolean;
  /** Looks now, whatever is held. */
  readonly refresh: () => void;
}

/** The reading after one more look. */
export function advance<T>(last: LiveReading<T>, next: Result<T>, key: string, at: number): LiveReading<T> {
  if (next.ok) {
    const before = last.kind === 'read' && last.key === key ? last.value : null;
    return { kind: 'read', value: next.value, before, key, at, error: null };
  }
  return last.kind === 'read' ? { ...last, error: next.error } : { kind: 'failed', error: next.error };
}

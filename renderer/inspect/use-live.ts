import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Look, Looked } from '../../app/contract/inspect/watch.ts';
import type { Inspected } from '../state/inspected.ts';
import { advance, type Live, type LiveReading, useLiveSettings } from '../state/live.ts';
import { watchLook } from '../state/watch.ts';
import { usePageShown } from './use-page-shown.ts';

/** A reading outside of React: what is put here is drawn in the same frame. */
class Readings<T> {
  #reading: LiveReading<T> = { kind: 'waiting' };
  #listeners = new Set<() => void>();

  readonly get = () => this.#reading;
  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  put(reading: LiveReading<T>): void {
    this.#reading = reading;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * What a pane shows of a machine or a dump, watched while it can be seen and the machine runs. A machine that stands still and a dump
 * are looked at once, and again when the question is another. The last value stays when the machine is gone. Nothing is asked while
 * `look` is null.
 * @param most looks a second that make sense, where that is less than a person may choose
 */
export function useLive<L extends Look>(
  inspected: Inspected | null,
  isVisible: boolean,
  look: L | null,
  most = Number.POSITIVE_INFINITY,
): Live<Looked<L>> {
  const { hz, held } = useLiveSettings();
  const [readings] = useState(() => new Readings<Looked<L>>());
  const reading = useSyncExternalStore(readings.subscribe, readings.get);
  const [wanted, setWanted] = useState(0);
  const isShown = usePageShown() && isVisible;
  const name = inspected === null ? null : inspected.key;
  const latest = useRef({ ref: inspected?.ref, look });
  latest.current = { ref: inspected?.ref, look };
  const shown = useRef<string | null>(null);
  const phase = inspected?.phase ?? 'gone';
  const follows = isShown && !held && phase === 'running';
  const pace = follows ? Math.min(hz, most) : null;
  const key = JSON.stringify(look);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `name` and `key` stand for what is looked at, and `wanted` looks anew
  useEffect(() => {
    // Another machine: what was seen of the one before is none of its own.
    if (shown.current !== name) {
      shown.current = name;
      readings.put({ kind: 'waiting' });
    }
    const { ref, look: question } = latest.current;
    if (ref === undefined || question === null || !isShown || phase === 'gone') return;
    const last = readings.get();
    const known = last.kind === 'read' && last.key === key ? last.value : null;
    const watching = watchLook(ref, question, pace, known, ({ answer, at }) =>
      readings.put(advance(readings.get(), answer, key, at)),
    );
    return () => watching.dispose();
  }, [name, key, isShown, phase, pace, wanted, readings]);
  const refresh = useCallback(() => setWanted((count) => count + 1), []);
  return { reading, follows, refresh };
}

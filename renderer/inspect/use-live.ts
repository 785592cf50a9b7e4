import { useCallback, useEffect, useRef, useState } from 'react';
import { type AppError, messageOf, type Result } from '../../app/base/result.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type { Inspected } from '../state/inspected.ts';
import { advance, type Live, type LiveReading, useLiveSettings } from '../state/live.ts';

/**
 * What a pane shows of a machine or a dump, looked at while the pane can be seen and the machine runs: the next look begins after the
 * answer to the last. A machine that stands still and a dump are looked at once, and again after each change of `key`, which stands
 * for all that `read` depends on beside the source. The last value stays when the machine is gone.
 */
export function useLive<T>(
  inspected: Inspected | null,
  isVisible: boolean,
  key: string,
  read: (source: SourceRef, signal: AbortSignal) => Promise<Result<T>>,
): Live<T> {
  const { hz, held } = useLiveSettings();
  const [reading, setReading] = useState<LiveReading<T>>({ kind: 'waiting' });
  const [wanted, setWanted] = useState(0);
  const reader = useRef(read);
  reader.current = read;
  const name = inspected === null ? null : inspected.key;
  const ref = useRef(inspected?.ref);
  ref.current = inspected?.ref;
  const shown = useRef<string | null>(null);
  const phase = inspected?.phase ?? 'gone';
  const follows = isVisible && !held && phase === 'running';
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` and `wanted` stand for what `read` gives, which is looked at anew
  useEffect(() => {
    // Another machine: what was seen of the one before is none of its own.
    if (shown.current !== name) {
      shown.current = name;
      setReading({ kind: 'waiting' });
    }
    const source = ref.current;
    if (source === undefined || !isVisible || phase === 'gone') return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const started = performance.now();
      const next = await reader.current(source, controller.signal).catch((thrown: unknown) => unread(thrown));
      if (controller.signal.aborted) return;
      setReading((last) => advance(last, next));
      if (follows) timer = setTimeout(() => void look(), Math.max(0, 1000 / hz - (performance.now() - started)));
    };
    void look();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [name, isVisible, phase, follows, hz, key, wanted]);
  const refresh = useCallback(() => setWanted((count) => count + 1), []);
  return { reading, follows, refresh };
}

function unread(thrown: unknown): { readonly ok: false; readonly error: AppError } {
  const why = messageOf(thrown);
  return { ok: false, error: { code: 'not-read', what: 'The machine was not read.', why, fix: 'Look again.' } };
}

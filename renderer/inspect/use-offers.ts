import { useEffect, useRef, useState } from 'react';
import type { Result } from '../../app/base/result.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type { Inspected } from '../state/inspected.ts';

/** A moment after the last key. */
const DELAY_MS = 120;
const NONE: readonly never[] = [];

/**
 * What the host offers for a text while it is typed; an answer to an earlier text is none to this one.
 * @param query null where nothing is to be offered
 */
export function useOffers<T>(
  inspected: Inspected | null,
  query: string | null,
  ask: (source: SourceRef, query: string) => Promise<Result<readonly T[]>>,
): readonly T[] {
  const [offers, setOffers] = useState<readonly T[]>(NONE);
  const latest = useRef({ ref: inspected?.ref, ask });
  latest.current = { ref: inspected?.ref, ask };
  const key = inspected?.key;
  useEffect(() => {
    if (key === undefined || query === null) {
      setOffers(NONE);
      return;
    }
    let current = true;
    const timer = setTimeout(() => {
      const { ref, ask: question } = latest.current;
      if (ref === undefined) return;
      void question(ref, query)
        .then((found) => current && setOffers(found.ok ? found.value : NONE))
        // A lost connection is shown elsewhere; whoever types has the text.
        .catch(() => {});
    }, DELAY_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query, key]);
  return offers;
}

import { useEffect, useRef, useState } from 'react';
import { sharing } from '../../../app/base/change.ts';
import type { Inspected } from '../../state/inspected.ts';
import {
  followNamed,
  type NamedPlaces,
  type NamedSide,
  NOTHING_NAMED,
  useNamedPlaces,
} from '../../state/virtio-named.ts';

export interface Named {
  readonly places: NamedPlaces;
  /** Null where nothing is named, or nobody has answered yet. */
  readonly side: NamedSide | null;
}

/**
 * What a person has named for the queue that is shown, and what it holds; nothing is asked while `asks` is false.
 * @param key by `placesKey`; null where no queue is shown
 */
export function useNamed(
  inspected: Inspected,
  asks: boolean,
  key: string | null,
  device: string,
  queue: number | null,
): Named {
  const places = useNamedPlaces((state) => (key === null ? undefined : state.places.get(key))) ?? NOTHING_NAMED;
  const [answer, setAnswer] = useState<{ readonly question: string; readonly side: NamedSide } | null>(null);
  const { lastUsed, size } = places;
  const isNamed = key !== null && (lastUsed !== '' || size !== '');
  const question = JSON.stringify([inspected.key, device, queue, lastUsed, size]);
  const ref = useRef(inspected.ref);
  ref.current = inspected.ref;
  const { phase } = inspected;
  useEffect(() => {
    if (!isNamed || queue === null || !asks || phase === 'gone') return;
    const asked = { device, queue, places: { lastUsed, size }, runs: phase === 'running' };
    const following = followNamed(ref.current, asked, (side) =>
      setAnswer((last) => ({ question, side: last?.question === question ? sharing(last.side, side) : side })),
    );
    return () => following.dispose();
  }, [isNamed, asks, phase, question, device, queue, lastUsed, size]);
  return { places, side: isNamed && answer?.question === question ? answer.side : null };
}

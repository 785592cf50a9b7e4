import { useEffect, useMemo, useRef, useState } from 'react';
import { sharing } from '../../../app/base/change.ts';
import type { VirtioReport } from '../../../app/contract/inspect/virtio.ts';
import type { Inspected } from '../../state/inspected.ts';
import {
  followNamed,
  type NamedPlaces,
  type NamedQueue,
  type NamedSide,
  namedQueues,
  useNamedPlaces,
} from '../../state/virtio-named.ts';

export interface Named {
  readonly places: NamedPlaces;
  /** Null where nothing is named, or nobody has answered yet. */
  readonly side: NamedSide | null;
}

/** Of a queue, by all that its answer depends on: what is said of one stands while another gets a name. */
const questionOf = (key: string, { device, queue, places: { lastUsed, size } }: NamedQueue) =>
  JSON.stringify([key, device, queue, lastUsed, size]);

/**
 * What a person has named for the queues of a report, and what it holds; nothing is asked while `asks` is false.
 */
export function useNamed(
  inspected: Inspected,
  asks: boolean,
  report: VirtioReport,
): readonly (NamedQueue & { readonly side: NamedSide | null })[] {
  const places = useNamedPlaces((state) => state.places);
  const [answers, setAnswers] = useState<ReadonlyMap<string, NamedSide>>(new Map());
  const { key, machine, phase } = inspected;
  const found = namedQueues(places, { key, machine }, report);
  const question = JSON.stringify(found.map((it) => questionOf(key, it)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: `question` stands for the queues, which are made anew each time
  const queues = useMemo(() => found, [question]);
  const ref = useRef(inspected.ref);
  ref.current = inspected.ref;
  useEffect(() => {
    if (queues.length === 0 || !asks || phase === 'gone') return;
    const following = followNamed(ref.current, { queues, runs: phase === 'running' }, (sides) =>
      setAnswers(
        (last) =>
          new Map(
            queues.map((it, n) => {
              const asked = questionOf(key, it);
              return [asked, sharing(last.get(asked) ?? null, sides[n] as NamedSide)];
            }),
          ),
      ),
    );
    return () => following.dispose();
  }, [asks, phase, key, queues]);
  return useMemo(
    () => queues.map((it) => ({ ...it, side: answers.get(questionOf(key, it)) ?? null })),
    [queues, answers, key],
  );
}

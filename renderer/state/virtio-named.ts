import { z } from 'zod';
import { create } from 'zustand';
import type { Disposable } from '../../app/base/disposable.ts';
import { messageOf, type Result } from '../../app/base/result.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type { DriverSide, Verdict, VirtioReport } from '../../app/contract/inspect/virtio.ts';
import { studio, whenConnected } from '../host/client.ts';
import type { Inspected } from './inspected.ts';
import { PersistedValue } from './persisted.ts';

/** Where a driver keeps its own idea of a queue, as a person has named it; empty where nothing is named. */
export interface NamedPlaces {
  readonly lastUsed: string;
  readonly size: string;
}
export const NOTHING_NAMED: NamedPlaces = { lastUsed: '', size: '' };

const kept = new PersistedValue('virtio.variables');
const KeptSchema = z.array(
  z.tuple([z.string().max(1000), z.object({ lastUsed: z.string().max(300), size: z.string().max(300) })]),
);
/** Queues whose variables are kept, those named last. */
const LIMIT = 50;

/** By `placesKey`; the last one named last. */
export const useNamedPlaces = create<{ readonly places: ReadonlyMap<string, NamedPlaces> }>(() => ({
  places: new Map(),
}));

/** A queue of every machine of a profile, or of one dump. */
export function placesKey({ machine, key }: Pick<Inspected, 'key' | 'machine'>, device: string, queue: number): string {
  return JSON.stringify([machine === null ? key : machine.info.profile.name, device, queue]);
}

export function namePlaces(key: string, places: NamedPlaces): void {
  const all = new Map(useNamedPlaces.getState().places);
  all.delete(key);
  if (places.lastUsed !== '' || places.size !== '') all.set(key, places);
  const last = [...all].slice(-LIMIT);
  useNamedPlaces.setState({ places: new Map(last) });
  kept.write(last);
}

export async function loadNamedPlaces(): Promise<void> {
  const saved = KeptSchema.safeParse(await kept.read());
  if (!saved.success) return;
  // What was named while it was read is newer.
  useNamedPlaces.setState(({ places }) => ({ places: new Map([...saved.data, ...places].slice(-LIMIT)) }));
}

/** What the named variables hold, and what follows from it. */
export interface NamedSide {
  /** Null where the question could not be answered; `failed` says why. */
  readonly driver: DriverSide | null;
  readonly verdicts: readonly Verdict[];
  /** The device's used index at that moment. */
  readonly used: number | null;
  /** What is wrong with each place. */
  readonly errors: NamedPlaces;
  readonly failed: string;
}

/** The part of an answer that is about the named variables of a queue. */
export function namedSide(
  answer: Result<VirtioReport>,
  device: string,
  index: number,
  { lastUsed, size }: NamedPlaces,
): NamedSide {
  const nothing = { driver: null, verdicts: [], used: null, errors: NOTHING_NAMED };
  if (!answer.ok) return { ...nothing, failed: `${answer.error.what} ${answer.error.why}`.trim() };
  const { devices, problems } = answer.value;
  const found = devices.find((it) => it.path === device);
  const queue = found?.queues.find((it) => it.index === index);
  if (found === undefined || queue === undefined) return { ...nothing, failed: 'The device is not there any more.' };
  const about = (place: string) =>
    place === '' ? '' : (problems.find((it) => it.startsWith(`${place}: `))?.slice(place.length + 2) ?? '');
  const errors = { lastUsed: about(lastUsed), size: about(size) };
  if (queue.driver?.source !== 'symbols')
    return { ...nothing, errors, failed: 'The memory of the variables could not be read.' };
  // Variables that mean nothing are no idea of the queue: what is known without them stays.
  if (queue.driver.lastUsed === null && queue.driver.size === null)
    return { ...nothing, errors, failed: 'Nothing could be read: the verdict is as without them.' };
  return {
    driver: queue.driver,
    verdicts: found.verdicts.filter((it) => it.queue === index),
    used: queue.used?.index ?? null,
    errors,
    failed: '',
  };
}

/** A queue of which something is named. */
export interface NamedQueue {
  readonly device: string;
  readonly queue: number;
  readonly places: NamedPlaces;
}

/** The queues of a report whose variables are named. */
export function namedQueues(
  places: ReadonlyMap<string, NamedPlaces>,
  inspected: Pick<Inspected, 'key' | 'machine'>,
  report: VirtioReport,
): NamedQueue[] {
  if (places.size === 0) return [];
  return report.devices.flatMap(({ path, queues }) =>
    queues.flatMap(({ index }) => {
      const found = places.get(placesKey(inspected, path, index));
      return found === undefined ? [] : [{ device: path, queue: index, places: found }];
    }),
  );
}

/** A report with the verdicts that follow from named variables, in place of its own on these queues. */
export function withNamed(
  report: VirtioReport,
  sides: readonly { readonly device: string; readonly queue: number; readonly side: NamedSide | null }[],
): VirtioReport {
  const known = sides.flatMap(({ side, ...it }) => (side === null || side.driver === null ? [] : [{ ...it, side }]));
  if (known.length === 0) return report;
  const rank = { error: 0, warning: 1, ok: 2 } as const;
  return {
    ...report,
    devices: report.devices.map((device) => {
      const here = known.filter((it) => it.device === device.path);
      if (here.length === 0) return device;
      const others = device.verdicts.filter((verdict) => !here.some((it) => it.queue === verdict.queue));
      return {
        ...device,
        verdicts: [...others, ...here.flatMap(({ side }) => side.verdicts)].sort(
          (a, b) => rank[a.severity] - rank[b.severity] || (a.queue ?? -1) - (b.queue ?? -1),
        ),
      };
    }),
  };
}

/** Of a machine that runs: time between the two looks that an answer compares, and from an answer to the next question. */
const APART_MS = 500;
const REST_MS = 500;
const RETRY_MS = 1000;

/**
 * Asks what the named variables of queues hold, of all in one question: about once a second of a machine that runs, once of what stands
 * still.
 * @param onSides gets a side for each queue, in their order
 */
export function followNamed(
  ref: SourceRef,
  { queues, runs }: { readonly queues: readonly NamedQueue[]; readonly runs: boolean },
  onSides: (sides: readonly NamedSide[]) => void,
): Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  const hints = queues.map(({ device, queue, places }) => ({
    device,
    queue,
    ...(places.lastUsed === '' ? {} : { lastUsed: places.lastUsed }),
    ...(places.size === '' ? {} : { size: places.size }),
  }));
  const run = async () => {
    while (!signal.aborted) {
      let answered = false;
      try {
        await whenConnected(signal);
        const answer = await studio.inspect.virtio({ ...ref, apartMs: runs ? APART_MS : 0, hints }, { signal });
        if (signal.aborted) return;
        onSides(queues.map(({ device, queue, places }) => namedSide(answer, device, queue, places)));
        answered = true;
      } catch (thrown) {
        if (signal.aborted) return;
        console.warn(`virtio variables were not asked for: ${messageOf(thrown)}`);
      }
      if (answered && !runs) return;
      await new Promise((resolve) => setTimeout(resolve, answered ? REST_MS : RETRY_MS));
    }
  };
  void run();
  return { dispose: () => controller.abort() };
}

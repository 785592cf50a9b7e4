import { create } from 'zustand';
import { sharing } from '../../app/base/change.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import type {
  Verdict,
  VirtioDevice,
  VirtioQueue,
  VirtioReport,
  VirtioStreamEvent,
} from '../../app/contract/inspect/virtio.ts';
import { QueueTape } from '../../app/virtio/tape.ts';
import { studio, whenConnected } from '../host/client.ts';
import { inNextFrame } from './frames.ts';

/** The virtio devices of what is inspected, and the tapes of their queues. Tapes are changed in place: `tick` rises with each change. */
export interface VirtioState {
  /** Which machine or dump; null before the first. */
  readonly key: string | null;
  readonly report: VirtioReport | null;
  readonly tapes: ReadonlyMap<string, QueueTape>;
  readonly samplesPerSecond: number;
  /** Why the stream ended; null while it goes on. */
  readonly ended: string | null;
  /** Number of the next event: where a stream that was interrupted goes on. */
  readonly next: number;
  readonly tick: number;
}

const EMPTY = { report: null, tapes: new Map(), samplesPerSecond: 0, ended: null, next: 0, tick: 0 } as const;

export const useVirtio = create<VirtioState>(() => ({ key: null, ...EMPTY }));

/** What is shown: a queue of a device, the whole device where `queue` is null. */
export interface Selection {
  readonly device: string | null;
  readonly queue: number | null;
  readonly head: number | null;
  /** A moment of the past, as the number of its event; null is now. */
  readonly at: number | null;
  readonly paused: boolean;
}

export const useVirtioSelection = create<Selection>(() => ({
  device: null,
  queue: null,
  head: null,
  at: null,
  paused: false,
}));

export const tapeKey = (device: string, queue: number) => `${device} ${queue}`;

/** Follows a machine's rings until it is disposed; a lost connection is taken up again where it broke. */
export function followVirtio(key: string, ref: SourceRef): Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  if (useVirtio.getState().key !== key) {
    useVirtio.setState({ key, ...EMPTY, tapes: new Map() });
    useVirtioSelection.setState({ device: null, queue: null, head: null, at: null });
  }
  const run = async () => {
    while (!signal.aborted) {
      try {
        await whenConnected(signal);
        const from = useVirtio.getState().next;
        for await (const event of await studio.inspect.virtioFollow({ ...ref, from }, { signal })) {
          if (signal.aborted) return;
          inNextFrame(() => {
            if (!signal.aborted) useVirtio.setState((state) => take(state, event));
          });
          if (event.kind === 'ended') return;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        console.warn(`virtio stream ended: ${messageOf(thrown)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  void run();
  return { dispose: () => controller.abort() };
}

/** The state after one message. */
export function take(state: VirtioState, event: VirtioStreamEvent): Partial<VirtioState> {
  switch (event.kind) {
    case 'ended':
      return { ended: event.why };
    case 'report': {
      // Nobody shows when it was made: one that says the same is the same.
      const at = state.report?.at ?? event.report.at;
      return { report: sharing(state.report, { ...event.report, at }), ended: null };
    }
    case 'rings': {
      const tapes = new Map(event.fresh ? [] : state.tapes);
      const tape = (device: string, queue: number) => {
        const known = tapes.get(tapeKey(device, queue));
        if (known !== undefined) return known;
        const made = new QueueTape(device, queue);
        tapes.set(tapeKey(device, queue), made);
        return made;
      };
      for (const it of event.events) tape(it.device, it.queue).add(it);
      for (const it of event.rates) tape(it.device, it.queue).addRate(it);
      const { samplesPerSecond, next } = event;
      const isNews = event.fresh || event.events.length > 0 || event.rates.length > 0;
      return {
        ...{ samplesPerSecond, next, ended: null },
        ...(isNews ? { tapes, tick: state.tick + 1 } : {}),
      };
    }
  }
}

interface Shown {
  readonly count: number | null;
  /** Number of the newest event: what was shown before it is not what is shown now. */
  readonly newest: number;
  readonly now: VirtioQueue;
  readonly view: VirtioQueue;
}

/** The last picture of each tape, now and of the past: a queue in which nothing has happened is the same object. */
const pictures = new WeakMap<QueueTape, { live?: Shown; past?: Shown }>();

/** The queue after event `count` of a tape; null: now. As the report has it where the tape has not begun. */
export function viewOf(tape: QueueTape | undefined, count: number | null, now: VirtioQueue): VirtioQueue {
  if (tape === undefined || !tape.started) return now;
  const newest = tape.events.at(-1)?.number ?? -1;
  const known = pictures.get(tape) ?? {};
  const which = count === null ? 'live' : 'past';
  const last = known[which];
  if (last !== undefined && last.count === count && last.newest === newest && last.now === now) return last.view;
  const view = sharing(last?.view ?? null, tape.view(count, now));
  pictures.set(tape, { ...known, [which]: { count, newest, now, view } });
  return view;
}

/** What the pane shows of a report: by default the first queue with something wrong, else the first that is set up. */
export function shownQueue(
  report: VirtioReport,
  { device, queue }: Pick<Selection, 'device' | 'queue'>,
): { readonly device: VirtioDevice; readonly queue: VirtioQueue | null } | null {
  const chosen = report.devices.find((it) => it.path === device);
  if (chosen !== undefined) return { device: chosen, queue: chosen.queues.find((it) => it.index === queue) ?? null };
  const worst =
    report.devices.find((it) => it.verdicts.some(({ severity }) => severity === 'error')) ?? report.devices[0];
  if (worst === undefined) return null;
  const index = worst.verdicts.find((it) => it.severity === 'error' && it.queue !== null)?.queue;
  return {
    device: worst,
    queue: worst.queues.find((it) => it.index === index) ?? worst.queues.find((it) => it.configured) ?? null,
  };
}

/** The verdicts that concern a queue, its own before the device's healthy ones. */
export function verdictsOf(device: VirtioDevice, queue: VirtioQueue | null): Verdict[] {
  return device.verdicts.filter((it) => it.queue === null || queue === null || it.queue === queue.index);
}

export function worstOf(verdicts: readonly Verdict[]): Verdict['severity'] | 'none' {
  if (verdicts.some((it) => it.severity === 'error')) return 'error';
  if (verdicts.some((it) => it.severity === 'warning')) return 'warning';
  return verdicts.length === 0 ? 'none' : 'ok';
}

/** Moves through the events of a tape; beyond the last one is now. */
export function step(tape: QueueTape, by: number): void {
  const { at } = useVirtioSelection.getState();
  const index = countAt(tape, at) + by;
  const event = tape.events[Math.max(0, index) - 1] ?? tape.events[0];
  useVirtioSelection.setState({ at: index >= tape.events.length || event === undefined ? null : event.number });
}

/** How many of the events that are kept had happened at a moment. */
export function countAt(tape: QueueTape, at: number | null): number {
  if (at === null) return tape.events.length;
  let low = 0;
  let high = tape.events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tape.events[middle]?.number ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

import { type CancelSignal, isCancelled } from '../../../../app/base/cancel.ts';
import type { Disposable } from '../../../../app/base/disposable.ts';
import { describeError } from '../../../../app/base/result.ts';
import { type InspectSource, sourceKey } from '../../../../app/contract/index.ts';
import type { RingEvent, RingRate, VirtioReport, VirtioStreamEvent } from '../../../../app/contract/inspect/virtio.ts';
import type { InspectTargets } from '../targets.ts';
import { VirtioRecorder } from './recorder.ts';

/** What happens within so long goes to a follower in one piece: a look of the panes that look most often. */
const TURN_MS = 1000 / 30;
/** A recording goes on for so long without a follower: a pane that is hidden and shown again misses nothing. */
const LINGER_MS = 10_000;
/** Events in one message. */
const BATCH = 2000;
/** A follower who takes nothing has so much kept for it; after that it gets what the recorder itself still has, as one who comes anew. */
const MOST_BEHIND = 20_000;
const MOST_RATES = 2000;

interface Running {
  readonly recorder: VirtioRecorder;
  readonly end: Disposable;
  followers: number;
  timer: NodeJS.Timeout | undefined;
}

/** One recorder a machine, for all who follow its rings. */
export class VirtioRecorders implements Disposable {
  readonly #targets: InspectTargets;
  readonly #running = new Map<string, Running>();
  #ended = false;

  constructor(targets: InspectTargets) {
    this.#targets = targets;
  }

  /** Reports and ring events, from event number `from` on; 0 begins with everything that is kept. */
  async *follow(
    source: InspectSource,
    from: number,
    signal: CancelSignal | undefined,
  ): AsyncGenerator<VirtioStreamEvent> {
    const key = sourceKey(source);
    const known = this.#running.get(key);
    const running = known ?? (await this.#start(source, key));
    if ('why' in running) return yield { kind: 'ended', why: running.why };
    running.followers += 1;
    clearTimeout(running.timer);
    try {
      yield* followOne(running.recorder, from, signal);
    } finally {
      running.followers -= 1;
      if (running.followers === 0) {
        // A recording of a machine that is gone has nothing to wait for.
        running.timer = setTimeout(() => this.#stop(key, running), running.recorder.failure === '' ? LINGER_MS : 0);
        running.timer.unref();
      }
    }
  }

  dispose(): void {
    this.#ended = true;
    for (const [key, running] of this.#running) this.#stop(key, running);
  }

  async #start(source: InspectSource, key: string): Promise<Running | { readonly why: string }> {
    const opened = await this.#targets.open(source);
    if (!opened.ok) return { why: describeError(opened.error) };
    if (this.#ended) {
      opened.value.end.dispose();
      return { why: 'The studio has ended.' };
    }
    // Two followers may have come at once: the first one's recorder serves both.
    const first = this.#running.get(key);
    if (first !== undefined) {
      opened.value.end.dispose();
      return first;
    }
    const { target, end } = opened.value;
    const running: Running = { recorder: new VirtioRecorder(target), end, followers: 0, timer: undefined };
    this.#running.set(key, running);
    return running;
  }

  #stop(key: string, running: Running): void {
    clearTimeout(running.timer);
    if (this.#running.get(key) === running) this.#running.delete(key);
    running.recorder.dispose();
    running.end.dispose();
  }
}

async function* followOne(
  recorder: VirtioRecorder,
  from: number,
  signal: CancelSignal | undefined,
): AsyncGenerator<VirtioStreamEvent> {
  let events: RingEvent[] = [];
  let rates: RingRate[] = [];
  let report: VirtioReport | null = recorder.report;
  // What has come since the last message was taken; once it is too much, nothing is kept.
  let waiting = 0;
  let wake = () => {};
  const ring = () => wake();
  const subscription = recorder.onDidRecord((batch) => {
    waiting += batch.events.length;
    if (waiting > MOST_BEHIND) events = [];
    else for (const event of batch.events) events.push(event);
    rates = [...rates, ...batch.rates].slice(-MOST_RATES);
    report = batch.report ?? report;
    wake();
  });
  signal?.addEventListener('abort', ring);
  try {
    const missed = from === 0 ? undefined : recorder.since(from);
    let fresh = missed === undefined;
    events = [...(missed ?? recorder.backlog()), ...events];
    while (!isCancelled(signal)) {
      if (report !== null) {
        const now = report;
        report = null;
        yield { kind: 'report', report: slim(now, recorder.samplesPerSecond > 0) };
      }
      while (events.length > 0 || rates.length > 0 || fresh || waiting > MOST_BEHIND) {
        if (waiting > MOST_BEHIND) [events, fresh] = [recorder.backlog(), true];
        waiting = 0;
        const some = events.splice(0, BATCH);
        const message = {
          kind: 'rings' as const,
          fresh,
          events: some,
          rates,
          samplesPerSecond: recorder.samplesPerSecond,
        };
        rates = [];
        fresh = false;
        yield { ...message, next: (some.at(-1)?.number ?? recorder.next - 1) + 1 };
      }
      if (recorder.failure !== '') return yield { kind: 'ended', why: recorder.failure };
      // While a message was on its way more may have come, or the end of it all.
      if (report !== null || isCancelled(signal)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      // At the moments in which panes look (main/rpc/watch.ts), so that a page draws both at once.
      const untilTurn = TURN_MS - (performance.now() % TURN_MS);
      if (!isCancelled(signal)) await new Promise((resolve) => setTimeout(resolve, untilTurn));
    }
  } finally {
    signal?.removeEventListener('abort', ring);
    subscription.dispose();
  }
}

/** A follower puts split rings together from their events: the report need not carry them again, four times a second. */
function slim(report: VirtioReport, recorded: boolean): VirtioReport {
  if (!recorded) return report;
  return {
    ...report,
    devices: report.devices.map((device) => ({
      ...device,
      queues: device.queues.map((queue) =>
        queue.layout === 'packed' ? queue : { ...queue, descriptors: [], availRing: [], usedRing: [], chains: [] },
      ),
    })),
  };
}

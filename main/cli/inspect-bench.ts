/** What looking costs: the time of one look, and how much slower the guest decodes while every pane looks thirty times a second. */
import type { InspectService, InspectSource, StartRequest } from '../../app/contract/index.ts';
import { decodeOnce, startServing } from './bench-run.ts';
import type { CommandContext } from './command.ts';
import { unwrap } from './failure.ts';
import { median } from './median.ts';

const LOOKS_A_SECOND = 30;
const WARM_UP_LOOKS = 20;
const LOOKS = 100;

/** What the panes ask for, one entry a pane. Those of the snapshot are the ones that a person has open to see the processor and rings. */
const PANES: Readonly<Record<string, (inspect: InspectService, source: InspectSource) => Promise<unknown>>> = {
  cpu: async (inspect, source) => unwrap(await inspect.cpu(source)),
  tables: async (inspect, source) => unwrap(await inspect.tables(source, 0)),
  virtio: async (inspect, source) => unwrap(await inspect.virtio(source, { apartMs: 0, hints: null })),
  irq: async (inspect, source) => unwrap(await inspect.irq(source)),
  paging: async (inspect, source) => unwrap(await inspect.addressSpace(source, { processor: 0, cr3: null })),
};
const SNAPSHOT = ['cpu', 'tables', 'virtio'];

export interface InspectBench {
  readonly profile: string;
  readonly accelerator: string;
  /** Median milliseconds of one look of each pane, on the host. */
  readonly lookMs: Readonly<Record<string, number>>;
  /** Of processors, GDT, IDT, TSS and every virtqueue together. */
  readonly snapshotMs: number;
  /** Tokens per second of each round, without looks and with them, in turn. */
  readonly quiet: readonly number[];
  readonly watched: readonly number[];
  /** How much less the median is with looks, in percent; below zero is noise. */
  readonly costPercent: number;
  readonly looksPerSecond: number;
}

export async function benchInspect(
  context: CommandContext,
  request: StartRequest,
  rounds: number,
): Promise<InspectBench> {
  const { inspect } = context.host;
  const { machine, target } = await startServing(context, request);
  try {
    const source: InspectSource = { machine: machine.info };
    const lookMs: Record<string, number> = {};
    for (const [name, look] of Object.entries(PANES)) lookMs[name] = await timeOf(() => look(inspect, source));
    const together = () => Promise.all(SNAPSHOT.map((name) => PANES[name]?.(inspect, source)));
    const snapshotMs = await timeOf(together);
    const quiet: number[] = [];
    const watched: number[] = [];
    let looks = 0;
    let watchedMs = 0;
    await decodeOnce(context, machine, target);
    for (let round = 0; round < rounds; round++) {
      context.terminal.progress('measuring what looking costs', `round ${round + 1} of ${rounds}`);
      quiet.push(await decodeOnce(context, machine, target));
      let going = true;
      const from = performance.now();
      const panes = (async () => {
        while (going) {
          const started = performance.now();
          await Promise.all(Object.values(PANES).map((look) => look(inspect, source)));
          looks += 1;
          await new Promise((resolve) =>
            setTimeout(resolve, Math.max(0, 1000 / LOOKS_A_SECOND - (performance.now() - started))),
          );
        }
      })();
      watched.push(await decodeOnce(context, machine, target));
      going = false;
      await panes;
      watchedMs += performance.now() - from;
    }
    const [before = 0, after = 0] = [median(quiet) ?? 0, median(watched) ?? 0];
    return {
      profile: machine.info.profile.name,
      accelerator: machine.info.accelerator.accelerator,
      ...{ lookMs, snapshotMs, quiet, watched },
      costPercent: before === 0 ? 0 : (1 - after / before) * 100,
      looksPerSecond: watchedMs === 0 ? 0 : looks / (watchedMs / 1000),
    };
  } finally {
    await machine.stop();
    machine.dispose();
  }
}

async function timeOf(look: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < WARM_UP_LOOKS + LOOKS; n++) {
    const started = performance.now();
    await look();
    if (n >= WARM_UP_LOOKS) times.push(performance.now() - started);
  }
  return median(times) ?? 0;
}

/** What looking costs: the time of one look and of a snapshot, and how much slower the guest decodes while every pane looks. */
import { DisposableStore } from '../../app/base/disposable.ts';
import type { InspectSource, Profile, StartRequest } from '../../app/contract/index.ts';
import { GiveWay } from '../rpc/give-way.ts';
import { startServing } from './bench-run.ts';
import type { CommandContext } from './command.ts';
import { Decoder } from './decoder.ts';
import { unwrap } from './failure.ts';
import { hostLoad, type LoadShares, sharesBetween } from './host-load.ts';
import { MotionMeter, startMotion } from './inspect-motion.ts';
import { openPanes, PANES, SNAPSHOT, stackOf } from './inspect-panes.ts';
import type { Interrupts } from './interrupts.ts';
import { type Interval, lossesBeside, median, medianInterval } from './median.ts';

const WARM_UP_LOOKS = 30;
const LOOKS = 300;
/** Disks beside the model's: with the card's two queues there are eight of 256 entries. */
const SPARE_DISKS = 5;
/** Of one answer: long enough for a few looks, short enough that the computer is as fast as it was a moment ago. */
const DECODE_TOKENS = 100;
const OPENING_MS = 3000;
/** Before each answer. */
const PAUSE_MS = 40;
const PROMPT = 'Once upon a time';

interface LookTimes {
  readonly profile: string;
  readonly accelerator: string;
  /** Sizes of the queues that a snapshot holds. */
  readonly queues: readonly number[];
  /** Median milliseconds of one look of each pane, on the host, when nobody else looks. */
  readonly lookMs: Readonly<Record<string, number>>;
  /** Of processors, GDT, IDT, TSS and every queue together: the first ever, and when they are looked at again and again. */
  readonly firstSnapshotMs: number;
  readonly snapshotMs: SnapshotTimes;
  /** The same while the guest reads all its disks at once and its API is asked without a pause: at each rate, the last as fast as it can. */
  readonly motion: readonly MotionTimes[];
}

type SnapshotTimes = Interval & { readonly p95: number };

/** Reads of each disk in a second; null is as many as the machine can, with both processors of a small host busy. */
const READ_RATES = [1000, null];

export interface MotionTimes {
  readonly readsPerSecond: number | null;
  readonly snapshotMs: SnapshotTimes;
  /** Median milliseconds of one look of each part of a snapshot. */
  readonly lookMs: Readonly<Record<string, number>>;
  /** Of the queues, how many gave chains back while they were looked at, and how many they all gave back in a second. */
  readonly moving: number;
  readonly chainsPerSecond: number;
  /** Queues of which QEMU had to be asked, since something was in flight: the mean of all looks. */
  readonly openQueues: number;
}

interface LookCost {
  readonly decodedTokens: number;
  /** Tokens per second of each answer, without looks and with them, in turn; one without is first and last. */
  readonly quiet: readonly number[];
  readonly watched: readonly number[];
  /** How much less the guest decodes with looks than in the quiet answers before and after, in percent. */
  readonly costPercent: Interval;
  /** The same of quiet answers, among those before and after: what of it is noise. */
  readonly noisePercent: Interval;
  readonly looksPerSecond: number;
  readonly ringMessagesPerSecond: number;
  /** Shares of one processor while looking, and while not. */
  readonly watchedLoad: LoadShares;
  readonly quietLoad: LoadShares;
}

export type InspectBench = LookTimes & LookCost;

/** The machine of the request with more disks, so that it has eight queues. */
async function withSpareDisks({ host }: CommandContext, request: StartRequest): Promise<StartRequest> {
  const profile: Profile =
    typeof request.profile === 'string' ? unwrap(await host.profiles.load(request.profile)) : request.profile;
  const device = profile.machine === 'microvm' ? 'virtio-blk-device' : 'virtio-blk-pci';
  const disks = Array.from({ length: SPARE_DISKS }, (_, n) => [
    ...['-blockdev', `driver=null-co,node-name=null${n},read-zeroes=on,size=1048576`],
    ...['-device', `${device},drive=null${n},id=spare${n},queue-size=256`],
  ]);
  return { ...request, profile: { ...profile, extraArgs: [...profile.extraArgs, ...disks.flat()] } };
}

/** Two machines one after the other: one with eight queues for the snapshot, and the profile's own for what looking costs. */
export async function benchInspect(
  context: CommandContext,
  request: StartRequest,
  pairs: number,
): Promise<InspectBench> {
  const looks = await onMachine(context, await withSpareDisks(context, request), (target) =>
    timeLooks(context, target),
  );
  const cost = await onMachine(context, request, (target) => measureCost(context, target, pairs));
  return { ...looks, ...cost };
}

type Target = Awaited<ReturnType<typeof startServing>>;

async function onMachine<T>(context: CommandContext, request: StartRequest, act: (target: Target) => Promise<T>) {
  const target = await startServing(context, request);
  try {
    return await act(target);
  } finally {
    await target.machine.stop();
    target.machine.dispose();
  }
}

async function timeLooks(context: CommandContext, target: Target): Promise<LookTimes> {
  const { host, terminal, interrupts } = context;
  const { machine } = target;
  const { inspect } = host;
  const { info } = machine;
  const source: InspectSource = { machine: info };
  const snapshot = (stack = 0n) => Promise.all(Object.values(SNAPSHOT).map((ask) => ask(inspect, source, stack)));
  const began = performance.now();
  await snapshot();
  const firstSnapshotMs = performance.now() - began;
  const stack = await stackOf(inspect, source);
  terminal.progress('measuring what looking costs', 'one look');
  const lookMs: Record<string, number> = {};
  for (const [name, ask] of Object.entries({ ...PANES, ...SNAPSHOT }))
    lookMs[name] = median(await timesOf(interrupts, () => ask(inspect, source, stack))) ?? 0;
  const snapshotMs = snapshotTimes(await timesOf(interrupts, snapshot));
  const report = unwrap(await inspect.virtio(source, { apartMs: 0, hints: [], ringsOnly: true }));
  inspect.rest();
  const motion: MotionTimes[] = [];
  for (const rate of READ_RATES) motion.push(await timeInMotion(context, target, source, rate));
  return {
    ...{ profile: info.profile.name, accelerator: info.accelerator.accelerator },
    queues: report.devices.flatMap((it) => it.queues.filter((queue) => queue.configured).map((queue) => queue.size)),
    ...{ lookMs, firstSnapshotMs, snapshotMs },
    motion,
  };
}

async function timeInMotion(
  { host, terminal, interrupts }: CommandContext,
  { machine, target }: Target,
  source: InspectSource,
  readsPerSecond: number | null,
): Promise<MotionTimes> {
  const { inspect } = host;
  terminal.progress('measuring what looking costs', 'one look, queues in motion');
  const stop = await startMotion(machine, target.apiUrl, readsPerSecond);
  try {
    const lookMs: Record<string, number> = {};
    for (const [name, ask] of Object.entries(SNAPSHOT))
      lookMs[name] = median(await timesOf(interrupts, () => ask(inspect, source, 0n))) ?? 0;
    const meter = new MotionMeter();
    const times = await timesOf(interrupts, async () => {
      const others = Promise.all([SNAPSHOT.cpu(inspect, source, 0n), SNAPSHOT['gdt, idt, tss'](inspect, source, 0n)]);
      const [report] = await Promise.all([SNAPSHOT.queues(inspect, source, 0n), others]);
      meter.see(report);
    });
    return { readsPerSecond, snapshotMs: snapshotTimes(times), lookMs, ...meter.end() };
  } finally {
    await stop();
    inspect.rest();
  }
}

function snapshotTimes(times: readonly number[]): SnapshotTimes {
  const sorted = [...times].sort((a, b) => a - b);
  return { ...medianInterval(sorted), p95: sorted[Math.floor(sorted.length * 0.95)] ?? 0 };
}

/**
 * Short answers with looks and without, in turn: this computer's speed drifts by more in a second than looking costs. Without looks this
 * thread stands still, with everything as it is.
 */
async function measureCost(
  { host, terminal, interrupts }: CommandContext,
  { machine, target }: Target,
  pairs: number,
): Promise<LookCost> {
  const { inspect } = host;
  const { info } = machine;
  const source: InspectSource = { machine: info };
  const stack = await stackOf(inspect, source);
  const owned = new DisposableStore();
  try {
    // As the studio does while somebody watches.
    owned.add(owned.add(new GiveWay()).hold());
    const decoder = owned.add(new Decoder(target.apiUrl, PROMPT, DECODE_TOKENS));
    const { tokens } = await decoder.decode(false);
    const close = openPanes(inspect, source, stack);
    owned.add({ dispose: () => void close() });
    let stoodMs = 0;
    const loads = { quiet: [] as LoadShares[], watched: [] as LoadShares[] };
    const answer = async (kind: 'quiet' | 'watched') => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      interrupts.signal.throwIfAborted();
      const before = hostLoad(info.qemuPid);
      const { tokensPerSecond } = await decoder.decode(kind === 'quiet');
      const after = hostLoad(info.qemuPid);
      if (kind === 'quiet') stoodMs += after.atMs - before.atMs;
      loads[kind].push(sharesBetween(before, after));
      return tokensPerSecond;
    };
    // What a pane asks when it opens is asked once, and what is new to a program is slow at first.
    await new Promise((resolve) => setTimeout(resolve, OPENING_MS));
    const quiet = [await answer('quiet')];
    const watched: number[] = [];
    for (let pair = 1; pair <= pairs; pair += 1) {
      terminal.progress('measuring what looking costs', `answer ${2 * pair} of ${2 * pairs}`);
      watched.push(await answer('watched'));
      quiet.push(await answer('quiet'));
    }
    const { looks, ringMessages, ms } = await close();
    const watchedSeconds = Math.max(1, ms - stoodMs) / 1000;
    return {
      decodedTokens: tokens,
      ...{ quiet, watched },
      costPercent: medianInterval(lossesBeside(watched, quiet)),
      noisePercent: medianInterval(lossesBeside(quiet.slice(1, -1), quiet, 2)),
      looksPerSecond: looks / watchedSeconds,
      ringMessagesPerSecond: ringMessages / watchedSeconds,
      watchedLoad: meanLoad(loads.watched),
      quietLoad: meanLoad(loads.quiet),
    };
  } finally {
    owned.dispose();
  }
}

async function timesOf({ signal }: Interrupts, look: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < WARM_UP_LOOKS + LOOKS; n++) {
    signal.throwIfAborted();
    const started = performance.now();
    await look();
    if (n >= WARM_UP_LOOKS) times.push(performance.now() - started);
  }
  return times;
}

function meanLoad(loads: readonly LoadShares[]): LoadShares {
  const mean = (of: (it: LoadShares) => number | null) => {
    const values = loads.map(of).filter((it) => it !== null);
    return values.length === 0 ? null : values.reduce((sum, it) => sum + it, 0) / values.length;
  };
  return {
    own: mean((it) => it.own) ?? 0,
    besideGuest: mean((it) => it.besideGuest),
    guestWaited: mean((it) => it.guestWaited),
    all: mean((it) => it.all),
  };
}

/** What looking costs: the time of one look and of a snapshot, and how much slower the guest decodes while every pane looks. */
import { z } from 'zod';
import type { InspectSource, Profile, StartRequest } from '../../app/contract/index.ts';
import { startServing } from './bench-run.ts';
import type { CommandContext } from './command.ts';
import { giveUp, unwrap } from './failure.ts';
import { hostLoad, type LoadShares, sharesBetween } from './host-load.ts';
import { MotionMeter, startMotion } from './inspect-motion.ts';
import { openPanes, PANES, SNAPSHOT, stackOf } from './inspect-panes.ts';
import { type Interval, median, medianInterval } from './median.ts';

const WARM_UP_LOOKS = 30;
const LOOKS = 300;
/** Disks beside the model's: with the card's two queues there are eight of 256 entries. */
const SPARE_DISKS = 5;
/** The context of the small reference model holds these and the prompt. */
const DECODE_TOKENS = 480;
const OPENING_MS = 500;
/** Answers of one round. */
const ANSWERS = 2;
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
  /** Tokens per second of each answer, without looks and with them; rounds of both kinds alternate. */
  readonly quiet: readonly number[];
  readonly watched: readonly number[];
  /** How much less the guest decodes with looks than in the quiet answer beside it, in percent. */
  readonly costPercent: Interval;
  /** The same of one quiet answer and the next: what of it is noise. */
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
  rounds: number,
): Promise<InspectBench> {
  const looks = await onMachine(context, await withSpareDisks(context, request), (target) =>
    timeLooks(context, target),
  );
  const cost = await onMachine(context, request, (target) => measureCost(context, target, rounds));
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
  const { host, terminal } = context;
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
    lookMs[name] = median(await timesOf(() => ask(inspect, source, stack))) ?? 0;
  const snapshotMs = snapshotTimes(await timesOf(snapshot));
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
  { host, terminal }: CommandContext,
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
      lookMs[name] = median(await timesOf(() => ask(inspect, source, 0n))) ?? 0;
    const meter = new MotionMeter();
    const times = await timesOf(async () => {
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

async function measureCost(
  { host, terminal, interrupts }: CommandContext,
  { machine, target }: Target,
  rounds: number,
): Promise<LookCost> {
  const { inspect } = host;
  const { info } = machine;
  const source: InspectSource = { machine: info };
  const stack = await stackOf(inspect, source);
  const speeds = { quiet: [] as number[], watched: [] as number[] };
  const loads = { quiet: [] as LoadShares[], watched: [] as LoadShares[] };
  const looked = { looks: 0, ringMessages: 0, ms: 0 };
  const decode = () => decodeQuietly(target.apiUrl, interrupts.signal);
  const { tokens } = await decode();
  const one = async (kind: 'quiet' | 'watched') => {
    const close = kind === 'watched' ? openPanes(inspect, source, stack) : undefined;
    // What a pane asks when it opens is asked once.
    if (close !== undefined) await new Promise((resolve) => setTimeout(resolve, OPENING_MS));
    const before = hostLoad(info.qemuPid);
    for (let answer = 0; answer < ANSWERS; answer++) speeds[kind].push((await decode()).tokensPerSecond);
    loads[kind].push(sharesBetween(before, hostLoad(info.qemuPid)));
    const end = await close?.();
    // Recordings go on for a while when nobody follows: the next round is to be quiet.
    inspect.rest();
    looked.looks += end?.looks ?? 0;
    looked.ringMessages += end?.ringMessages ?? 0;
    looked.ms += end?.ms ?? 0;
    interrupts.signal.throwIfAborted();
  };
  for (let round = 0; round < rounds; round++) {
    terminal.progress('measuring what looking costs', `round ${round + 1} of ${rounds}`);
    // Each watched round has its quiet one before it in one round and behind it in the next, so that a drift is nobody's.
    for (const kind of round % 2 === 0 ? (['quiet', 'watched'] as const) : (['watched', 'quiet'] as const))
      await one(kind);
  }
  const { quiet, watched } = speeds;
  const loss = (before: number, after: number) => (1 - after / before) * 100;
  return {
    decodedTokens: tokens,
    ...{ quiet, watched },
    costPercent: medianInterval(watched.map((speed, n) => loss(quiet[n] ?? speed, speed))),
    noisePercent: medianInterval(quiet.slice(1).map((speed, n) => loss(quiet[n] ?? speed, speed))),
    looksPerSecond: (looked.looks * 1000) / Math.max(1, looked.ms),
    ringMessagesPerSecond: (looked.ringMessages * 1000) / Math.max(1, looked.ms),
    watchedLoad: meanLoad(loads.watched),
    quietLoad: meanLoad(loads.quiet),
  };
}

const AnswerSchema = z.object({
  timings: z.object({ predicted_per_second: z.number(), predicted_n: z.number().int() }),
});

/**
 * One long greedy answer in one piece: a streamed one keeps this program and QEMU's network busy with every token, which would hide
 * what looking adds. The speed is the guest's own word.
 */
async function decodeQuietly(
  apiUrl: string,
  signal: AbortSignal,
): Promise<{ tokensPerSecond: number; tokens: number }> {
  const response = await fetch(`${apiUrl}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: PROMPT, max_tokens: DECODE_TOKENS, temperature: 0 }),
    signal,
  });
  const parsed = AnswerSchema.safeParse(await response.json());
  if (!parsed.success)
    return giveUp(
      'bad-answer',
      'the guest does not say how fast it decodes',
      z.prettifyError(parsed.error),
      'try again',
    );
  const { predicted_per_second: tokensPerSecond, predicted_n: tokens } = parsed.data.timings;
  return { tokensPerSecond, tokens };
}

async function timesOf(look: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < WARM_UP_LOOKS + LOOKS; n++) {
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

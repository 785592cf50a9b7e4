import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { BenchRun } from '../bench-run.ts';
import { benchOnce } from '../bench-run.ts';
import { buildKernel, MACHINE_OPTIONS, resolveModel, startRequest } from '../boot.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp } from '../failure.ts';
import type { LoadShares } from '../host-load.ts';
import { benchInspect, type InspectBench, type MotionTimes } from '../inspect-bench.ts';
import { type Interval, median } from '../median.ts';
import { inOwnSession, isInOwnSession } from '../own-session.ts';
import { table } from '../terminal.ts';

/** The figures of a run, with their titles for the table and the digits that mean something. */
const FIGURES = [
  ['firstSerialByteMs', 'SERIAL ms', 0],
  ['shellReadyMs', 'SHELL ms', 0],
  ['firstTokenMs', 'TOKEN ms', 0],
  ['kernelFirstTokenMs', 'KERNEL ms', 0],
  ['promptTokensPerSecond', 'PROMPT t/s', 0],
  ['decodeTokensPerSecond', 'DECODE t/s', 0],
] as const;

/** Pairs of answers, and with how few nothing can be said. */
const PAIRS = 300;
const LEAST_PAIRS = 6;

type FigureName = (typeof FIGURES)[number][0];

const { profile: _, ...machineOptions } = MACHINE_OPTIONS;

export const bench = defineCommand({
  name: 'bench',
  summary: 'measure booting and thinking, profile by profile',
  operands: '',
  arity: [0, 0],
  description: `Boots each profile several times and prints the median of each figure:

SERIAL   start of the QEMU process to the first byte on the serial port
SHELL    … to the line "ring0: shell ready"
TOKEN    … to the first token of the model in this program's hands, through the guest's TCP stack
KERNEL   the kernel's first instruction to that token, by the guest's own clock
PROMPT   tokens per second of a prompt of about 100 tokens, as the guest's API reports it
DECODE   tokens per second of 256 tokens of greedy text after it, likewise

The machine is the one you have: compare figures of one run with each other, not with another day's.`,
  options: {
    ...machineOptions,
    profiles: { kind: 'text', short: 'p', value: 'A,B', help: 'profiles to measure (default all that ship)' },
    runs: {
      kind: 'number',
      short: 'n',
      value: 'N',
      minimum: 1,
      maximum: 1000,
      help: 'boots per profile (default 3); with --inspect pairs of answers, one of them watched (default 300)',
    },
    inspect: {
      kind: 'flag',
      help: 'what looking costs instead: one snapshot, and the guest while all panes look 30 times a second',
    },
  },
  examples: [
    ['ring0 bench', 'every profile'],
    ['ring0 bench -p direct,smp4 -n 5 -m stories260K-q8_0.gguf', 'two profiles, five boots each, this model'],
    ['ring0 bench --inspect -p direct -n 1000', 'what the inspecting panes cost the guest, in one run'],
    ['ring0 bench --json > bench.json', 'every single run, with the circumstances'],
  ],
  async run(context, values) {
    if (values.inspect && !isInOwnSession()) {
      const { signal } = context.interrupts;
      const code = await inOwnSession(process.argv.slice(1), signal);
      signal.throwIfAborted();
      return code;
    }
    const { host, terminal } = context;
    const listed = (await host.profiles.list()).map((profile) => profile.name);
    const names = values.profiles?.split(',') ?? listed;
    const model = await resolveModel(context, values.model ?? referenceModel(context.root));
    const { elfPath, efiPath } = await buildKernel(context);
    const runs = values.runs ?? 3;
    if (values.inspect) {
      const request = startRequest({ ...values, profile: names[0] ?? 'direct' }, { elfPath, efiPath }, model.path);
      const result = await benchInspect(context, request, Math.max(values.runs ?? PAIRS, LEAST_PAIRS));
      terminal.clearProgress();
      if (values.json) terminal.json(result);
      else terminal.line(inspectText(result));
      return EXIT.ok;
    }
    const results: BenchRun[] = [];
    for (const name of names) {
      for (let round = 1; round <= runs; round += 1) {
        terminal.progress(`measuring ${name}`, `boot ${round} of ${runs}`);
        results.push(
          await benchOnce(context, startRequest({ ...values, profile: name }, { elfPath, efiPath }, model.path)),
        );
      }
    }
    terminal.clearProgress();
    if (results.length === 0) giveUp('no-profile', 'there is no profile to measure', '', 'see ring0 profiles list');
    const medians = names.map((name) =>
      summarise(
        name,
        results.filter((run) => run.profile === name),
      ),
    );
    const circumstances = {
      hostProcessor: cpus()[0]?.model ?? 'unknown',
      hostThreads: cpus().length,
      model: model.name,
      quantisation: model.facts?.quantisation ?? 'unknown',
      kernelProfile: 'release',
      clock: 'host: monotonic clock, from the start of the QEMU process; guest: TSC, as calibrated by the kernel',
    };
    if (values.json) {
      terminal.json({ circumstances, medians, runs: results });
      return EXIT.ok;
    }
    terminal.line(
      table(
        ['PROFILE', 'ACCEL', 'CORES', 'ENGINE', 'TSC MHz', 'RUNS', ...FIGURES.map(([, title]) => title)],
        medians.map((row) => [
          row.profile,
          row.accelerator,
          String(row.cores),
          row.engine,
          row.tscHz === null ? '?' : (row.tscHz / 1e6).toFixed(0),
          String(row.runs),
          ...FIGURES.map(([name, , digits]) => row.figures[name]?.toFixed(digits) ?? '-'),
        ]),
        [2, 4, 5, 6, 7, 8, 9, 10, 11],
        terminal.paint,
      ),
    );
    terminal.hint(
      `medians; ${circumstances.model} (${circumstances.quantisation}), kernel ${circumstances.kernelProfile}, on ${circumstances.hostThreads} threads of ${circumstances.hostProcessor}`,
    );
    terminal.hint(circumstances.clock);
    return EXIT.ok;
  },
});

/** The small trained model that published figures are about, where the project's shared folder has it; else the demo model. */
function referenceModel(root: string): string | undefined {
  const path = join(root, '..', 'shared', 'data', 'stories260K-q8_0.gguf');
  return existsSync(path) ? path : undefined;
}

function inspectText(it: InspectBench) {
  const percent = ({ median: middle, low, high }: Interval) =>
    `${middle.toFixed(2)} % (95 %: ${low.toFixed(2)} to ${high.toFixed(2)})`;
  const speed = (values: readonly number[]) => `${median(values)?.toFixed(0)} tokens/s`;
  const share = (value: number | null) => (value === null ? '?' : `${(value * 100).toFixed(1)} %`);
  const load = ({ own, besideGuest, all, guestWaited }: LoadShares) =>
    `this program ${share(own)}, QEMU beside the guest ${share(besideGuest)}, the whole computer ${share(all)}; the guest waited for one ${share(guestWaited)} of the time`;
  return [
    `${it.profile}, ${it.accelerator}, queues of ${it.queues.join(' ')}; medians`,
    ...Object.entries(it.lookMs).map(([name, ms]) => `one look: ${name.padEnd(13)} ${ms.toFixed(2)} ms`),
    `one snapshot (processors, GDT, IDT, TSS, ${it.queues.length} queues): ${it.snapshotMs.median.toFixed(2)} ms, 19 of 20 within ${it.snapshotMs.p95.toFixed(2)} ms; the first ${it.firstSnapshotMs.toFixed(0)} ms`,
    ...it.motion.map((motion) => motionText(motion, it.queues.length)),
    `decode of ${it.decodedTokens} tokens, nobody looks:     ${speed(it.quiet)} (${it.quiet.length} answers)`,
    `decode, ${it.looksPerSecond.toFixed(1)} looks a second of all: ${speed(it.watched)} (${it.watched.length} answers in turn with them)`,
    `looking costs the guest ${percent(it.costPercent)}; quiet answers among each other: ${percent(it.noisePercent)}`,
    `shares of one processor while nobody looks: ${load(it.quietLoad)}`,
    `shares of one processor while looking:      ${load(it.watchedLoad)}; ${it.ringMessagesPerSecond.toFixed(0)} messages a second of the rings`,
  ].join('\n');
}

function motionText(
  { readsPerSecond, snapshotMs, lookMs, moving, chainsPerSecond, openQueues }: MotionTimes,
  all: number,
) {
  const how = readsPerSecond === null ? 'as fast as the guest can' : `${readsPerSecond} reads/s of each disk`;
  const parts = Object.entries(lookMs).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
  return `the same with ${moving} of ${all} queues in motion, ${how} (${chainsPerSecond.toFixed(0)} chains/s, something in flight in ${openQueues.toFixed(1)} queues): ${snapshotMs.median.toFixed(2)} ms, 19 of 20 within ${snapshotMs.p95.toFixed(2)} ms; one look: ${parts.join(', ')}`;
}

function summarise(profile: string, runs: readonly BenchRun[]) {
  const last = runs.at(-1);
  const figures = Object.fromEntries(FIGURES.map(([name]) => [name, median(runs.map((run) => run[name]))])) as Record<
    FigureName,
    number | null
  >;
  return {
    profile,
    accelerator: last?.accelerator ?? 'unknown',
    cores: last?.cores ?? 0,
    engine: last?.engine ?? 'unknown',
    tscHz: last?.tscHz ?? null,
    runs: runs.length,
    figures,
  };
}

import type { BootReport, BootTimeline } from '../../app/contract/index.ts';

/** A bar of the waterfall; times in milliseconds from the view's beginning. */
export interface BootBar {
  readonly name: string;
  /** Who was at work: the host before power-on, firmware (or QEMU's loader) before the kernel, the kernel. */
  readonly by: 'host' | 'firmware' | 'kernel';
  readonly startMs: number;
  /** Null while it runs. */
  readonly durationMs: number | null;
  /** Of the whole, 0 to 1; null while it runs. */
  readonly share: number | null;
}

/** What the axis spans: all from QEMU's start, or from the kernel's first instruction. */
export type BootScope = 'start' | 'kernel';

export interface BootView {
  readonly scope: BootScope;
  readonly bars: readonly BootBar[];
  /** Where the axis ends. */
  readonly endMs: number;
  /** From the axis's beginning to the end of the last phase. */
  readonly bootMs: number;
  readonly firstTokenMs: number | null;
  /** Whether the first token lies on the axis, or so far out that the phases would vanish. */
  readonly firstTokenOnAxis: boolean;
  readonly ticks: readonly number[];
  /** Phases whose times are unknown: the clock's frequency is not known yet, or the record is damaged. */
  readonly untimed: readonly string[];
}

/** The waterfall from QEMU's start; null where the timeline cannot place the kernel, and says why. */
export function startView(timeline: BootTimeline): BootView | null {
  if (timeline.entryMs === null) return null;
  const firstToken = timeline.marks.find(({ name }) => name === 'first token');
  return view('start', timeline.spans, firstToken?.atMs ?? null, []);
}

/** The waterfall of a boot report, from the kernel's first instruction. */
export function bootView(report: BootReport): BootView {
  const timed = report.phases.flatMap(({ name, startMs, durationMs }) =>
    startMs === null ? [] : [{ name, by: 'kernel' as const, startMs, durationMs }],
  );
  const untimed = report.phases.filter(({ startMs }) => startMs === null).map(({ name }) => name);
  return view('kernel', timed, report.firstTokenMs, untimed);
}

function view(
  scope: BootScope,
  spans: readonly Omit<BootBar, 'share'>[],
  firstTokenMs: number | null,
  untimed: readonly string[],
): BootView {
  const bootMs = Math.max(0, ...spans.map(({ startMs, durationMs }) => startMs + (durationMs ?? 0)));
  // The first token waits for the first question, which may come an hour later.
  const firstTokenOnAxis = firstTokenMs !== null && firstTokenMs <= bootMs * 3;
  const endMs = Math.max(bootMs, firstTokenOnAxis ? firstTokenMs : 0, 0.001);
  return {
    scope,
    bars: spans.map((span) => ({
      ...span,
      share: span.durationMs === null || bootMs === 0 ? null : span.durationMs / bootMs,
    })),
    endMs,
    bootMs,
    firstTokenMs,
    firstTokenOnAxis,
    ticks: ticksTo(endMs),
    untimed,
  };
}

/** Four to eight round numbers from 0 to `end`. */
export function ticksTo(end: number): number[] {
  const rough = end / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const count = Math.floor(end / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** `0.4 ms`, `123 ms`, `1.50 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  if (milliseconds >= 100) return `${milliseconds.toFixed(0)} ms`;
  return milliseconds >= 1 ? `${milliseconds.toFixed(1)} ms` : `${(milliseconds * 1000).toFixed(0)} µs`;
}

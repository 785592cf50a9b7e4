import type { BootReport } from '../../app/contract/index.ts';

/** A bar of the waterfall; times in milliseconds since the kernel's first instruction. */
export interface BootBar {
  readonly name: string;
  readonly startMs: number;
  /** Null while it runs. */
  readonly durationMs: number | null;
  /** Of the whole, 0 to 1; null while it runs. */
  readonly share: number | null;
}

export interface BootView {
  readonly bars: readonly BootBar[];
  /** Where the axis ends. */
  readonly endMs: number;
  /** From the first instruction to the end of the last phase. */
  readonly bootMs: number;
  readonly firstTokenMs: number | null;
  /** Whether the first token lies on the axis, or so far out that the phases would vanish. */
  readonly firstTokenOnAxis: boolean;
  readonly ticks: readonly number[];
  /** Phases whose times are unknown: the clock's frequency is not known yet, or the record is damaged. */
  readonly untimed: readonly string[];
}

/** The waterfall of a boot report. */
export function bootView(report: BootReport): BootView {
  const bars: BootBar[] = [];
  const untimed: string[] = [];
  const ends: number[] = [];
  for (const { name, startMs, durationMs } of report.phases) {
    if (startMs === null) untimed.push(name);
    else {
      bars.push({ name, startMs, durationMs, share: null });
      ends.push(startMs + (durationMs ?? 0));
    }
  }
  const bootMs = Math.max(0, ...ends);
  const { firstTokenMs } = report;
  // The first token waits for the first question, which may come an hour later.
  const firstTokenOnAxis = firstTokenMs !== null && firstTokenMs <= bootMs * 3;
  const endMs = Math.max(bootMs, firstTokenOnAxis ? (firstTokenMs ?? 0) : 0, 0.001);
  return {
    bars: bars.map((bar) => ({
      ...bar,
      share: bar.durationMs === null || bootMs === 0 ? null : bar.durationMs / bootMs,
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

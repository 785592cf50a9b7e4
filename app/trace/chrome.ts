/** Spans as Chrome trace JSON, which chrome://tracing, Perfetto and Speedscope open. One thread row per core. */
import type { TraceSpans } from '../contract/index.ts';

/** A complete event ("X") of the Trace Event Format, times in microseconds; or metadata ("M") that names a row. */
export interface ChromeTraceEvent {
  readonly ph: 'X' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args: Readonly<Record<string, string | number | null>>;
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ns';
  readonly traceEvents: readonly ChromeTraceEvent[];
}

/** Used where the record does not know the TSC's frequency: then a "microsecond" is a thousand ticks. */
const ASSUMED_TICKS_PER_SECOND = 1e9;

/** Times count from the oldest span. Spans whose duration is not known are left out: they have no extent to draw. */
export function chromeTrace(trace: TraceSpans): ChromeTrace {
  const ticksPerMicrosecond = (trace.tscHz ?? ASSUMED_TICKS_PER_SECOND) / 1e6;
  const drawn = trace.spans.filter((span) => BigInt(span.endTsc) >= BigInt(span.startTsc));
  const origin = drawn.reduce<bigint | undefined>((least, span) => {
    const start = BigInt(span.startTsc);
    return least === undefined || start < least ? start : least;
  }, undefined);
  const micro = (ticks: bigint) => Number(ticks) / ticksPerMicrosecond;
  const cores = [...new Set(drawn.map((span) => span.core))].sort((a, b) => a - b);
  return {
    displayTimeUnit: 'ns',
    traceEvents: [
      ...cores.map((core) => ({
        ph: 'M' as const,
        name: 'thread_name',
        pid: 0,
        tid: core,
        args: { name: `core ${core}` },
      })),
      ...drawn.map((span) => ({
        ph: 'X' as const,
        name: span.layer === null ? span.operation : `${span.operation} ${span.layer}`,
        cat: span.operation,
        pid: 0,
        tid: span.core,
        ts: micro(BigInt(span.startTsc) - (origin ?? 0n)),
        dur: micro(BigInt(span.endTsc) - BigInt(span.startTsc)),
        args: { token: span.token, position: span.position, layer: span.layer, number: span.number },
      })),
    ],
  };
}

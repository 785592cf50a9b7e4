import type { TraceSpan, TraceSpans } from '../contract/records.ts';

/** A pause this long between two tokens is one between two answers. */
const PAUSE_NS = 1_000_000_000n;
/** Rates of fewer intervals say nothing. */
const MIN_INTERVALS = 2;

export interface TokenRate {
  /** Of the last run of tokens without a pause; null before there are enough. */
  readonly tokensPerSecond: number | null;
  /** The highest token number that was begun; null for an empty trace. */
  readonly tokens: number | null;
}

/** How fast tokens were chosen, by the ends of the `sample` spans that the ring still holds. */
export function tokenRate({ spans, tscHz }: Pick<TraceSpans, 'spans' | 'tscHz'>): TokenRate {
  const tokens = spans.reduce<number | null>((most, { token }) => Math.max(most ?? 0, token), null);
  if (tscHz === null || tscHz <= 0) return { tokensPerSecond: null, tokens };
  const ends = sampleEnds(spans);
  const pause = (PAUSE_NS * BigInt(Math.round(tscHz))) / 1_000_000_000n;
  let first = ends.length - 1;
  while (first > 0 && (ends[first] ?? 0n) - (ends[first - 1] ?? 0n) < pause) first--;
  const intervals = ends.length - 1 - first;
  const ticks = Number((ends.at(-1) ?? 0n) - (ends[first] ?? 0n));
  return {
    tokensPerSecond: intervals < MIN_INTERVALS || ticks <= 0 ? null : (intervals * tscHz) / ticks,
    tokens,
  };
}

/** One end a token, in rising order; several sequences of a batch are sampled one after the other. */
function sampleEnds(spans: readonly TraceSpan[]): bigint[] {
  const ends = spans.flatMap(({ operation, endTsc }) => {
    const end = BigInt(endTsc);
    return operation === 'sample' && end > 0n ? [end] : [];
  });
  return ends.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

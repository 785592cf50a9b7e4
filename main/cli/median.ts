/** Of the values that there are; null if there are none. */
export function median(values: ReadonlyArray<number | null>): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

export interface Interval {
  readonly median: number;
  /** The median of all that could have been measured lies between these with 95 %. */
  readonly low: number;
  readonly high: number;
}

/**
 * A median and how well it is known, whatever the values' distribution: the ranks between which the true median lies follow from coin
 * tosses alone (the sign test's interval). With fewer than six values nothing can be said: then the ends are the least and the largest.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  // The largest rank whose tail of the binomial distribution is at most 2.5 %.
  let rank = 0;
  for (let k = 0, probability = 0.5 ** count, tail = probability; tail <= 0.025 && k < count / 2; k++) {
    rank = k;
    probability *= (count - k) / (k + 1);
    tail += probability;
  }
  return { median: median(sorted) ?? 0, low: sorted[rank] ?? 0, high: sorted[count - 1 - rank] ?? 0 };
}

/**
 * Of each speed, how much slower it is than those before and after it among `others`, in percent: what is measured in turn drifts alike.
 * @param apart of the two that are before and after, in `others`
 */
export function lossesBeside(speeds: readonly number[], others: readonly number[], apart = 1): number[] {
  return speeds.map((speed, n) => {
    const beside = (1 / (others[n] ?? speed) + 1 / (others[n + apart] ?? speed)) / 2;
    return (1 - beside * speed) * 100;
  });
}

import type { Progress } from '../../app/contract/common.ts';

/** `1.7 M`, `1.24 B`: as model cards count. */
export function parameterCount(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(2)} B`;
  if (parameters >= 1e6) return `${(parameters / 1e6).toFixed(parameters >= 1e8 ? 0 : 1)} M`;
  return parameters >= 1e3 ? `${Math.round(parameters / 1e3)} K` : String(parameters);
}

const MB = 1e6;
const MIN_MS = 2000;

/** `downloading: 12.3 of 145.0 MB, 8%, 12 s`: what has come of it, and for how long it has been going on. */
export function transferWords({ message, done, total }: Progress, elapsedMs: number): string {
  const of = total === null ? '' : ` of ${(total / MB).toFixed(1)}`;
  const share = total === null || total === 0 ? '' : `, ${Math.floor((done / total) * 100)}%`;
  const words = `${message}: ${(done / MB).toFixed(1)}${of} MB${share}`;
  return elapsedMs < MIN_MS ? words : `${words}, ${Math.round(elapsedMs / 1000)} s`;
}

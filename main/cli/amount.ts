import type { Progress } from '../../app/contract/index.ts';

export function bytes(value: number): string {
  if (value >= 1 << 30) return `${(value / 2 ** 30).toFixed(1)} GiB`;
  if (value >= 1 << 20) return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return `${(value / 1024).toFixed(0)} KiB`;
}

/** How far something is: `3.0 MiB of 1.8 GiB (0 %)`. */
export function amountText({ done, total, unit }: Progress): string {
  const amount = (value: number) => (unit === 'bytes' ? bytes(value) : String(value));
  return total === null
    ? amount(done)
    : `${amount(done)} of ${amount(total)} (${Math.floor((100 * done) / Math.max(1, total))} %)`;
}

import { memo } from 'react';
import type { RingRate } from '../../../app/contract/inspect/virtio.ts';

const WIDTH = 240;
const HEIGHT = 40;

/** Three curves over the last minute: what comes and goes, how much is under way, and how long it takes. */
export const Charts = memo(function Charts({
  rates,
}: {
  readonly rates: readonly RingRate[];
  /** Of the newest of them: they are one array, which changes. */
  readonly newest: number;
}) {
  const perSecond = rates.map((it, n) => {
    const span = (it.atUs - (rates[n - 1]?.atUs ?? it.atUs - 250_000)) / 1e6;
    return it.used / Math.max(0.001, span);
  });
  const depth = rates.map((it) => it.depth);
  const times = rates.map((it) => (it.medianUs === null ? null : it.medianUs / 1000));
  const longest = rates.map((it) => (it.longestUs === null ? null : it.longestUs / 1000));
  return (
    <div className="vq-charts">
      <Chart title="Rate" unit="/s" lines={[perSecond]} tone="returned" />
      <Chart title="Queue depth" unit="" lines={[depth]} tone="in-flight" />
      <Chart title="In flight" unit=" ms" lines={[longest, times]} tone="published" />
    </div>
  );
});

function Chart({
  title,
  unit,
  lines,
  tone,
}: {
  readonly title: string;
  readonly unit: string;
  readonly lines: ReadonlyArray<ReadonlyArray<number | null>>;
  readonly tone: string;
}) {
  const values = lines.flat().filter((it): it is number => it !== null);
  const top = Math.max(1e-9, ...values);
  const last = lines.at(-1)?.findLast((it) => it !== null) ?? null;
  const length = 240;
  const path = (line: ReadonlyArray<number | null>) => {
    const shift = length - line.length;
    let pen = 'M';
    return line
      .map((value, n) => {
        if (value === null) {
          pen = 'M';
          return '';
        }
        const point = `${pen}${(((shift + n) / (length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1)}`;
        pen = 'L';
        return point;
      })
      .join('');
  };
  const show = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));
  return (
    <figure className="vq-chart" data-tone={tone}>
      <figcaption>
        {title} <strong>{last === null ? '–' : `${show(last)}${unit}`}</strong>
        <span>{values.length === 0 ? '' : `max ${show(top)}${unit}`}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <line x1={0} x2={WIDTH} y1={HEIGHT - 1.5} y2={HEIGHT - 1.5} />
        {lines.map((line, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a chart's lines stay in their order
          <path key={n} d={path(line)} data-faint={lines.length > 1 && n === 0 ? '' : undefined} />
        ))}
      </svg>
    </figure>
  );
}

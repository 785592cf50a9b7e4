import { useEffect, useRef, useState } from 'react';
import { type BootBar, type BootView, duration } from '../../state/boot-view.ts';

const ROW = 22;
const AXIS = 22;
const LABELS = 128;
const RIGHT = 84;

/** Phases as bars over time. The table says the same to whom cannot see it. */
export function Waterfall({ view }: { readonly view: BootView }) {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  const [active, setActive] = useState<number | null>(null);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(320, entry?.contentRect.width ?? 800)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  const plot = width - LABELS - RIGHT;
  const x = (ms: number) => LABELS + (ms / view.endMs) * plot;
  const height = AXIS + view.bars.length * ROW + 6;
  const shown = active === null ? undefined : view.bars[active];
  return (
    <div className="boot-waterfall" ref={element}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`Boot waterfall: ${view.bars.map(describe).join('; ')}`}
        onPointerLeave={() => setActive(null)}
      >
        {view.ticks.map((tick) => (
          <g key={tick}>
            <line className="boot-grid" x1={x(tick)} x2={x(tick)} y1={AXIS} y2={height} />
            <text className="boot-tick" x={x(tick)} y={14} textAnchor="middle">
              {tick === 0 ? '0' : duration(tick)}
            </text>
          </g>
        ))}
        {view.bars.map((bar, index) => (
          <Bar
            // biome-ignore lint/suspicious/noArrayIndexKey: phases may share a name, and are only ever added
            key={index}
            bar={bar}
            y={AXIS + index * ROW}
            x={x}
            endMs={view.endMs}
            width={width}
            active={active === index}
            onActive={() => setActive(index)}
          />
        ))}
        {view.firstTokenOnAxis && view.firstTokenMs !== null ? (
          <g>
            <line className="boot-token" x1={x(view.firstTokenMs)} x2={x(view.firstTokenMs)} y1={AXIS} y2={height} />
            <text className="boot-token-label" x={x(view.firstTokenMs) + 4} y={height - 6}>
              first token
            </text>
          </g>
        ) : null}
      </svg>
      <p className="boot-detail" aria-live="polite">
        {shown === undefined ? '\u00a0' : describe(shown)}
      </p>
    </div>
  );
}

function Bar({
  bar,
  y,
  x,
  endMs,
  width,
  active,
  onActive,
}: {
  readonly bar: BootBar;
  readonly y: number;
  readonly x: (ms: number) => number;
  readonly endMs: number;
  readonly width: number;
  readonly active: boolean;
  readonly onActive: () => void;
}) {
  const from = x(bar.startMs);
  const to = x(bar.durationMs === null ? endMs : bar.startMs + bar.durationMs);
  const barWidth = Math.max(2, to - from);
  return (
    <g className="boot-row" data-active={active ? '' : undefined} onPointerEnter={onActive}>
      <rect className="boot-hit" x={0} y={y} width={width} height={ROW} />
      <text className="boot-name" x={LABELS - 10} y={y + 15} textAnchor="end">
        {bar.name.length > 18 ? `${bar.name.slice(0, 17)}…` : bar.name}
      </text>
      <rect
        className="boot-bar"
        data-by={bar.by}
        data-running={bar.durationMs === null ? '' : undefined}
        x={from}
        y={y + 5}
        width={barWidth}
        height={ROW - 10}
        rx={2}
      />
      <text className="boot-time" x={from + barWidth + 6} y={y + 15}>
        {bar.durationMs === null ? 'running' : duration(bar.durationMs)}
      </text>
    </g>
  );
}

function describe({ name, startMs, durationMs, share }: BootBar): string {
  const took = durationMs === null ? 'still running' : `takes ${duration(durationMs)}`;
  return `${name} begins at ${duration(startMs)} and ${took}${share === null ? '' : `, ${(share * 100).toFixed(1)}% of the boot`}`;
}

import { type KeyboardEvent, memo, useEffect, useRef, useState } from 'react';
import type { AddressSpace } from '../../../app/contract/inspect/paging.ts';
import {
  addressOf,
  around,
  axisTicks,
  bytesText,
  clustersOf,
  endOf,
  grouped,
  kindOf,
  type MapCell,
  type MapCluster,
  type MapWindow,
  mapCells,
  pan,
  positionOf,
  rightsWords,
  wholeSpace,
  zoom,
} from '../../state/paging-map.ts';

const HEIGHT = 46;
const AXIS = 20;

/** The address space: above in pieces with the gaps left out, below to scale, from all of it down to pages. */
export const AddressMap = memo(function AddressMap({
  space,
  dim,
  onWalk,
}: {
  readonly space: AddressSpace;
  /** Indexes of ranges that a filter leaves out. */
  readonly dim: ReadonlySet<number>;
  readonly onWalk: (address: bigint) => void;
}) {
  const whole = wholeSpace(space.addressBits);
  const clusters = clustersOf(space);
  const [window, setWindow] = useState<MapWindow>(whole);
  const [active, setActive] = useState<number | null>(null);
  const [width, setWidth] = useState(900);
  const element = useRef<HTMLDivElement>(null);
  const { addressBits } = space;
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(200, entry?.contentRect.width ?? 900)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  const cells = mapCells(space, window, width);
  const x = (position: bigint) => (Number(position - window.from) / Number(window.to - window.from)) * width;
  const activeCell = active === null ? -1 : cells.findIndex((cell) => cell.first <= active && active <= cell.last);
  const zoomTo = (cell: MapCell) => {
    const [first, last] = [space.ranges[cell.first], space.ranges[cell.last]];
    if (first === undefined || last === undefined) return;
    const from = positionOf(first.start, addressBits);
    setWindow(around({ from, to: positionOf(last.start, addressBits) + BigInt(last.bytes) }, whole));
    setActive(cell.first);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const middle = (window.from + window.to) / 2n;
    const go = (step: number) => {
      const next =
        cells[
          Math.min(cells.length - 1, Math.max(0, (activeCell < 0 ? (step > 0 ? -1 : cells.length) : activeCell) + step))
        ];
      if (next !== undefined) setActive(next.first);
    };
    const keys: Record<string, () => void> = {
      ArrowRight: () => go(1),
      ArrowLeft: () => go(-1),
      ArrowUp: () => setWindow(pan(window, -0.25, whole)),
      ArrowDown: () => setWindow(pan(window, 0.25, whole)),
      Home: () => setWindow(whole),
      Escape: () => setWindow(whole),
      '+': () => setWindow(zoom(window, 0.5, middle, whole)),
      '=': () => setWindow(zoom(window, 0.5, middle, whole)),
      '-': () => setWindow(zoom(window, 2, middle, whole)),
      Enter: () => {
        const cell = cells[activeCell];
        if (cell !== undefined) zoomTo(cell);
      },
    };
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  // The wheel is listened to by hand: React's own listener may not stop the page from scrolling.
  useEffect(() => {
    const svg = element.current;
    if (svg === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const share = (event.clientX - svg.getBoundingClientRect().left) / width;
      setWindow((now) => {
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          return pan(now, (event.deltaX + event.deltaY) / 1000, wholeSpace(addressBits));
        const about = now.from + BigInt(Math.round(Number(now.to - now.from) * share));
        return zoom(now, event.deltaY > 0 ? 1.5 : 1 / 1.5, about, wholeSpace(addressBits));
      });
    };
    svg.addEventListener('wheel', onWheel, { passive: false });
    return () => svg.removeEventListener('wheel', onWheel);
  }, [width, addressBits]);
  const range = active === null ? undefined : space.ranges[active];
  return (
    <div className="paging-map">
      <div className="paging-clusters" role="toolbar" aria-label="Mapped pieces of the address space">
        {clusters.map((cluster) => (
          <Cluster
            key={cluster.from.toString()}
            cluster={cluster}
            addressBits={addressBits}
            shown={window.from <= cluster.from && cluster.to <= window.to && window !== whole}
            onShow={() => setWindow(around(cluster, whole))}
          />
        ))}
      </div>
      <div
        ref={element}
        className="paging-scale"
        role="listbox"
        tabIndex={0}
        aria-label="Address space to scale. Left and right: from range to range; plus and minus: zoom; up and down: move; Enter: zoom into the range; Home: all"
        aria-activedescendant={activeCell < 0 ? undefined : `paging-cell-${activeCell}`}
        onKeyDown={onKeyDown}
        data-autofocus
      >
        <svg width={width} height={HEIGHT + AXIS} role="presentation">
          {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus */}
          <g aria-hidden="true">
            <rect className="paging-empty" x={0} y={0} width={width} height={HEIGHT} />
            {axisTicks(window, width).map((tick) => (
              <g key={tick.toString()}>
                <line className="paging-tick" x1={x(tick)} x2={x(tick)} y1={0} y2={HEIGHT + 4} />
                {x(tick) > width - 130 ? null : (
                  <text className="paging-tick-text" x={x(tick) + 3} y={HEIGHT + 15}>
                    {grouped(addressOf(tick, addressBits))}
                  </text>
                )}
              </g>
            ))}
          </g>
          {cells.map((cell, index) => (
            <rect
              key={cell.first}
              id={`paging-cell-${index}`}
              role="option"
              aria-selected={index === activeCell}
              aria-label={describe(space, cell)}
              className="paging-cell"
              data-kind={cell.kind}
              data-user={cell.user ? '' : undefined}
              data-dim={dim.has(cell.first) && dim.has(cell.last) ? '' : undefined}
              data-active={index === activeCell ? '' : undefined}
              x={cell.x}
              y={4}
              width={Math.max(1, cell.width - (cell.width > 6 ? 1 : 0))}
              height={HEIGHT - 8}
              onPointerEnter={() => setActive(cell.first)}
              onClick={() => zoomTo(cell)}
              onDoubleClick={() => {
                const first = space.ranges[cell.first];
                if (first !== undefined) onWalk(BigInt(first.start));
              }}
            />
          ))}
        </svg>
      </div>
      <p className="paging-detail" aria-live="polite">
        {range === undefined ? (
          <span className="paging-hint">
            {bytesText(window.to - window.from)} shown. Wheel or + and − zoom, arrows move, Enter zooms into a range,
            Home shows all.
          </span>
        ) : (
          <>
            <i className="paging-swatch" data-kind={kindOf(range)} />
            <code>{grouped(range.start)}</code> to <code>{grouped(endOf(range))}</code> {bytesText(range.bytes)} →{' '}
            <code>{range.target}</code> {rightsWords(range)}, pages of {bytesText(range.pageBytes)}
            {range.ram ? '' : ', not RAM'}
            {range.label === '' ? '' : `, ${range.label}`}
          </>
        )}
      </p>
    </div>
  );
});

/** A cluster as a button: as wide as its size has digits, with what is in it as stripes. */
function Cluster({
  cluster,
  addressBits,
  shown,
  onShow,
}: {
  readonly cluster: MapCluster;
  readonly addressBits: number;
  readonly shown: boolean;
  readonly onShow: () => void;
}) {
  const span = Number(cluster.to - cluster.from);
  return (
    <button
      type="button"
      className="paging-cluster"
      aria-pressed={shown}
      style={{ flexGrow: Math.log2(span) }}
      onClick={onShow}
      title={`${grouped(addressOf(cluster.from, addressBits))}, ${bytesText(cluster.mappedBytes)} mapped in ${cluster.ranges.length} ranges`}
    >
      <span className="paging-stripes" aria-hidden="true">
        {cluster.ranges.slice(0, 64).map((range) => (
          <i key={range.start} data-kind={kindOf(range)} style={{ flexGrow: Math.log2(Number(range.bytes)) - 10 }} />
        ))}
      </span>
      <span className="paging-cluster-name">{grouped(addressOf(cluster.from, addressBits))}</span>
      <span className="paging-cluster-size">{bytesText(cluster.mappedBytes)}</span>
    </button>
  );
}

function describe(space: AddressSpace, cell: MapCell): string {
  const range = space.ranges[cell.first];
  if (range === undefined) return '';
  const more = cell.last === cell.first ? '' : ` and ${cell.last - cell.first} more ranges`;
  return `${range.start}, ${bytesText(range.bytes)}, ${rightsWords(range)}${more}`;
}

import { memo, useEffect, useRef, useState } from 'react';
import type { BufferOwner, VirtioQueue } from '../../../app/contract/inspect/virtio.ts';
import { useVirtioSelection } from '../../state/virtio.ts';
import { useTheme } from '../../widgets/use-theme.ts';
import { type Colours, drawRings, hit } from './draw-rings.ts';

/** The rings of a queue. What can be seen in it is also in the tables beside it, for those who read or listen. */
export const RingCanvas = memo(function RingCanvas({
  queue,
  selected,
}: {
  readonly queue: VirtioQueue;
  readonly selected: number | null;
}) {
  const theme = useTheme();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState(240);
  const [tip, setTip] = useState<{ readonly x: number; readonly y: number; readonly text: string } | null>(null);
  useEffect(() => {
    if (frame.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width = 360, height = 360 } = entry?.contentRect ?? {};
      setSize(Math.max(150, Math.floor(Math.min(width, height))));
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element == null || context == null) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    if (element.width !== size * ratio) {
      element.width = size * ratio;
      element.height = size * ratio;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawRings(context, size, queue, coloursOf(theme), selected);
  }, [queue, size, selected, theme]);
  const find = (event: React.PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const found = hit(queue, size, x, y);
    return found === null ? null : { ...found, x, y };
  };
  return (
    <div className="vq-rings" ref={frame}>
      <div className="vq-rings-box" style={{ width: size, height: size }}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={describe(queue)}
          style={{ width: size, height: size }}
          onPointerMove={(event) => {
            const found = find(event);
            setTip(found === null ? null : { x: found.x, y: found.y, text: slotText(queue, found.ring, found.slot) });
          }}
          onPointerLeave={() => setTip(null)}
          onPointerDown={(event) => {
            const found = find(event);
            const head = found === null ? null : chainAt(queue, found.ring, found.slot);
            useVirtioSelection.setState({ head });
          }}
        />
        {tip === null ? null : (
          <div className="vq-tip" style={{ left: Math.min(tip.x + 14, size - 190), top: tip.y + 16 }}>
            {tip.text}
          </div>
        )}
      </div>
    </div>
  );
});

function chainAt(queue: VirtioQueue, ring: 'avail' | 'table' | 'used', slot: number): number | null {
  if (ring === 'table') return queue.descriptors[slot]?.chain ?? null;
  if (ring === 'avail') return queue.availRing[slot] ?? null;
  return queue.usedRing[slot]?.id ?? null;
}

function slotText(queue: VirtioQueue, ring: 'avail' | 'table' | 'used', slot: number): string {
  if (ring === 'avail') return `avail[${slot}] = head ${queue.availRing[slot] ?? '?'}`;
  if (ring === 'used') {
    const element = queue.usedRing[slot];
    return `used[${slot}] = id ${element?.id ?? '?'}, ${element?.length ?? '?'} bytes written`;
  }
  const it = queue.descriptors[slot];
  if (it === undefined) return `descriptor ${slot}`;
  const flags = [
    (it.flags & 1) !== 0 ? `NEXT → ${it.next}` : '',
    (it.flags & 2) !== 0 ? 'WRITE' : '',
    (it.flags & 4) !== 0 ? 'INDIRECT' : '',
  ];
  return `descriptor ${slot}: ${it.owner}, ${it.address}, ${it.length} bytes ${flags.filter((flag) => flag !== '').join(' ')}`;
}

function describe(queue: VirtioQueue): string {
  const { free, published, returned } = queue.counts;
  return `Rings of ${queue.name}: ${queue.size} descriptors, ${free} free, ${published} published, ${queue.counts['in-flight']} in flight, ${returned} returned; avail index ${queue.avail?.index ?? 'unknown'}, used index ${queue.used?.index ?? 'unknown'}`;
}

const OWNERS: readonly BufferOwner[] = ['free', 'published', 'in-flight', 'returned'];

let known: { readonly theme: string; readonly colours: Colours } | null = null;

/** A canvas knows no custom properties: they are read for it, once a theme, for asking makes the page work its styles out at once. */
function coloursOf(theme: string): Colours {
  if (known?.theme === theme) return known.colours;
  // Of the document: a pane that is hidden is out of it, and has no styles.
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  const colours = {
    owner: Object.fromEntries(OWNERS.map((it) => [it, value(`--owner-${it}`)])) as Record<BufferOwner, string>,
    text: value('--fg'),
    strong: value('--fg-strong'),
    muted: value('--fg-muted'),
    line: value('--border-strong'),
    band: value('--bg-side'),
    accent: value('--accent'),
  };
  known = { theme, colours };
  return colours;
}

import { memo } from 'react';
import type { RingEvent } from '../../../app/contract/inspect/virtio.ts';
import { byteCount } from '../../../app/virtio/content/index.ts';
import type { QueueTape } from '../../../app/virtio/tape.ts';
import { countAt, useVirtioSelection } from '../../state/virtio.ts';

/** Events around the moment that is shown. */
const BEFORE = 60;
const AFTER = 30;

/** What happened, newest first; a click goes to that moment. */
export const Events = memo(function Events({
  tape,
}: {
  readonly tape: QueueTape | undefined;
  /** Number of its newest event: it changes in place. */
  readonly newest: number;
}) {
  const at = useVirtioSelection((state) => state.at);
  if (tape === undefined || tape.events.length === 0) return <p className="vq-quiet">Nothing has been recorded yet.</p>;
  const count = countAt(tape, at);
  const shown = tape.events.slice(Math.max(0, count - BEFORE), count + AFTER).reverse();
  const current = tape.events[count - 1]?.number;
  return (
    <ol className="vq-scroll vq-events">
      {shown.map((event) => (
        <li key={event.number} data-kind={event.kind} data-ahead={at !== null && event.number > at ? '' : undefined}>
          <button
            type="button"
            className="vq-link"
            aria-current={event.number === current ? 'step' : undefined}
            onClick={() => useVirtioSelection.setState({ at: event.number, head: headOf(event) })}
          >
            <time>{(event.atUs / 1e6).toFixed(4)}</time>
            <b>{KINDS[event.kind]}</b>
            <span>{text(event)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
});

const KINDS: Readonly<Record<RingEvent['kind'], string>> = {
  published: '▲ published',
  consumed: '◆ consumed',
  used: '▼ used',
  returned: '● taken back',
  snapshot: '■ snapshot',
};

function headOf(event: RingEvent): number | null {
  return event.kind === 'published' ? event.chain.head : event.kind === 'used' ? event.id : null;
}

export function text(event: RingEvent): string {
  switch (event.kind) {
    case 'published':
      return `${event.chain.head} ${event.chain.summary || byteCount(event.chain.readableBytes + event.chain.writableBytes)}`;
    case 'used':
      return `${event.id} ${event.summary || byteCount(event.length)}${event.inFlightUs === null ? '' : ` after ${duration(event.inFlightUs)}`}`;
    case 'consumed':
      return `device at ${event.index}`;
    case 'returned':
      return `driver at ${event.index}`;
    case 'snapshot':
      return event.why;
  }
}

function duration(us: number): string {
  return us < 1000 ? `${Math.round(us)} µs` : `${(us / 1000).toFixed(1)} ms`;
}

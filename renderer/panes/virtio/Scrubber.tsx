import { memo, useEffect, useState } from 'react';
import { plural } from '../../../app/base/plural.ts';
import type { QueueTape } from '../../../app/virtio/tape.ts';
import { countAt, step, useVirtioSelection } from '../../state/virtio.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { text } from './Events.tsx';

const PLAY_MS = 120;

/** The tape: a moment chosen, stepped to, played; or now. */
export const Scrubber = memo(function Scrubber({
  tape,
}: {
  readonly tape: QueueTape;
  /** Number of its newest event: it changes in place. */
  readonly newest: number;
}) {
  const at = useVirtioSelection((state) => state.at);
  const [playing, setPlaying] = useState(false);
  const total = tape.events.length;
  const count = countAt(tape, at);
  const event = tape.events[count - 1];
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => {
      if (useVirtioSelection.getState().at === null) setPlaying(false);
      else step(tape, 1);
    }, PLAY_MS);
    return () => clearInterval(timer);
  }, [playing, tape]);
  const newest = tape.events.at(-1);
  const ago = event === undefined || newest === undefined ? 0 : (newest.atUs - event.atUs) / 1e6;
  return (
    <div className="vq-scrubber" role="toolbar" aria-label="History of the queue">
      <IconButton
        icon="debug-step-back"
        label="One event back"
        hint=","
        disabled={count <= 1}
        onClick={() => step(tape, -1)}
      />
      <IconButton
        icon={playing ? 'debug-pause' : 'play'}
        label={playing ? 'Stop playing' : 'Play from here'}
        disabled={at === null}
        onClick={() => setPlaying(!playing)}
      />
      <IconButton
        icon="debug-step-over"
        label="One event on"
        hint="."
        disabled={at === null}
        onClick={() => step(tape, 1)}
      />
      <input
        type="range"
        min={Math.min(1, total)}
        max={Math.max(1, total)}
        value={Math.max(1, count)}
        aria-label="Moment"
        aria-valuetext={event === undefined ? 'nothing recorded' : `event ${count} of ${total}: ${text(event)}`}
        onChange={(change) => {
          const wanted = Number(change.target.value);
          useVirtioSelection.setState({ at: wanted >= total ? null : (tape.events[wanted - 1]?.number ?? null) });
        }}
      />
      <output className="vq-moment">
        {at === null
          ? `live · ${plural(total, 'event')}`
          : `${count}/${total} · ${ago.toFixed(3)} s ago · ${event === undefined ? '' : text(event)}`}
      </output>
      <Button
        kind={at === null ? 'secondary' : 'primary'}
        icon="pulse"
        disabled={at === null}
        onClick={() => {
          setPlaying(false);
          useVirtioSelection.setState({ at: null });
        }}
      >
        Live
      </Button>
    </div>
  );
});

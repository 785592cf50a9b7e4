import type { ReactNode } from 'react';
import type { AppError } from '../../app/base/result.ts';
import { type Inspected, useInspectables } from '../state/inspected.ts';
import { LIVE_RATES, type Live, useLiveSettings } from '../state/live.ts';
import { machineTitle } from '../state/machine-view.ts';
import { Button, IconButton } from '../widgets/buttons.tsx';
import { EmptyState } from '../widgets/EmptyState.tsx';
import { ErrorNote } from '../widgets/ErrorNote.tsx';
import { Icon } from '../widgets/Icon.tsx';
import { DumpBar } from './DumpBar.tsx';
import { NothingToInspect } from './NothingToInspect.tsx';
import '../widgets/controls.css';
import './inspect-frame.css';
import './inspect-table.css';

/**
 * What every inspecting pane has around its view: which machine or dump, how often, as of when, and what to say when there is
 * nothing to see. `tools` stand in the same line; `children` draws the value.
 */
export function InspectFrame<T>({
  icon,
  label,
  inspected,
  live,
  tools,
  children,
}: {
  /** A codicon for the empty state. */
  readonly icon: string;
  /** What is looked at, for screen readers and empty states: `page tables`. */
  readonly label: string;
  readonly inspected: Inspected | null;
  readonly live: Live<T>;
  readonly tools?: ReactNode;
  readonly children: (value: T, before: T | null) => ReactNode;
}) {
  if (inspected === null) return <NothingToInspect icon={icon} label={label} />;
  const { reading } = live;
  return (
    <section className="inspect" aria-label={label}>
      <div className="inspect-bar" role="toolbar" aria-label={`What is shown of ${label}`}>
        <SourcePicker inspected={inspected} />
        {tools}
        <span className="inspect-space" />
        <AsOf live={live} inspected={inspected} />
      </div>
      <DumpBar />
      {inspected.phase === 'gone' && reading.kind === 'read' ? (
        <p className="inspect-note" role="status">
          <Icon name="info" /> The machine has ended; this is what was seen last.
        </p>
      ) : null}
      {reading.kind === 'read' && reading.error !== null ? <Stale error={reading.error} /> : null}
      <div className="inspect-body">
        {reading.kind === 'waiting' ? (
          <EmptyState
            icon={icon}
            title={
              inspected.phase === 'gone' ? 'The machine has ended, and its memory with it' : `Reading the ${label}`
            }
          />
        ) : reading.kind === 'failed' ? (
          <div className="inspect-failed">
            <ErrorNote error={reading.error}>
              <Button onClick={live.refresh}>Look again</Button>
            </ErrorNote>
          </div>
        ) : (
          children(reading.value, reading.before)
        )}
      </div>
    </section>
  );
}

function Stale({ error }: { readonly error: AppError }) {
  return (
    <p className="inspect-note inspect-stale" role="status" title={error.why}>
      <Icon name="warning" /> {error.what} Shown is what was seen before.
    </p>
  );
}

/** Which machine or dump all inspecting panes look at. */
export function SourcePicker({ inspected }: { readonly inspected: Inspected }) {
  const all = useInspectables(machineTitle);
  return (
    <select
      className="field inspect-source"
      aria-label="Machine or dump"
      value={inspected.key}
      onChange={(event) => all.find(({ key }) => key === event.target.value)?.choose()}
    >
      {all.map(({ key, title }) => (
        <option key={key} value={key}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** When the value was seen, how often it is looked at, and the button that holds it. */
function AsOf<T>({ live, inspected }: { readonly live: Live<T>; readonly inspected: Inspected }) {
  const { hz, held } = useLiveSettings();
  const { reading } = live;
  const at = reading.kind === 'read' ? `as of ${clock(reading.at)}` : '';
  if (inspected.dump !== null) return null;
  return (
    <>
      <span className="inspect-as-of">{inspected.phase === 'still' ? 'machine stands still' : at}</span>
      {inspected.phase !== 'running' ? null : (
        <>
          <select
            className="field inspect-rate"
            aria-label="Looks a second"
            value={hz}
            onChange={(event) => useLiveSettings.setState({ hz: Number(event.target.value) })}
          >
            {LIVE_RATES.map((rate) => (
              <option key={rate} value={rate}>
                {rate}/s
              </option>
            ))}
          </select>
          <IconButton
            icon={held ? 'debug-start' : 'debug-pause'}
            label={held ? 'Follow the machine' : 'Hold what is shown; the machine goes on'}
            pressed={held}
            onClick={() => useLiveSettings.setState({ held: !held })}
          />
        </>
      )}
      <IconButton icon="refresh" label="Look now" onClick={live.refresh} />
    </>
  );
}

function clock(at: number): string {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${Math.floor(date.getMilliseconds() / 100)}`;
}

import { memo, type ReactNode } from 'react';
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
        <AsOf at={asOf(live)} refresh={live.refresh} inspected={inspected} />
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
export const SourcePicker = memo(function SourcePicker({ inspected }: { readonly inspected: Inspected }) {
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
});

/** When the value was seen, how often it is looked at, and the button that holds it. */
const AsOf = memo(function AsOf({
  at,
  refresh,
  inspected,
}: {
  readonly at: string;
  readonly refresh: () => void;
  readonly inspected: Inspected;
}) {
  const { hz, held } = useLiveSettings();
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
      <IconButton icon="refresh" label="Look now" onClick={refresh} />
    </>
  );
});

/** Tenths of a second only where the value stands still: nobody reads those that run. */
function asOf({ reading, follows }: Live<unknown>): string {
  if (reading.kind !== 'read') return '';
  const date = new Date(reading.at);
  const two = (n: number) => String(n).padStart(2, '0');
  const tenths = follows ? '' : `.${Math.floor(date.getMilliseconds() / 100)}`;
  return `as of ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${tenths}`;
}

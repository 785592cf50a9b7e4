import { useEffect, useState } from 'react';
import type { StudioMachine } from '../../../app/contract/studio.ts';
import { type BootReading, readBoot } from '../../state/boot.ts';
import { type BootScope, type BootView, duration } from '../../state/boot-view.ts';
import { useShownMachine } from '../../state/machines.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { runCommand } from '../../workbench/commands.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { Waterfall } from './Waterfall.tsx';
import './boot-timeline.css';

const INTERVAL_MS = 1500;

const SCOPES: readonly { readonly value: BootScope; readonly title: string }[] = [
  { value: 'start', title: 'From QEMU' },
  { value: 'kernel', title: 'Kernel only' },
];

/** Where the boot of the shown machine went. */
export function BootTimelinePane({ isVisible }: PaneProps) {
  const machine = useShownMachine();
  if (machine === null) {
    return (
      <EmptyState icon="pulse" title="No machine has been started">
        <Button kind="primary" icon="run" onClick={() => void runCommand('machine.run')}>
          Build and run
        </Button>
      </EmptyState>
    );
  }
  return <Timeline key={machine.info.id} machine={machine} isVisible={isVisible} />;
}

function Timeline({ machine, isVisible }: { readonly machine: StudioMachine; readonly isVisible: boolean }) {
  const [reading, setReading] = useState<BootReading>({ kind: 'reading' });
  const [table, setTable] = useState(false);
  const [scope, setScope] = useState<BootScope>('start');
  const { phase } = machine.state;
  const { id } = machine.info;
  useEffect(() => {
    // What an ended machine's memory held is gone with it; the last report stays.
    if (!isVisible || (phase !== 'running' && phase !== 'paused' && phase !== 'crashed')) return;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = async () => {
      const next = await readBoot(id);
      if (!current) return;
      setReading((before) => (next.kind === 'failed' && before.kind === 'read' ? before : next));
      // A reset begins a new report, so it is looked at as long as the guest runs.
      if (phase === 'running') timer = setTimeout(() => void renew(), INTERVAL_MS);
    };
    void renew();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, phase, isVisible]);
  if (reading.kind === 'reading') {
    const ended = phase === 'stopped' || phase === 'failed';
    return (
      <EmptyState
        icon="pulse"
        title={ended ? 'The machine has ended, and its report with it' : 'Reading the boot report'}
      />
    );
  }
  if (reading.kind === 'failed' && reading.error.code === 'foreign-kernel')
    return (
      <EmptyState icon="info" title={reading.error.what}>
        {reading.error.fix}
      </EmptyState>
    );
  if (reading.kind === 'failed') {
    return (
      <div className="boot">
        <ErrorNote error={reading.error} />
      </div>
    );
  }
  const { report } = reading;
  const view = scope === 'start' ? (reading.start ?? reading.kernel) : reading.kernel;
  return (
    <div className="boot">
      <div className="boot-head">
        <p>
          <strong>{duration(view.bootMs)}</strong> from{' '}
          {view.scope === 'start' ? "QEMU's start" : "the kernel's first instruction"} to the end of its last phase
          {view.firstTokenMs === null ? '' : `, first token after ${duration(view.firstTokenMs)}`}
        </p>
        <span className="boot-facts">{facts(report)}</span>
        <div className="boot-scope" role="radiogroup" aria-label="From">
          {SCOPES.map(({ value, title }) => (
            <label key={value}>
              <input
                type="radio"
                name={`boot-scope-${id}`}
                className="visually-hidden"
                checked={view.scope === value}
                disabled={value === 'start' && reading.start === null}
                onChange={() => setScope(value)}
              />
              {title}
            </label>
          ))}
        </div>
        <IconButton
          icon={table ? 'graph' : 'table'}
          label={table ? 'Show as a waterfall' : 'Show as a table'}
          onClick={() => setTable(!table)}
        />
      </div>
      {table ? <Table view={view} /> : <Waterfall view={view} />}
      {view.untimed.length === 0 ? null : <p className="boot-note">Without times: {view.untimed.join(', ')}</p>}
      {report.phasesDropped === 0 ? null : (
        <p className="boot-note">{report.phasesDropped} more phases did not fit into the report.</p>
      )}
      {reading.start === null
        ? reading.problems.map((problem) => (
            <p key={problem} className="boot-note">
              Not from QEMU's start: {problem}
            </p>
          ))
        : null}
      {report.problems.map((problem) => (
        <p key={problem} className="boot-note boot-problem">
          {problem}
        </p>
      ))}
    </div>
  );
}

function facts({ source, engine, coresOnline, model }: Extract<BootReading, { kind: 'read' }>['report']): string {
  const cores = `${coresOnline} ${coresOnline === 1 ? 'core' : 'cores'}`;
  return [source.toUpperCase(), cores, engine, model].filter((part) => part !== '').join(', ');
}

/** The same as the waterfall, in numbers. */
function Table({ view }: { readonly view: BootView }) {
  return (
    <table className="boot-table">
      <thead>
        <tr>
          <th scope="col">Phase</th>
          <th scope="col">By</th>
          <th scope="col">Begins</th>
          <th scope="col">Takes</th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        {view.bars.map(({ name, by, startMs, durationMs, share }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: phases may share a name, and are only ever added
          <tr key={index}>
            <th scope="row">{name}</th>
            <td>{by}</td>
            <td>{duration(startMs)}</td>
            <td>{durationMs === null ? 'still running' : duration(durationMs)}</td>
            <td>{share === null ? '' : `${(share * 100).toFixed(1)}%`}</td>
          </tr>
        ))}
        {view.firstTokenMs === null ? null : (
          <tr>
            <th scope="row">first token</th>
            <td>kernel</td>
            <td>{duration(view.firstTokenMs)}</td>
            <td />
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}

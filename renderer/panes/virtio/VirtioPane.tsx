import { type KeyboardEvent, memo, useEffect, useMemo, useState } from 'react';
import type { DriverSide, VirtioDevice, VirtioQueue, VirtioReport } from '../../../app/contract/inspect/virtio.ts';
import type { QueueTape } from '../../../app/virtio/tape.ts';
import { DumpBar } from '../../inspect/DumpBar.tsx';
import { SourcePicker } from '../../inspect/InspectFrame.tsx';
import { NothingToInspect } from '../../inspect/NothingToInspect.tsx';
import { usePageShown } from '../../inspect/use-page-shown.ts';
import { type Inspected, useInspected } from '../../state/inspected.ts';
import {
  countAt,
  followVirtio,
  shownQueue,
  step,
  tapeKey,
  useVirtio,
  useVirtioSelection,
  verdictsOf,
  viewOf,
} from '../../state/virtio.ts';
import { type NamedSide, NOTHING_NAMED, placesKey, withNamed } from '../../state/virtio-named.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import type { PaneProps } from '../../workbench/panes.ts';
import { Chains } from './Chains.tsx';
import { Charts } from './Charts.tsx';
import { Descriptors } from './Descriptors.tsx';
import { DeviceFacts } from './DeviceFacts.tsx';
import { DeviceList } from './DeviceList.tsx';
import { Events } from './Events.tsx';
import { Indices } from './Indices.tsx';
import { RingCanvas } from './RingCanvas.tsx';
import { Scrubber } from './Scrubber.tsx';
import { Strips } from './Strips.tsx';
import { type Named, useNamed } from './use-named.ts';
import { Variables } from './Variables.tsx';
import { Verdicts } from './Verdicts.tsx';
import '../../inspect/inspect-frame.css';
import './virtio.css';
import './owners.css';
import './devices.css';
import './verdicts.css';
import './queue.css';
import './rings.css';
import './charts.css';
import './chains.css';
import './facts.css';
import './history.css';

/** The virtqueues of a machine, as they move. */
export function VirtioPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const paused = useVirtioSelection((state) => state.paused);
  const isShown = usePageShown() && isVisible;
  const key = inspected?.key;
  const phase = inspected?.phase ?? 'gone';
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the reference, which is made anew each time
  useEffect(() => {
    if (inspected === null || key === undefined || !isShown || paused || phase === 'gone') return;
    const following = followVirtio(key, inspected.ref);
    return () => following.dispose();
  }, [key, isShown, paused, phase]);
  if (inspected === null) return <NothingToInspect icon="circuit-board" label="virtqueues" />;
  return <Body inspected={inspected} isVisible={isShown} />;
}

function Body({ inspected, isVisible }: { readonly inspected: Inspected; readonly isVisible: boolean }) {
  const key = useVirtio((state) => state.key);
  const report = useVirtio((state) => state.report);
  const ended = useVirtio((state) => state.ended);
  const paused = useVirtioSelection((state) => state.paused);
  const isOurs = key === inspected.key;
  return (
    <section className="inspect vq" aria-label="Virtqueues">
      <div className="inspect-bar" role="toolbar" aria-label="What is shown of the virtqueues">
        <SourcePicker inspected={inspected} />
        <Legend />
        <span className="inspect-space" />
        <Pace inspected={inspected} />
        {inspected.phase === 'running' ? (
          <IconButton
            icon={paused ? 'debug-start' : 'debug-pause'}
            label={paused ? 'Sample again' : 'Pause sampling; the machine goes on'}
            pressed={paused}
            onClick={() => useVirtioSelection.setState({ paused: !paused })}
          />
        ) : null}
      </div>
      <DumpBar />
      {isOurs && (ended !== null || inspected.phase === 'gone') && report !== null ? (
        <p className="inspect-note" role="status">
          <Icon name="info" /> The machine has ended; this is what was seen last.
        </p>
      ) : null}
      {!isOurs || report === null ? (
        <EmptyState
          icon="circuit-board"
          title={
            ended !== null && isOurs
              ? ended
              : inspected.phase === 'gone'
                ? 'The machine has ended, and its memory with it'
                : 'Asking the machine about its virtio devices'
          }
        />
      ) : (
        <Queues report={report} inspected={inspected} isVisible={isVisible} />
      )}
    </section>
  );
}

/** How often the recorder looks, or why it does not. */
function Pace({ inspected }: { readonly inspected: Inspected }) {
  const samplesPerSecond = useVirtio((state) => state.samplesPerSecond);
  const paused = useVirtioSelection((state) => state.paused);
  const looks = samplesPerSecond > 0 ? `${samplesPerSecond} looks/s` : '';
  return (
    <span className="inspect-as-of">
      {inspected.dump !== null
        ? ''
        : paused
          ? 'sampling is paused'
          : inspected.phase === 'still'
            ? 'machine stands still'
            : looks}
    </span>
  );
}

/** Owners, with the form that each has on the rings. */
const Legend = memo(function Legend() {
  return (
    <ul className="vq-legend" aria-label="Owners of descriptors">
      {(
        [
          ['free', "the driver's, to fill"],
          ['published', 'in the avail ring, not taken yet'],
          ['in-flight', 'taken by the device'],
          ['returned', 'in the used ring, not taken back yet'],
        ] as const
      ).map(([owner, meaning]) => (
        <li key={owner} title={meaning}>
          <span className="vq-swatch" data-owner={owner} />
          {owner === 'in-flight' ? 'in flight' : owner}
        </li>
      ))}
    </ul>
  );
});

function Queues({
  report,
  inspected,
  isVisible,
}: {
  readonly report: VirtioReport;
  readonly inspected: Inspected;
  readonly isVisible: boolean;
}) {
  const selection = useVirtioSelection();
  // The tapes change in place: a new tick is what draws them again.
  useVirtio((state) => state.tick);
  const tapes = useVirtio((state) => state.tapes);
  const chosen = shownQueue(report, selection);
  const path = chosen?.device.path ?? '';
  const index = chosen?.queue?.index ?? null;
  const key = index === null ? null : placesKey(inspected, path, index);
  const allNamed = useNamed(inspected, isVisible && !selection.paused, report);
  const judged = useMemo(() => withNamed(report, allNamed), [report, allNamed]);
  const named: Named = allNamed.find((it) => it.device === path && it.queue === index) ?? UNNAMED;
  const shown = chosen === null ? null : shownQueue(judged, { device: path, queue: index });
  // Nothing has moved since the variables were read: the picture is of that moment too.
  const current = useMemo(() => sideOf(chosen?.queue ?? null, named.side), [chosen?.queue, named.side]);
  if (shown === null)
    return <EmptyState icon="circuit-board" title="This machine has no virtio device that anybody knows of" />;
  const { device, queue } = shown;
  const tape = queue === null ? undefined : tapes.get(tapeKey(device.path, queue.index));
  const onKeyDown = (event: KeyboardEvent) => {
    if (tape === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === ',') step(tape, -1);
    else if (event.key === '.') step(tape, 1);
    else if (event.key === 'Escape' && selection.at !== null) useVirtioSelection.setState({ at: null });
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the pane, whatever in it has the focus
    <div className="vq-body" onKeyDown={onKeyDown}>
      <DeviceList report={judged} tapes={tapes} shown={shown} />
      <div className="vq-main">
        <Verdicts device={device} verdicts={verdictsOf(device, queue)} />
        {report.problems.map((it) => (
          <p key={it} className="vq-quiet">
            {it}
          </p>
        ))}
        {queue === null ? (
          <DeviceFacts device={device} />
        ) : (
          <QueueView
            device={device}
            queue={viewOf(
              tape,
              tape === undefined || selection.at === null ? null : countAt(tape, selection.at),
              selection.at === null ? (current ?? queue) : queue,
            )}
            told={queue.driver}
            named={named}
            namedKey={key ?? ''}
            tape={tape}
            inspected={inspected}
            isVisible={isVisible}
          />
        )}
      </div>
    </div>
  );
}

const UNNAMED: Named = { places: NOTHING_NAMED, side: null };

/** The queue with what the named variables hold; null where they were read at another moment. */
function sideOf(queue: VirtioQueue | null, side: NamedSide | null): VirtioQueue | null {
  if (queue === null || side === null || side.driver === null) return null;
  return (queue.used?.index ?? null) === side.used ? { ...queue, driver: side.driver } : null;
}

const TABS = ['chains', 'descriptors', 'events', 'device'] as const;
type Tab = (typeof TABS)[number];

function QueueView({
  device,
  queue,
  told,
  named,
  namedKey,
  tape,
  inspected,
  isVisible,
}: {
  readonly device: VirtioDevice;
  readonly queue: VirtioQueue;
  /** The driver's side as the kernel tells it, whatever a person has named. */
  readonly told: DriverSide | null;
  readonly named: Named;
  readonly namedKey: string;
  readonly tape: QueueTape | undefined;
  readonly inspected: Inspected;
  readonly isVisible: boolean;
}) {
  const { head, at } = useVirtioSelection();
  const [tab, setTab] = useState<Tab>('chains');
  // A tape changes in place: this tells what draws it that it has.
  const newest = tape?.events.at(-1)?.number ?? -1;
  return (
    <div className="vq-queue-view">
      <div className="vq-picture">
        <RingCanvas queue={queue} selected={head} />
        <Strips queue={queue} />
        {tape === undefined ? null : <Charts rates={tape.rates} newest={tape.rates.at(-1)?.atUs ?? 0} />}
      </div>
      <div className="vq-side">
        <Indices queue={queue} driver={(at === null ? named.side?.driver : null) ?? queue.driver} />
        <Variables key={namedKey} inspected={inspected} placesKey={namedKey} named={named} driver={told} />
        <div className="vq-tabs" role="tablist" aria-label="Details of the queue">
          {TABS.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`vq-tab-${name}`}
              aria-selected={tab === name}
              aria-controls="vq-panel"
              tabIndex={tab === name ? 0 : -1}
              onClick={() => setTab(name)}
              onKeyDown={(event) => {
                const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
                if (by === 0) return;
                const next = TABS[(TABS.indexOf(name) + by + TABS.length) % TABS.length] ?? 'chains';
                setTab(next);
                document.getElementById(`vq-tab-${next}`)?.focus();
              }}
            >
              {name === 'chains' ? `Chains ${queue.chains.length}` : name[0]?.toUpperCase() + name.slice(1)}
            </button>
          ))}
        </div>
        <div className="vq-panel" role="tabpanel" id="vq-panel" aria-labelledby={`vq-tab-${tab}`}>
          {tab === 'chains' ? (
            <Chains
              queue={queue}
              source={inspected.ref}
              device={device.path}
              isPast={at !== null}
              isVisible={isVisible && inspected.phase !== 'gone'}
            />
          ) : tab === 'descriptors' ? (
            <Descriptors queue={queue} />
          ) : tab === 'events' ? (
            <Events tape={tape} newest={newest} />
          ) : (
            <DeviceFacts device={device} />
          )}
        </div>
      </div>
      {tape === undefined || tape.events.length === 0 ? null : <Scrubber tape={tape} newest={newest} />}
    </div>
  );
}

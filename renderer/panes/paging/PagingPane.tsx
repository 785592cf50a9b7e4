import { memo, useMemo, useState } from 'react';
import { formatAddress } from '../../../app/base/address.ts';
import { plural } from '../../../app/base/plural.ts';
import type { AddressSpace, PageWalk, PagingChange } from '../../../app/contract/inspect/paging.ts';
import { diffSpaces } from '../../../app/x86/address-space-diff.ts';
import { AddressField } from '../../inspect/AddressField.tsx';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { ProcessorPicker } from '../../inspect/ProcessorPicker.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { useInspected } from '../../state/inspected.ts';
import type { LiveReading } from '../../state/live.ts';
import {
  aliasedStarts,
  bytesText,
  endOf,
  grouped,
  kindOf,
  passes,
  RANGE_FILTERS,
  type RangeFilter,
  rightsWords,
} from '../../state/paging-map.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import type { PaneProps } from '../../workbench/panes.ts';
import { AddressMap } from './AddressMap.tsx';
import { RootField } from './RootField.tsx';
import { WalkView } from './WalkView.tsx';
import './paging.css';

type Tab = 'ranges' | 'findings' | 'changes';
interface Snapshot {
  readonly key: string;
  readonly space: AddressSpace;
  readonly at: number;
}

/** The map is large and changes seldom: it is looked at no more often than this, whatever the pace of the walk. */
const SPACE_LOOKS = 2;

/** Page tables: the walk of an address, and the whole space as a map. */
export function PagingPane({ isVisible }: PaneProps) {
  const inspected = useInspected();
  const [processor, setProcessor] = useState(0);
  const [address, setAddress] = useState<bigint | null>(null);
  const [filter, setFilter] = useState<RangeFilter>('all');
  const [tab, setTab] = useState<Tab>('ranges');
  const [snapshot, setSnapshot] = useState<Snapshot | null>(null);
  const [cr3, setCr3] = useState<string | null>(null);
  const live = useLive(inspected, isVisible, { of: 'addressSpace', processor, cr3 }, SPACE_LOOKS);
  const walkLook = address === null ? null : ({ of: 'walk', processor, cr3, address: formatAddress(address) } as const);
  const walk = useLive(inspected, isVisible, walkLook).reading;
  const space = live.reading.kind === 'read' ? live.reading.value : null;
  return (
    <InspectFrame
      icon="map"
      label="page tables"
      inspected={inspected}
      live={live}
      tools={
        <>
          <ProcessorPicker inspected={inspected} value={processor} onChange={setProcessor} />
          <RootField processor={processor} known={snapshot?.space.cr3 ?? null} onRoot={setCr3} />
          <AddressField inspected={inspected} processor={processor} label="Walk to" onGo={setAddress} />
          <Button
            kind="quiet"
            icon="device-camera"
            disabled={space === null || inspected === null}
            onClick={() => {
              if (space === null || inspected === null) return;
              setSnapshot({ key: inspected.key, space, at: Date.now() });
              setTab('changes');
            }}
          >
            Take snapshot
          </Button>
        </>
      }
    >
      {(shown) => (
        <View
          space={shown}
          walk={address === null ? null : walk}
          filter={filter}
          onFilter={setFilter}
          tab={tab}
          onTab={setTab}
          snapshot={snapshot}
          onWalk={setAddress}
        />
      )}
    </InspectFrame>
  );
}

const View = memo(function View({
  space,
  walk,
  filter,
  onFilter,
  tab,
  onTab,
  snapshot,
  onWalk,
}: {
  readonly space: AddressSpace;
  /** Null where no address is asked for. */
  readonly walk: LiveReading<PageWalk> | null;
  readonly filter: RangeFilter;
  readonly onFilter: (filter: RangeFilter) => void;
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly snapshot: Snapshot | null;
  readonly onWalk: (address: bigint) => void;
}) {
  const dim = useMemo(() => {
    const aliased = aliasedStarts(space.findings);
    return new Set(space.ranges.flatMap((range, index) => (passes(range, filter, aliased) ? [] : [index])));
  }, [space, filter]);
  const changes = useMemo(
    () => (snapshot === null ? null : diffSpaces(snapshot.space.ranges, space.ranges)),
    [snapshot, space],
  );
  const warnings = space.findings.filter(({ severity }) => severity !== 'info').length;
  const tabs: readonly { readonly id: Tab; readonly title: string }[] = [
    { id: 'ranges', title: `Ranges ${space.ranges.length - dim.size}` },
    { id: 'findings', title: `Findings ${space.findings.length}${warnings === 0 ? '' : `, ${warnings} bad`}` },
    { id: 'changes', title: changes === null ? 'Changes' : `Changes ${changes.length}` },
  ];
  return (
    <div className="paging">
      <AddressMap key={space.addressBits} space={space} dim={dim} onWalk={onWalk} />
      <div className="paging-legend">
        {(['code', 'data', 'constant', 'wx', 'device'] as const).map((kind) => (
          <span key={kind}>
            <i className="paging-swatch" data-kind={kind} /> {LEGEND[kind]}
          </span>
        ))}
        <span className="inspect-space" />
        <span>
          {bytesText(space.totals.mappedBytes)} mapped by {plural(space.totals.tables, 'table')}, {space.mode}
        </span>
      </div>
      {walk?.kind === 'read' ? <WalkView walk={walk.value} before={walk.before} /> : null}
      {walk?.kind === 'failed' ? <ErrorNote error={walk.error} /> : null}
      <div className="paging-tabs">
        <div role="tablist" aria-label="What is listed">
          {tabs.map(({ id, title }) => (
            <button key={id} type="button" role="tab" aria-selected={tab === id} onClick={() => onTab(id)}>
              {title}
            </button>
          ))}
        </div>
        <span className="inspect-space" />
        {tab !== 'ranges'
          ? null
          : RANGE_FILTERS.map(({ id, label }) => (
              <button key={id} type="button" aria-pressed={filter === id} onClick={() => onFilter(id)}>
                {label}
              </button>
            ))}
      </div>
      {space.truncated === '' ? null : (
        <p className="inspect-note inspect-stale">Not all of it is shown: {space.truncated}.</p>
      )}
      {tab === 'ranges' ? <Ranges space={space} dim={dim} onWalk={onWalk} /> : null}
      {tab === 'findings' ? <Findings space={space} onWalk={onWalk} /> : null}
      {tab === 'changes' ? <Changes changes={changes} since={sinceText(snapshot, space)} onWalk={onWalk} /> : null}
    </div>
  );
});

const LEGEND = {
  code: 'code r-x',
  data: 'data rw-',
  constant: 'read only r--',
  wx: 'written and executed',
  device: 'not RAM',
} as const;

/** Rows beyond this are for the command line. */
const MAX_ROWS = 1000;

/** How many rows are left out. */
function More({ count }: { readonly count: number }) {
  return count <= 0 ? null : (
    <p className="paging-none">
      … and {count} more, which <code>ring0 inspect paging</code> lists
    </p>
  );
}

/** What is compared with what: two moments, or two address spaces. */
function sinceText(snapshot: Snapshot | null, space: AddressSpace): string {
  if (snapshot === null) return '';
  const at = new Date(snapshot.at).toLocaleTimeString([], { hourCycle: 'h23' });
  const roots =
    snapshot.space.cr3 === space.cr3 ? '' : `, which was of CR3 ${snapshot.space.cr3}; this is of ${space.cr3}`;
  return `the snapshot of ${at}${roots}`;
}

function AddressButton({ address, onWalk }: { readonly address: string; readonly onWalk: (address: bigint) => void }) {
  return (
    <button type="button" className="inspect-address" title="Walk to it" onClick={() => onWalk(BigInt(address))}>
      {grouped(address)}
    </button>
  );
}

const Ranges = memo(function Ranges({
  space,
  dim,
  onWalk,
}: {
  readonly space: AddressSpace;
  readonly dim: ReadonlySet<number>;
  readonly onWalk: (address: bigint) => void;
}) {
  const rows = space.ranges.filter((_, index) => !dim.has(index));
  if (rows.length === 0) return <p className="paging-none">Nothing of this kind is mapped.</p>;
  return (
    <>
      <table className="inspect-table">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" className="inspect-number">
              Size
            </th>
            <th scope="col">Physical</th>
            <th scope="col">Rights</th>
            <th scope="col" className="inspect-number">
              Pages
            </th>
            <th scope="col">What</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((range) => (
            <tr key={range.start}>
              <td>
                <AddressButton address={range.start} onWalk={onWalk} />
              </td>
              <td>
                <code>{grouped(endOf(range))}</code>
              </td>
              <td className="inspect-number">{bytesText(range.bytes)}</td>
              <td>
                <code>{range.target}</code>
                {range.repeat ? ' again and again' : ''}
              </td>
              <td>
                <i className="paging-swatch" data-kind={kindOf(range)} /> <code>{rightsWords(range)}</code>
              </td>
              <td className="inspect-number">{bytesText(range.pageBytes)}</td>
              <td>{[range.ram ? '' : 'not RAM', range.label].filter((it) => it !== '').join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <More count={rows.length - MAX_ROWS} />
    </>
  );
});

function Findings({ space, onWalk }: { readonly space: AddressSpace; readonly onWalk: (address: bigint) => void }) {
  if (space.findings.length === 0) return <p className="paging-none">Nothing odd was found.</p>;
  return (
    <table className="inspect-table">
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">Where</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {space.findings.map(({ kind, severity, start, text }) => (
          <tr key={`${kind}${start}${text}`}>
            <td>
              <span className="paging-finding" data-severity={severity}>
                {kind.replaceAll('-', ' ')}
              </span>
            </td>
            <td>
              <AddressButton address={start} onWalk={onWalk} />
            </td>
            <td className="paging-text">{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Changes({
  changes,
  since,
  onWalk,
}: {
  readonly changes: readonly PagingChange[] | null;
  readonly since: string;
  readonly onWalk: (address: bigint) => void;
}) {
  if (changes === null)
    return (
      <p className="paging-none">
        Take a snapshot, and what is mapped, unmapped or given other rights since then is listed here.
      </p>
    );
  if (changes.length === 0) return <p className="paging-none">Nothing has changed since {since}.</p>;
  return (
    <>
      <p className="paging-none">Since {since}:</p>
      <table className="inspect-table">
        <thead>
          <tr>
            <th scope="col">Change</th>
            <th scope="col">From</th>
            <th scope="col" className="inspect-number">
              Size
            </th>
            <th scope="col">Before</th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, MAX_ROWS).map(({ kind, start, bytes, before, after }) => (
            <tr key={start}>
              <td>
                <span className="paging-change" data-kind={kind}>
                  {kind}
                </span>
              </td>
              <td>
                <AddressButton address={start} onWalk={onWalk} />
              </td>
              <td className="inspect-number">{bytesText(bytes)}</td>
              <td>
                <code>{before === null ? 'not mapped' : `${before.target} ${rightsWords(before)}`}</code>
              </td>
              <td>
                <code>{after === null ? 'not mapped' : `${after.target} ${rightsWords(after)}`}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More count={changes.length - MAX_ROWS} />
    </>
  );
}

import { memo, useMemo, useState } from 'react';
import { formatAddress } from '../../../app/base/address.ts';
import { plural } from '../../../app/base/plural.ts';
import type { AddressSpace, PageWalk } from '../../../app/contract/inspect/paging.ts';
import { diffSpaces } from '../../../app/x86/address-space-diff.ts';
import { AddressField } from '../../inspect/AddressField.tsx';
import { InspectFrame } from '../../inspect/InspectFrame.tsx';
import { ProcessorPicker } from '../../inspect/ProcessorPicker.tsx';
import { useLive } from '../../inspect/use-live.ts';
import { useInspected } from '../../state/inspected.ts';
import type { LiveReading } from '../../state/live.ts';
import { aliasedStarts, bytesText, passes, RANGE_FILTERS, type RangeFilter } from '../../state/paging-map.ts';
import { Button } from '../../widgets/buttons.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import type { PaneProps } from '../../workbench/panes.ts';
import { AddressMap } from './AddressMap.tsx';
import { Changes, Findings, Ranges } from './lists.tsx';
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

/** What is compared with what: two moments, or two address spaces. */
function sinceText(snapshot: Snapshot | null, space: AddressSpace): string {
  if (snapshot === null) return '';
  const at = new Date(snapshot.at).toLocaleTimeString([], { hourCycle: 'h23' });
  const roots =
    snapshot.space.cr3 === space.cr3 ? '' : `, which was of CR3 ${snapshot.space.cr3}; this is of ${space.cr3}`;
  return `the snapshot of ${at}${roots}`;
}

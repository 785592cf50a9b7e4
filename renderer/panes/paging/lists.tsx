import { memo } from 'react';
import type { AddressSpace, PagingChange } from '../../../app/contract/inspect/paging.ts';
import { type Column, RecordTable } from '../../inspect/RecordTable.tsx';
import { bytesText, endOf, grouped, kindOf, rightsWords } from '../../state/paging-map.ts';

/** What the map shows, row by row. */

type Walk = (address: bigint) => void;
type Range = AddressSpace['ranges'][number];
type Finding = AddressSpace['findings'][number];

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

function AddressButton({ address, onWalk }: { readonly address: string; readonly onWalk: Walk }) {
  return (
    <button type="button" className="inspect-address" title="Walk to it" onClick={() => onWalk(BigInt(address))}>
      {grouped(address)}
    </button>
  );
}

const rangeColumns = (onWalk: Walk): Column<Range>[] => [
  { title: 'From', cell: ({ start }) => <AddressButton address={start} onWalk={onWalk} /> },
  { title: 'To', cell: (range) => <code>{grouped(endOf(range))}</code> },
  { title: 'Size', isNumber: true, cell: ({ bytes }) => bytesText(bytes) },
  {
    title: 'Physical',
    cell: ({ target, repeat }) => (
      <>
        <code>{target}</code>
        {repeat ? ' again and again' : ''}
      </>
    ),
  },
  {
    title: 'Rights',
    cell: (range) => (
      <>
        <i className="paging-swatch" data-kind={kindOf(range)} /> <code>{rightsWords(range)}</code>
      </>
    ),
  },
  { title: 'Pages', isNumber: true, cell: ({ pageBytes }) => bytesText(pageBytes) },
  { title: 'What', cell: ({ ram, label }) => [ram ? '' : 'not RAM', label].filter((it) => it !== '').join(', ') },
];

export const Ranges = memo(function Ranges({
  space,
  dim,
  onWalk,
}: {
  readonly space: AddressSpace;
  readonly dim: ReadonlySet<number>;
  readonly onWalk: Walk;
}) {
  const rows = space.ranges.filter((_, index) => !dim.has(index));
  if (rows.length === 0) return <p className="paging-none">Nothing of this kind is mapped.</p>;
  return (
    <>
      <RecordTable rows={rows.slice(0, MAX_ROWS)} keyOf={({ start }) => start} columns={rangeColumns(onWalk)} />
      <More count={rows.length - MAX_ROWS} />
    </>
  );
});

const findingColumns = (onWalk: Walk): Column<Finding>[] => [
  {
    title: 'Kind',
    cell: ({ kind, severity }) => (
      <span className="paging-finding" data-severity={severity}>
        {kind.replaceAll('-', ' ')}
      </span>
    ),
  },
  { title: 'Where', cell: ({ start }) => <AddressButton address={start} onWalk={onWalk} /> },
  { title: 'What', isText: true, cell: ({ text }) => text },
];

export function Findings({ space, onWalk }: { readonly space: AddressSpace; readonly onWalk: Walk }) {
  if (space.findings.length === 0) return <p className="paging-none">Nothing odd was found.</p>;
  return (
    <RecordTable
      rows={space.findings}
      keyOf={({ kind, start, text }) => `${kind}${start}${text}`}
      columns={findingColumns(onWalk)}
    />
  );
}

const mapped = (side: PagingChange['before']) => (
  <code>{side === null ? 'not mapped' : `${side.target} ${rightsWords(side)}`}</code>
);
const changeColumns = (onWalk: Walk): Column<PagingChange>[] => [
  {
    title: 'Change',
    cell: ({ kind }) => (
      <span className="paging-change" data-kind={kind}>
        {kind}
      </span>
    ),
  },
  { title: 'From', cell: ({ start }) => <AddressButton address={start} onWalk={onWalk} /> },
  { title: 'Size', isNumber: true, cell: ({ bytes }) => bytesText(bytes) },
  { title: 'Before', cell: ({ before }) => mapped(before) },
  { title: 'Now', cell: ({ after }) => mapped(after) },
];

export function Changes({
  changes,
  since,
  onWalk,
}: {
  readonly changes: readonly PagingChange[] | null;
  readonly since: string;
  readonly onWalk: Walk;
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
      <RecordTable rows={changes.slice(0, MAX_ROWS)} keyOf={({ start }) => start} columns={changeColumns(onWalk)} />
      <More count={changes.length - MAX_ROWS} />
    </>
  );
}

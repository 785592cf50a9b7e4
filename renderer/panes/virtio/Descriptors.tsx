import { memo, useState } from 'react';
import type { VirtioQueue } from '../../../app/contract/inspect/virtio.ts';
import { useVirtioSelection } from '../../state/virtio.ts';

const ROW = 20;
/** Rows drawn beyond what is visible. */
const MARGIN = 12;
const HEIGHT = 900;

/** The descriptor table, row by row; only what can be seen is drawn, since it may have 32768. */
export const Descriptors = memo(function Descriptors({ queue }: { readonly queue: VirtioQueue }) {
  const [top, setTop] = useState(0);
  const head = useVirtioSelection((state) => state.head);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const rows = queue.descriptors.slice(first, first + HEIGHT / ROW + 2 * MARGIN);
  if (queue.descriptors.length === 0) return <p className="vq-quiet">The descriptor table cannot be read.</p>;
  return (
    <section
      className="vq-scroll vq-descriptors"
      aria-label="Descriptor table"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is to be scrolled by keys
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table className="vq-table" aria-rowcount={queue.descriptors.length}>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Owner</th>
            <th scope="col">Address</th>
            <th scope="col">Length</th>
            <th scope="col">Flags</th>
            <th scope="col">{queue.layout === 'packed' ? 'Id' : 'Next'}</th>
          </tr>
        </thead>
        <tbody>
          {first > 0 ? <Gap rows={first} /> : null}
          {rows.map((it) => (
            <tr
              key={it.index}
              aria-rowindex={it.index + 1}
              data-selected={head !== null && it.chain === head ? '' : undefined}
            >
              <th scope="row">{it.index}</th>
              <td>
                <span className="vq-owner" data-owner={it.owner}>
                  {it.owner}
                </span>
              </td>
              <td>{it.address}</td>
              <td className="vq-number">{it.length}</td>
              <td>{flags(it.flags)}</td>
              <td className="vq-number">{(it.flags & 1) !== 0 || queue.layout === 'packed' ? it.next : ''}</td>
            </tr>
          ))}
          <Gap rows={queue.descriptors.length - first - rows.length} />
        </tbody>
      </table>
    </section>
  );
});

/** The rows that are not drawn, as one of their height. */
function Gap({ rows }: { readonly rows: number }) {
  return rows <= 0 ? null : (
    <tr>
      <td colSpan={6} style={{ height: rows * ROW }} />
    </tr>
  );
}

function flags(value: number): string {
  const names = [
    [1, 'NEXT'],
    [2, 'WRITE'],
    [4, 'INDIRECT'],
    [0x80, 'AVAIL'],
    [0x8000, 'USED'],
  ] as const;
  return names
    .filter(([bit]) => (value & bit) !== 0)
    .map(([, name]) => name)
    .join(' ');
}

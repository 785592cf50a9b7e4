import { memo } from 'react';
import type { ProcessorView, SegmentView } from '../../../app/contract/inspect/cpu.ts';
import { wide } from './wide.ts';

/** The segment registers with their hidden parts, and where the tables are. */
export const Segments = memo(function Segments({
  segments,
  gdt,
  idt,
  before,
  differing,
}: {
  readonly segments: readonly SegmentView[];
  readonly gdt: ProcessorView['gdt'];
  readonly idt: ProcessorView['idt'];
  readonly before: readonly SegmentView[] | null;
  readonly differing: ReadonlySet<string>;
}) {
  return (
    <table className="cpu-segments">
      <thead>
        <tr>
          <th scope="col">Segment</th>
          <th scope="col">Selector</th>
          <th scope="col">Base</th>
          <th scope="col">Limit</th>
          <th scope="col">DPL</th>
          <th scope="col">Hidden part</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {segments.map((it, n) => (
          <tr
            key={it.name}
            data-changed={before !== null && before[n] !== it}
            data-differs={differing.has(it.name) || differing.has(`${it.name}.limit`)}
          >
            <th scope="row">{it.name.toUpperCase()}</th>
            <td>{wide(it.selector, 4)}</td>
            <td>{wide(it.base)}</td>
            <td>{wide(it.limit, 8)}</td>
            <td>{it.dpl}</td>
            <td
              className="cpu-type"
              data-noted={it.note !== null}
              title={it.note === null ? typeOf(it) : `${typeOf(it)}: ${it.note}`}
            >
              {typeOf(it)}
            </td>
            <td className="cpu-flags">{flagsOf(it)}</td>
          </tr>
        ))}
        {Object.entries({ gdt, idt }).map(([name, { base, limit }]) => (
          <tr key={name} data-differs={differing.has(`${name}.limit`) || differing.has(`${name}.base`)}>
            <th scope="row">{name.toUpperCase()}R</th>
            <td />
            <td>{wide(base)}</td>
            <td>{wide(limit, 8)}</td>
            <td colSpan={3} />
          </tr>
        ))}
      </tbody>
    </table>
  );
});

const typeOf = ({ type, present }: SegmentView) => `${type}${present || type === 'null' ? '' : ', not present'}`;
const flagsOf = ({ long, big, granular }: SegmentView) =>
  [long ? 'L' : '', big ? 'D' : '', granular ? 'G' : ''].filter((flag) => flag !== '').join(' ');

import type { TableFinding, TablesView } from '../../../app/contract/inspect/tables.ts';
import { RowMark, rowKeys, spaced } from './rows.tsx';
import type { Chosen } from './TablesPane.tsx';

/** Every descriptor of the GDT. */
export function Gdt({
  gdt,
  before,
  filter,
  chosen,
  marks,
  onChoose,
}: {
  readonly gdt: TablesView['gdt'];
  readonly before: TablesView['gdt'] | null;
  readonly filter: string;
  readonly chosen: Chosen | null;
  readonly marks: ReadonlyMap<number, TableFinding>;
  readonly onChoose: (chosen: Chosen) => void;
}) {
  const rows = gdt.descriptors.filter(
    (it) =>
      it.kind !== 'upper' &&
      `${it.selector} ${it.type} ${it.users.join(' ')} ${it.base ?? ''}`.toLowerCase().includes(filter),
  );
  const old = new Map(before?.descriptors.map(({ index, bytes }) => [index, bytes]));
  return (
    <>
      <p className="tables-base">
        GDTR <code>{gdt.base}</code>, limit <code>{gdt.limit}</code>
        {gdt.readableBytes === 0 ? <strong> not mapped</strong> : ''}
      </p>
      <table className="tables-table" onKeyDown={rowKeys}>
        <thead>
          <tr>
            {['', 'Selector', 'Type', 'P', 'DPL', 'Base', 'Limit', 'Flags', 'Used by', 'Bytes'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((it) => (
            <tr
              key={it.index}
              aria-selected={chosen?.index === it.index}
              data-changed={before !== null && old.get(it.index) !== it.bytes}
              data-empty={it.kind === 'null'}
            >
              <td>
                <RowMark finding={marks.get(it.index)} />
              </td>
              <th scope="row">
                <button type="button" onClick={() => onChoose({ table: 'gdt', index: it.index })}>
                  {it.selector.slice(2).padStart(4, '0')}
                </button>
              </th>
              <td>{it.type}</td>
              <td>{it.kind === 'null' ? '' : it.present ? '1' : <strong>0</strong>}</td>
              <td>{it.kind === 'null' ? '' : it.dpl}</td>
              <td>{it.base ?? ''}</td>
              <td>{it.limit ?? ''}</td>
              <td>{it.flags}</td>
              <td className="tables-users">{it.users.join(' ')}</td>
              <td className="tables-bytes">{spaced(it.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 ? <p className="tables-none">No descriptor fits the filter.</p> : null}
      {gdt.omitted > 0 ? <p className="tables-none">and {gdt.omitted} more, null or beyond the first 256</p> : null}
    </>
  );
}

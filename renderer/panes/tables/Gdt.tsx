import type { TableFinding, TablesView } from '../../../app/contract/inspect/tables.ts';
import { RowTable } from './RowTable.tsx';
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
  return (
    <>
      <p className="tables-base">
        GDTR <code>{gdt.base}</code>, limit <code>{gdt.limit}</code>
        {gdt.readableBytes === 0 ? <strong> not mapped</strong> : ''}
      </p>
      <RowTable
        name={{ title: 'Selector', cell: (it) => it.selector.slice(2).padStart(4, '0') }}
        rows={rows.map((it) => ({ ...it, number: it.index, isEmpty: it.kind === 'null' }))}
        before={before === null ? null : new Map(before.descriptors.map(({ index, bytes }) => [index, bytes]))}
        chosen={chosen?.index ?? null}
        marks={marks}
        columns={[
          { title: 'Type', cell: (it) => it.type },
          { title: 'P', cell: (it) => (it.isEmpty ? '' : it.present ? '1' : <strong>0</strong>) },
          { title: 'DPL', cell: (it) => (it.isEmpty ? '' : it.dpl) },
          { title: 'Base', cell: (it) => it.base },
          { title: 'Limit', cell: (it) => it.limit },
          { title: 'Flags', cell: (it) => it.flags },
          { title: 'Used by', className: 'tables-users', cell: (it) => it.users.join(' ') },
        ]}
        onChoose={(index) => onChoose({ table: 'gdt', index })}
      />
      {rows.length === 0 ? <p className="tables-none">No descriptor fits the filter.</p> : null}
      {gdt.omitted > 0 ? <p className="tables-none">and {gdt.omitted} more, null or beyond the first 256</p> : null}
    </>
  );
}

import type { TableFinding, TablesView } from '../../../app/contract/inspect/tables.ts';
import { RowTable } from './RowTable.tsx';
import type { Chosen } from './TablesPane.tsx';

/** Of any table that selectors name: their index has 13 bits. */
const MAX_LIMIT = 0xffff;

/** Every descriptor of the GDT, or of the LDT. */
export function Descriptors({
  name,
  table,
  before,
  filter,
  chosen,
  marks,
  onChoose,
}: {
  readonly name: 'gdt' | 'ldt';
  readonly table: TablesView['gdt'] & { readonly selector?: string };
  readonly before: TablesView['gdt'] | null;
  readonly filter: string;
  readonly chosen: Chosen | null;
  readonly marks: ReadonlyMap<number, TableFinding>;
  readonly onChoose: (chosen: Chosen) => void;
}) {
  const { base, limit, readableBytes, omitted, selector } = table;
  const size = Math.min(Number(limit), MAX_LIMIT) + 1;
  const rows = table.descriptors.filter(
    (it) =>
      it.kind !== 'upper' &&
      `${it.selector} ${it.type} ${it.users.join(' ')} ${it.base ?? ''}`.toLowerCase().includes(filter),
  );
  return (
    <>
      <p className="tables-base">
        {name.toUpperCase()}R {selector === undefined ? null : <code>{selector}</code>}
        {selector === undefined ? '' : ', base '}
        <code>{base}</code>, limit <code>{limit}</code>
        {Number(limit) > MAX_LIMIT ? ' (selectors reach 0xffff)' : ''}
        {readableBytes === 0 ? <strong> not mapped</strong> : ''}
        {readableBytes > 0 && readableBytes < size ? (
          <strong>
            {' '}
            mapped up to its byte {readableBytes} of {size}
          </strong>
        ) : (
          ''
        )}
      </p>
      <RowTable
        name={{ title: 'Selector', cell: (it) => it.selector.slice(2).padStart(4, '0') }}
        rows={rows.map((it) => ({ ...it, number: it.index, isEmpty: it.kind === 'null' }))}
        before={before === null ? null : new Map(before.descriptors.map(({ index, bytes }) => [index, bytes]))}
        chosen={chosen?.index ?? null}
        marks={marks}
        wraps
        columns={[
          { title: 'Type', cell: (it) => it.type },
          { title: 'P', cell: (it) => (it.isEmpty ? '' : it.present ? '1' : <strong>0</strong>) },
          { title: 'DPL', cell: (it) => (it.isEmpty ? '' : it.dpl) },
          { title: 'Base', cell: (it) => it.base },
          { title: 'Limit', cell: (it) => it.limit },
          { title: 'Flags', cell: (it) => it.flags },
          { title: 'Used by', className: 'tables-users', cell: (it) => it.users.join(' ') },
        ]}
        onChoose={(index) => onChoose({ table: name, index })}
      />
      {rows.length === 0 ? <p className="tables-none">No descriptor fits the filter.</p> : null}
      {omitted > 0 ? <p className="tables-none">and {omitted} more, null or beyond the first 256</p> : null}
    </>
  );
}

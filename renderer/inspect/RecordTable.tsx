import type { ReactNode } from 'react';

export interface Column<Row> {
  readonly title: string;
  /** Aligned at the right, as what is compared by size. */
  readonly isNumber?: boolean;
  /** May break into lines. */
  readonly isText?: boolean;
  readonly cell: (row: Row) => ReactNode;
}

/** A table of records that are alike: a row each, described by its columns. */
export function RecordTable<Row>({
  rows,
  keyOf,
  columns,
}: {
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
}) {
  return (
    <table className="inspect-table">
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.title} scope="col" className={classOf(column)}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column) => (
              <td key={column.title} className={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function classOf<Row>({ isNumber, isText }: Column<Row>): string | undefined {
  return isNumber === true ? 'inspect-number' : isText === true ? 'inspect-text' : undefined;
}

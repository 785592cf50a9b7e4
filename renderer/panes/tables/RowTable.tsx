import type { KeyboardEvent, ReactNode } from 'react';
import type { TableFinding } from '../../../app/contract/inspect/tables.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';

/** What descriptors and gates have in common as rows. */
export interface TableRow {
  /** In the table; what is chosen, marked and compared by. */
  readonly number: number;
  /** In the order of memory, hex. */
  readonly bytes: string;
  /** There is nothing in it. */
  readonly isEmpty: boolean;
}

export interface Column<T> {
  readonly title: string;
  readonly className?: string | undefined;
  readonly cell: (row: T) => ReactNode;
}

/** A descriptor table: each row is chosen by its number, marked with its worst finding, and compared with the look before. */
export function RowTable<T extends TableRow>({
  name,
  rows,
  before,
  chosen,
  marks,
  columns,
  wraps = false,
  onChoose,
}: {
  /** The first column, which chooses the row. */
  readonly name: Column<T>;
  readonly rows: readonly T[];
  /** Bytes of the rows at the look before. */
  readonly before: ReadonlyMap<number, string> | null;
  readonly chosen: number | null;
  readonly marks: ReadonlyMap<number, TableFinding>;
  readonly columns: readonly Column<T>[];
  /** Where room is short, bytes take two lines: for tables of few rows. */
  readonly wraps?: boolean;
  readonly onChoose: (number: number) => void;
}) {
  return (
    <table className="tables-table" data-wraps={wraps} onKeyDown={rowKeys}>
      <thead>
        <tr>
          <td />
          {[name, ...columns].map(({ title }) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
          <th scope="col">Bytes</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={row.number}
            onClick={(event) => {
              if (isPlace(event.target)) onChoose(row.number);
            }}
            aria-selected={chosen === row.number}
            data-changed={before !== null && before.get(row.number) !== row.bytes}
            data-empty={row.isEmpty}
          >
            <td>
              <RowMark finding={marks.get(row.number)} />
            </td>
            <th scope="row">
              <button type="button" onClick={() => onChoose(row.number)}>
                {name.cell(row)}
              </button>
            </th>
            {columns.map(({ title, className, cell }) => (
              <td key={title} className={className}>
                {cell(row)}
              </td>
            ))}
            <td className="tables-bytes">{spaced(row.bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A click that is none of a control, and does not end a selection of text. */
function isPlace(target: EventTarget): boolean {
  return target instanceof Element && target.closest('button') === null && getSelection()?.isCollapsed !== false;
}

/** Arrow keys go from row to row. */
function rowKeys(event: KeyboardEvent<HTMLElement>): void {
  moveFocus(event, 'vertical', 'th button');
}

/** Bytes in groups of four. */
export function spaced(bytes: string): string {
  return bytes.replace(/(.{8})(?=.)/g, '$1 ');
}

function RowMark({ finding }: { readonly finding: TableFinding | undefined }) {
  if (finding === undefined) return null;
  const name = finding.severity === 'error' ? 'error' : finding.severity === 'warning' ? 'warning' : 'info';
  return (
    <span className="tables-mark" data-severity={finding.severity} title={`${finding.title}: ${finding.evidence}`}>
      <Icon name={name} />
      <span className="visually-hidden">{finding.title}</span>
    </span>
  );
}

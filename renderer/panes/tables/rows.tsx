import type { KeyboardEvent } from 'react';
import type { TableFinding } from '../../../app/contract/inspect/tables.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';

/** Arrow keys go from row to row. */
export function rowKeys(event: KeyboardEvent<HTMLElement>): void {
  moveFocus(event, 'vertical', 'th button');
}

/** `8e00 0000 …`: bytes in groups of two. */
export function spaced(bytes: string): string {
  return bytes.replace(/(.{8})(?=.)/g, '$1 ');
}

export function RowMark({ finding }: { readonly finding: TableFinding | undefined }) {
  if (finding === undefined) return null;
  const name = finding.severity === 'error' ? 'error' : finding.severity === 'warning' ? 'warning' : 'info';
  return (
    <span className="tables-mark" data-severity={finding.severity} title={`${finding.title}: ${finding.evidence}`}>
      <Icon name={name} />
      <span className="visually-hidden">{finding.title}</span>
    </span>
  );
}

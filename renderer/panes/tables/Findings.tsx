import { useState } from 'react';
import type { TableFinding } from '../../../app/contract/inspect/tables.ts';
import { Icon } from '../../widgets/Icon.tsx';

const ICONS = { error: 'error', warning: 'warning', note: 'info' } as const;

/** What the linter says: the worst open, notes folded away. */
export function Findings({
  findings,
  cores,
  onGo,
}: {
  readonly findings: readonly TableFinding[];
  readonly cores: number;
  readonly onGo: (finding: TableFinding) => void;
}) {
  const serious = findings.filter(({ severity }) => severity !== 'note');
  const notes = findings.filter(({ severity }) => severity === 'note');
  const [shown, setShown] = useState(false);
  return (
    <section className="tables-findings" aria-label="Findings">
      <div className="tables-verdict" data-tone={serious.length === 0 ? 'good' : 'bad'}>
        <Icon name={serious.length === 0 ? 'pass' : 'warning'} />
        <span>
          {serious.length === 0
            ? 'No mistake found in these tables'
            : `${serious.length} ${serious.length === 1 ? 'mistake' : 'mistakes'} found`}
        </span>
        {notes.length === 0 ? null : (
          <button type="button" className="tables-more" aria-expanded={shown} onClick={() => setShown(!shown)}>
            {notes.length} {notes.length === 1 ? 'note' : 'notes'}
          </button>
        )}
      </div>
      {serious.length + (shown ? notes.length : 0) === 0 ? null : (
        <ul>
          {[...serious, ...(shown ? notes : [])].map((it) => (
            <Finding key={`${it.rule}${it.evidence}`} finding={it} cores={cores} onGo={onGo} />
          ))}
        </ul>
      )}
    </section>
  );
}

export function Finding({
  finding,
  cores,
  onGo,
}: {
  readonly finding: TableFinding;
  readonly cores: number;
  readonly onGo?: (finding: TableFinding) => void;
}) {
  const { severity, title, evidence, fix, section, processors } = finding;
  const where = cores < 2 || processors.length === cores ? '' : `, processor ${processors.join(', ')}`;
  return (
    <li className="tables-finding" data-severity={severity}>
      <Icon name={ICONS[severity]} />
      <span className="visually-hidden">{severity}</span>
      <div>
        <p className="tables-finding-title">
          {onGo === undefined ? (
            title
          ) : (
            <button type="button" onClick={() => onGo(finding)}>
              {title}
            </button>
          )}
          <span className="tables-muted">
            {where} {section}
          </span>
        </p>
        <p className="tables-evidence">{evidence}</p>
        <p className="tables-fix">{fix}</p>
      </div>
    </li>
  );
}

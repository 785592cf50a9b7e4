import { useState } from 'react';
import { useBuild, useProblemGroups } from '../../state/build.ts';
import type { Problem, ProblemGroup } from '../../state/build-view.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';
import { runCommand } from '../../workbench/commands.ts';
import { openFile } from '../../workbench/open.ts';
import { applyFix } from './fix.ts';
import './problems.css';

const ICONS = { error: 'error', warning: 'warning', note: 'info', help: 'lightbulb' } as const;

/** What the compiler found, by file. */
export function ProblemsPane() {
  const groups = useProblemGroups();
  const phase = useBuild(({ status }) => status.phase);
  if (groups.length === 0) {
    return phase === 'idle' ? (
      <EmptyState icon="checklist" title="Nothing has been checked yet">
        <Button icon="tools" onClick={() => void runCommand('build.start')}>
          Build the kernel
        </Button>
      </EmptyState>
    ) : (
      <EmptyState icon="check" title={phase === 'running' ? 'No problems so far' : 'No problems in the last build'} />
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the buttons inside
    <div className="problems" onKeyDown={(event) => moveFocus(event, 'vertical')}>
      {groups.map((group) => (
        <Group key={group.file} group={group} />
      ))}
    </div>
  );
}

function Group({ group }: { readonly group: ProblemGroup }) {
  const [open, setOpen] = useState(true);
  const cut = group.title.lastIndexOf('/') + 1;
  return (
    <section>
      <button type="button" className="problems-file" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span className="problems-name">{group.title.slice(cut)}</span>
        <span className="problems-folder">{group.title.slice(0, cut).replace(/\/$/, '')}</span>
        <span className="problems-count">{group.problems.length}</span>
      </button>
      {open ? group.problems.map((problem) => <Row key={problem.id} group={group} problem={problem} />) : null}
    </section>
  );
}

function Row({ group, problem }: { readonly group: ProblemGroup; readonly problem: Problem }) {
  const [expanded, setExpanded] = useState(false);
  const { diagnostic, span, fix } = problem;
  const text = (
    <>
      <Icon name={ICONS[diagnostic.severity]} className={`problems-${diagnostic.severity}`} />
      <span className="visually-hidden">{diagnostic.severity}: </span>
      <span className="problems-message">
        {diagnostic.message}
        {span === null || span.label === null || span.label === diagnostic.message ? null : (
          <span className="problems-label">: {span.label}</span>
        )}
      </span>
      {diagnostic.code === null ? null : <code className="problems-code">{diagnostic.code}</code>}
      {span === null ? null : (
        <span className="problems-place">
          {span.line}:{span.column}
        </span>
      )}
    </>
  );
  return (
    <div className="problems-entry">
      <div className="problems-row">
        {span !== null && group.isInside ? (
          <button
            type="button"
            className="problems-open"
            title={diagnostic.message}
            onClick={() => openFile(group.title, { line: span.line, column: span.column })}
          >
            {text}
          </button>
        ) : (
          <span className="problems-open">{text}</span>
        )}
        {fix === null || !group.isInside ? null : (
          <Button kind="quiet" icon="lightbulb-autofix" onClick={() => void applyFix(fix)}>
            Fix
          </Button>
        )}
        <IconButton
          icon={expanded ? 'chevron-up' : 'chevron-down'}
          label={expanded ? 'Less' : "The compiler's whole text"}
          aria-expanded={expanded}
          onClick={() => setExpanded(!expanded)}
        />
      </div>
      {expanded ? <pre className="problems-rendered">{diagnostic.rendered.trimEnd()}</pre> : null}
    </div>
  );
}

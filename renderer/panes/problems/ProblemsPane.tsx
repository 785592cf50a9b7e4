import { useState } from 'react';
import { useBuild } from '../../state/build.ts';
import { isLanguageUp, useLanguage } from '../../state/language.ts';
import type { ListedProblem, ProblemFile } from '../../state/problem-list.ts';
import { useProblems } from '../../state/problems.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';
import { runCommand } from '../../workbench/commands.ts';
import { openFile } from '../../workbench/open.ts';
import { applyFix } from './fix.ts';
import './problems.css';

const ICONS = { error: 'error', warning: 'warning', info: 'info', hint: 'lightbulb' } as const;

/** What the last build and the language server found, by file. */
export function ProblemsPane() {
  const files = useProblems((state) => state.files);
  if (files.length === 0) return <Nothing />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the buttons inside
    <div className="problems" onKeyDown={(event) => moveFocus(event, 'vertical')}>
      {files.map((file) => (
        <File key={file.title} file={file} />
      ))}
    </div>
  );
}

function Nothing() {
  const phase = useBuild(({ status }) => status.phase);
  const isUp = useLanguage(isLanguageUp);
  if (phase === 'running') return <EmptyState icon="check" title="No problems so far" />;
  if (phase !== 'idle') return <EmptyState icon="check" title="No problems in the last build" />;
  return (
    <EmptyState
      icon="checklist"
      title={isUp ? 'rust-analyzer has found no problems; nothing was built yet' : 'Nothing has been checked yet'}
    >
      <Button icon="tools" onClick={() => void runCommand('build.start')}>
        Build the kernel
      </Button>
    </EmptyState>
  );
}

function File({ file: { title, isInside, problems } }: { readonly file: ProblemFile }) {
  const [open, setOpen] = useState(true);
  const cut = title.lastIndexOf('/') + 1;
  return (
    <section>
      <button type="button" className="problems-file" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span className="problems-name">{title.slice(cut)}</span>
        <span className="problems-folder">{title.slice(0, cut).replace(/\/$/, '')}</span>
        <span className="problems-count">{problems.length}</span>
      </button>
      {open
        ? problems.map((problem) => <Row key={problem.id} problem={problem} path={isInside ? title : null} />)
        : null}
    </section>
  );
}

/** @param path in the workspace; null for what cannot be opened */
function Row({ problem, path }: { readonly problem: ListedProblem; readonly path: string | null }) {
  const [expanded, setExpanded] = useState(false);
  const { severity, message, label, code, place, sources, compiler } = problem;
  const fix = compiler?.fix ?? null;
  // The server's words have lines of their own; the compiler's whole text has its drawing beside.
  const [head = '', ...rest] = message.split('\n');
  const whole = compiler?.diagnostic.rendered.trimEnd() ?? (rest.length === 0 ? null : message);
  const text = (
    <>
      <Icon name={ICONS[severity]} className={`problems-${severity}`} />
      <span className="visually-hidden">{severity}: </span>
      <span className="problems-message">
        {head}
        {label === null || label === message ? null : <span className="problems-label">: {label}</span>}
      </span>
      <span className="problems-source">
        {sources.join(', ')}
        {code === null ? null : <code>{code}</code>}
      </span>
      {place === null ? null : (
        <span className="problems-place">
          {place.line}:{place.column}
        </span>
      )}
    </>
  );
  return (
    <div className="problems-entry">
      <div className="problems-row">
        {place !== null && path !== null ? (
          <button
            type="button"
            className="problems-open"
            title={message}
            onClick={() => openFile(path, { line: place.line, column: place.column })}
          >
            {text}
          </button>
        ) : (
          <span className="problems-open">{text}</span>
        )}
        {fix === null || path === null ? null : (
          <Button kind="quiet" icon="lightbulb-autofix" onClick={() => void applyFix(fix)}>
            Fix
          </Button>
        )}
        {whole === null ? null : (
          <IconButton
            icon={expanded ? 'chevron-up' : 'chevron-down'}
            label={expanded ? 'Less' : compiler === null ? 'The whole text' : "The compiler's whole text"}
            aria-expanded={expanded}
            onClick={() => setExpanded(!expanded)}
          />
        )}
      </div>
      {expanded ? <pre className="problems-rendered">{whole}</pre> : null}
    </div>
  );
}

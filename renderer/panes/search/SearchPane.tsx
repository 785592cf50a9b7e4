import { type InputHTMLAttributes, useEffect, useRef } from 'react';
import type { SearchMatch } from '../../../app/contract/workspace.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { fileIcon } from '../../widgets/file-icon.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { moveFocus } from '../../widgets/roving.ts';
import { ask } from '../../workbench/dialog.ts';
import { openFile } from '../../workbench/open.ts';
import { changeForm, replace, type SearchForm, search, toggleFold, toggleReplace, useSearch } from './store.ts';
import './search.css';

function Field({ label, ...rest }: InputHTMLAttributes<HTMLInputElement> & { readonly label: string }) {
  return (
    <input
      type="text"
      className="search-field"
      aria-label={label}
      placeholder={label}
      spellCheck={false}
      autoComplete="off"
      {...rest}
    />
  );
}

const OPTIONS: readonly {
  readonly key: 'matchCase' | 'wholeWord' | 'isRegex';
  readonly icon: string;
  readonly label: string;
}[] = [
  { key: 'matchCase', icon: 'case-sensitive', label: 'Match Case' },
  { key: 'wholeWord', icon: 'whole-word', label: 'Match Whole Word' },
  { key: 'isRegex', icon: 'regex', label: 'Use Regular Expression' },
];

function Form({ form }: { readonly form: SearchForm }) {
  const { showsReplace, showsGlobs, focusRequest, results, phase } = useSearch();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focusRequest > 0) requestAnimationFrame(() => input.current?.select());
  }, [focusRequest]);

  const replaceAll = async () => {
    const count = [...results.values()].reduce((sum, matches) => sum + matches.length, 0);
    const choice = await ask(
      `Replace in ${results.size} file${results.size === 1 ? '' : 's'}?`,
      `${count} line${count === 1 ? '' : 's'} with “${form.pattern}” ${form.replacement === '' ? 'lose it' : `get “${form.replacement}”`}. Unsaved files are saved first.`,
      ['Replace', 'Cancel'],
    );
    if (choice === 'Replace') await replace();
  };

  return (
    <search className="search-form">
      <div className="search-line">
        <IconButton
          icon={showsReplace ? 'chevron-down' : 'chevron-right'}
          label="Toggle Replace"
          aria-expanded={showsReplace}
          onClick={toggleReplace}
        />
        <div className="search-box">
          <input
            ref={input}
            type="text"
            className="search-field"
            aria-label="Search"
            placeholder="Search"
            spellCheck={false}
            autoComplete="off"
            data-autofocus
            value={form.pattern}
            onChange={(event) => changeForm({ pattern: event.target.value })}
            onKeyDown={(event) => {
              if (event.key === 'Enter') void search();
            }}
          />
          <div className="search-options">
            {OPTIONS.map(({ key, icon, label }) => (
              <IconButton
                key={key}
                icon={icon}
                label={label}
                pressed={form[key]}
                onClick={() => changeForm({ [key]: !form[key] })}
              />
            ))}
          </div>
        </div>
      </div>
      {showsReplace ? (
        <div className="search-line">
          <span className="search-indent" />
          <div className="search-box">
            <Field
              label="Replace"
              value={form.replacement}
              onChange={(event) => changeForm({ replacement: event.target.value })}
            />
            <div className="search-options">
              <IconButton
                icon="replace-all"
                label="Replace All"
                disabled={phase.kind !== 'finished' || results.size === 0}
                onClick={() => void replaceAll()}
              />
            </div>
          </div>
        </div>
      ) : null}
      {showsGlobs ? (
        <div className="search-globs">
          <Field
            label="Files to include, such as *.rs, kernel/**"
            value={form.include}
            onChange={(event) => changeForm({ include: event.target.value })}
          />
          <Field
            label="Files to exclude"
            value={form.exclude}
            onChange={(event) => changeForm({ exclude: event.target.value })}
          />
        </div>
      ) : null}
    </search>
  );
}

/** Characters before the first match, and of the whole. */
const LEAD = 20;
const LENGTH = 200;

interface Piece {
  /** Where in the line it begins: what it is known by. */
  readonly at: number;
  readonly kind: 'text' | 'match' | 'removed' | 'added';
  readonly text: string;
}

/** The part of a line around its first match, short enough for the side bar; with a replacement, what goes and what comes. */
function excerpt({ preview, ranges }: SearchMatch): Piece[] {
  const first = ranges[0]?.start ?? 0;
  const indent = preview.length - preview.trimStart().length;
  const cut = first - indent > LEAD + 6 ? first - LEAD : Math.min(indent, first);
  const pieces: Piece[] = cut > indent ? [{ at: -1, kind: 'text', text: '…' }] : [];
  let done = cut;
  for (const { start, end, replacement } of ranges) {
    if (start < done || start >= cut + LENGTH) continue;
    if (start > done) pieces.push({ at: done, kind: 'text', text: preview.slice(done, start) });
    const text = preview.slice(start, end);
    if (replacement === null) pieces.push({ at: start, kind: 'match', text });
    else {
      pieces.push({ at: start, kind: 'removed', text });
      // A replacement of several lines is told by its first.
      if (replacement !== '') pieces.push({ at: start, kind: 'added', text: replacement.split('\n', 1)[0] ?? '' });
    }
    done = end;
  }
  if (done < cut + LENGTH) pieces.push({ at: done, kind: 'text', text: preview.slice(done, cut + LENGTH) });
  return pieces;
}

function ExcerptPiece({ piece: { kind, text } }: { readonly piece: Piece }) {
  switch (kind) {
    case 'text':
      return text;
    case 'match':
      return <mark className="highlighted">{text}</mark>;
    case 'removed':
      return <del className="search-removed">{text}</del>;
    case 'added':
      return <ins className="search-added">{text}</ins>;
  }
}

function FileResults({
  path,
  matches,
  isFolded,
}: {
  readonly path: string;
  readonly matches: readonly SearchMatch[];
  readonly isFolded: boolean;
}) {
  const showsReplace = useSearch((state) => state.showsReplace);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  return (
    <li>
      <div className="search-file">
        <button
          type="button"
          className="search-row"
          aria-expanded={!isFolded}
          title={path}
          onClick={() => toggleFold(path)}
        >
          <Icon name={isFolded ? 'chevron-right' : 'chevron-down'} />
          <Icon name={fileIcon(path)} className="search-icon" />
          <span className="search-name">{name}</span>
          <span className="search-folder">{folder}</span>
          <span className="dock-badge">{matches.length}</span>
        </button>
        {showsReplace ? (
          <IconButton icon="replace-all" label={`Replace in ${name}`} onClick={() => void replace([path])} />
        ) : null}
      </div>
      {isFolded ? null : (
        <ul>
          {matches.map((match) => {
            return (
              <li key={`${match.line}:${match.column}`}>
                <button
                  type="button"
                  className="search-row search-match"
                  title={`Line ${match.line}: ${match.preview.trim()}`}
                  onClick={(event) =>
                    openFile(path, { line: match.line, column: match.column, beside: event.ctrlKey || event.metaKey })
                  }
                >
                  {excerpt(match).map((piece) => (
                    <ExcerptPiece key={`${piece.kind}:${piece.at}`} piece={piece} />
                  ))}
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </li>
  );
}

/** Search and replace across the files of the workspace. */
export function SearchPane() {
  const { form, phase, results, folded } = useSearch();
  return (
    <div className="search">
      <Form form={form} />
      <p className="search-status" role="status">
        {phase.kind === 'running' ? 'Searching…' : null}
        {phase.kind === 'failed' ? <span className="search-failure">{phase.why}</span> : null}
        {phase.kind === 'finished' && results.size > 0
          ? `${phase.matches} result${phase.matches === 1 ? '' : 's'} in ${phase.files} file${phase.files === 1 ? '' : 's'}${phase.truncated ? '; there are more' : ''}`
          : null}
      </p>
      {phase.kind === 'idle' ? (
        <EmptyState icon="search" title="Search in all files that git knows">
          <span>Ctrl+Enter or a click with Ctrl opens a result to the side.</span>
        </EmptyState>
      ) : phase.kind === 'finished' && results.size === 0 ? (
        <EmptyState icon="search" title="Nothing was found" />
      ) : (
        <ul
          className="search-results"
          aria-label="Results"
          onKeyDown={(event) => moveFocus(event, 'vertical', '.search-row')}
        >
          {[...results].map(([path, matches]) => (
            <FileResults key={path} path={path} matches={matches} isFolded={folded.has(path)} />
          ))}
        </ul>
      )}
    </div>
  );
}

import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../../../app/base/result.ts';
import { notify } from '../../state/notifications.ts';
import { fileIcon } from '../../widgets/file-icon.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { openFile } from '../../workbench/open.ts';
import { nameOf, nameProblem, parentOf, type Row } from './rows.ts';
import { commitEditing, stopEditing, useExplorer } from './store.ts';

/** Where the name of a new entry, or another name of an old one, is typed. */
export function NameInput({ row }: { readonly row: Row }) {
  const old = row.kind === 'create' ? '' : row.entry.name;
  const [name, setName] = useState(old);
  const input = useRef<HTMLInputElement>(null);
  const folder = row.kind === 'create' ? row.parent : parentOf(row.entry.path);
  const siblings = useExplorer((state) => state.children.get(folder));
  const taken = (siblings ?? []).map((entry) => nameOf(entry.path)).filter((each) => each !== old);
  const problem = name === '' ? null : nameProblem(name, taken);

  // All but the extension is likely to change.
  useEffect(() => {
    const dot = old.lastIndexOf('.');
    input.current?.focus();
    input.current?.setSelectionRange(0, dot > 0 ? dot : old.length);
  }, [old]);

  const done = async () => {
    if (nameProblem(name, taken) !== null || name === old) {
      stopEditing();
      return;
    }
    try {
      const editing =
        row.kind === 'create'
          ? { kind: 'create' as const, parent: row.parent, entry: row.entry }
          : { kind: 'rename' as const, path: row.entry.path };
      const made = await commitEditing(editing, name);
      if (made !== null) openFile(made);
    } catch (thrown) {
      notify({ severity: 'error', message: 'That did not work', detail: messageOf(thrown) });
    }
  };

  const isFolder = row.kind === 'create' ? row.entry === 'directory' : row.entry.kind === 'directory';
  return (
    <div className="tree-row tree-row-edited">
      {Array.from({ length: row.depth }, (_, level) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the level is what the guide is
        <span key={level} className="tree-guide" />
      ))}
      <Icon name={isFolder ? 'chevron-right' : fileIcon(name)} className="tree-icon" />
      <input
        ref={input}
        className={problem === null ? 'tree-input' : 'tree-input tree-input-wrong'}
        aria-label={row.kind === 'create' ? `Name of the new ${row.entry}` : `New name of ${old}`}
        aria-invalid={problem !== null}
        title={problem ?? undefined}
        value={name}
        spellCheck={false}
        onChange={(event) => setName(event.target.value)}
        onBlur={() => void done()}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Enter' && problem === null) event.currentTarget.blur();
          else if (event.key === 'Escape') {
            setName(old);
            stopEditing();
          }
        }}
      />
      {problem === null ? null : (
        <span className="tree-problem" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}

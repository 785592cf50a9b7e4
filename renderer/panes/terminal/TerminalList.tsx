import type { TerminalInfo } from '../../../app/contract/terminal.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { openMenu } from '../../workbench/menu.ts';
import { killTerminal, renameTerminal, restartTerminal, showTerminal, useTerminals } from './store.ts';
import { endWords, listNames } from './view.ts';

/** The shells at the right of the one that is shown, where there are several. */
export function TerminalList({ terminals }: { readonly terminals: readonly TerminalInfo[] }) {
  const active = useTerminals((state) => state.active);
  const titles = useTerminals((state) => state.titles);
  const renaming = useTerminals((state) => state.renaming);
  const names = listNames(terminals);
  const step = (from: number, by: number) => {
    const next = terminals[(from + by + terminals.length) % terminals.length];
    if (next === undefined) return;
    useTerminals.setState({ active: next.id });
    document.getElementById(`terminal-tab-${next.id}`)?.focus();
  };
  return (
    <ul className="terminal-list" aria-label="Terminals">
      {terminals.map((terminal, index) => {
        const { id, state } = terminal;
        const name = names.get(id) ?? terminal.name;
        const title = titles.get(id) ?? '';
        const ended = endWords(state);
        if (renaming === id) return <NameInput key={id} id={id} name={terminal.name} />;
        return (
          <li key={id} className="terminal-item" data-active={id === active}>
            <button
              id={`terminal-tab-${id}`}
              type="button"
              className="terminal-item-name"
              aria-current={id === active}
              tabIndex={id === active ? 0 : -1}
              title={[title || name, ended?.label ?? `${terminal.shell}, in ${terminal.directory}`].join('\n')}
              onClick={() => showTerminal(id)}
              onDoubleClick={() => useTerminals.setState({ renaming: id })}
              onContextMenu={(event) => {
                event.preventDefault();
                openItemMenu(event.clientX, event.clientY, terminal);
              }}
              onKeyDown={(event) => {
                if (event.key === 'ArrowDown') step(index, 1);
                else if (event.key === 'ArrowUp') step(index, -1);
                else if (event.key === 'F2') useTerminals.setState({ renaming: id });
                else if (event.key === 'Delete') void killTerminal(id);
                else return;
                event.preventDefault();
              }}
            >
              <Icon name={ended === null ? 'terminal' : ended.bad ? 'error' : 'pass'} />
              <span>{name}</span>
              {title === '' ? null : <span className="terminal-item-title">{title}</span>}
            </button>
            <IconButton icon="trash" label={`Kill ${name}`} tabIndex={-1} onClick={() => void killTerminal(id)} />
          </li>
        );
      })}
    </ul>
  );
}

function openItemMenu(x: number, y: number, { id, name, state }: TerminalInfo): void {
  openMenu(x, y, `Terminal ${name}`, [
    { label: 'Rename…', hint: 'F2', run: () => useTerminals.setState({ renaming: id }) },
    { label: 'Restart', disabled: state.phase === 'running', run: () => restartTerminal(id) },
    'separator',
    { label: 'Kill', hint: 'Delete', run: () => killTerminal(id) },
  ]);
}

function NameInput({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <li className="terminal-item" data-active>
      <input
        className="field terminal-name"
        aria-label={`New name of ${name}`}
        defaultValue={name}
        maxLength={60}
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: a person has just asked for it
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        onBlur={(event) => void renameTerminal(id, event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.value = name;
          if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
        }}
      />
    </li>
  );
}

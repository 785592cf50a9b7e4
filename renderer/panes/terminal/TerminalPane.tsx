import { Button } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { getCommand } from '../../workbench/commands.ts';
import { keyHint } from '../../workbench/keybindings.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { openTerminal, useTerminals } from './store.ts';
import { TerminalList } from './TerminalList.tsx';
import { TerminalScreen } from './TerminalScreen.tsx';
import './terminal.css';

/** Shells of the computer that the service host runs on. */
export function TerminalPane({ isVisible }: PaneProps) {
  const terminals = useTerminals((state) => state.terminals);
  const active = useTerminals((state) => state.active);
  const error = useTerminals((state) => state.error);
  if (terminals === null) return null;
  if (terminals.length === 0) return error === null ? <NoTerminal /> : <Failed />;
  return (
    <div className="terminal-pane">
      <div className="terminal-main">
        {error === null ? null : <Failed />}
        {terminals.map((terminal) => (
          <TerminalScreen
            key={terminal.id}
            terminal={terminal}
            isVisible={isVisible}
            isActive={terminal.id === active}
          />
        ))}
      </div>
      {terminals.length < 2 ? null : <TerminalList terminals={terminals} />}
    </div>
  );
}

function NoTerminal() {
  const opening = useTerminals((state) => state.opening);
  const key = keyHint(getCommand('terminal.new'));
  return (
    <EmptyState icon="terminal-bash" title="No shell is open">
      <p>A shell of this computer, in the folder that is open. It lives on when the page is reloaded.</p>
      <Button kind="primary" icon="add" disabled={opening} onClick={() => void openTerminal()}>
        New terminal{key === undefined ? '' : ` (${key})`}
      </Button>
    </EmptyState>
  );
}

function Failed() {
  const error = useTerminals((state) => state.error);
  const opening = useTerminals((state) => state.opening);
  if (error === null) return null;
  return (
    <div className="terminal-failed">
      <ErrorNote error={error}>
        <div className="terminal-failed-buttons">
          <Button icon="refresh" disabled={opening} onClick={() => void openTerminal()}>
            Try again
          </Button>
          <Button kind="quiet" onClick={() => useTerminals.setState({ error: null })}>
            Dismiss
          </Button>
        </div>
      </ErrorNote>
    </div>
  );
}

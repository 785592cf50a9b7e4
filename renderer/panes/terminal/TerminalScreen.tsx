import { useEffect } from 'react';
import type { TerminalInfo } from '../../../app/contract/terminal.ts';
import { SearchBar } from '../../editors/terminal/SearchBar.tsx';
import type { TerminalView } from '../../editors/terminal/TerminalView.ts';
import { useTerminalView } from '../../editors/terminal/use-terminal-view.ts';
import { studio } from '../../host/client.ts';
import { shownMachine } from '../../state/machines.ts';
import { notify } from '../../state/notifications.ts';
import { useSettings } from '../../state/settings.ts';
import { Button } from '../../widgets/buttons.tsx';
import { copyText } from '../../widgets/clipboard.ts';
import { askForAddress, describeLinks, followLink } from '../../workbench/follow-link.ts';
import { openMenu } from '../../workbench/menu.ts';
import { killTerminal, restartTerminal, sessionOf, setDrawn, setTitle, useTerminals } from './store.ts';
import { endWords } from './view.ts';

/** One shell. Those that are not shown are kept drawn: what is on an alternate screen cannot be told from its bytes again. */
export function TerminalScreen({
  terminal: { id, name, state },
  isVisible,
  isActive,
}: {
  readonly terminal: TerminalInfo;
  readonly isVisible: boolean;
  readonly isActive: boolean;
}) {
  const searching = useTerminals((store) => store.searching) && isActive;
  const fontSize = useSettings(({ settings }) => settings.editorFontSize);
  const scrollback = useSettings(({ settings }) => settings.terminalScrollbackLines);
  const isRunning = state.phase === 'running';
  const ended = endWords(state);
  const machine = () => shownMachine()?.info.id ?? null;
  const [element, view] = useTerminalView({
    label: `Terminal ${name}`,
    scrollback,
    fontSize,
    isVisible: isVisible && isActive,
    convertEol: false,
    describe: (links) => describeLinks(machine(), links),
    onHyperlink: (address) => void askForAddress(address),
    follow: (link) => void followLink(machine(), link),
  });

  useEffect(() => {
    if (view === null) return;
    const session = sessionOf(id);
    const owned = [
      session.listen(
        (event) => {
          if (event.kind === 'bytes') view.write(event.bytes, event.replay);
          else if (event.kind === 'gap') view.note(`${event.bytes} bytes were lost here`);
        },
        () => view.pending,
      ),
      view.onDidShow(() => session.noteShown()),
      view.onData((text) => session.type(text)),
      view.onDidChangeTitle((title) => setTitle(id, title)),
    ];
    const forget = setDrawn(id, {
      get size() {
        return view.size;
      },
      clear: () => view.clear(),
      copy: () => void copyText(view.selection),
      paste: () => void paste(view),
      selectAll: () => view.selectAll(),
      focus: () => view.focus(),
    });
    return () => {
      forget();
      for (const it of owned) it.dispose();
    };
  }, [view, id]);

  // The shell's idea of its size follows the screen's, also when the shell is a new one.
  useEffect(() => {
    if (view === null || !isRunning) return;
    const tell = (size = view.size) => void studio.terminals.resize({ id, size }).catch(() => {});
    if (isActive) tell();
    const subscription = view.onDidResize(tell);
    return () => subscription.dispose();
  }, [view, id, isRunning, isActive]);

  useEffect(() => view?.setReadOnly(!isRunning), [view, isRunning]);

  return (
    <div className="terminal-view" hidden={!isActive}>
      {searching && view !== null ? (
        <SearchBar
          view={view}
          label="Find in the terminal"
          onClose={() => useTerminals.setState({ searching: false })}
        />
      ) : null}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: every entry of the menu is a command with a key or in the palette */}
      <div
        className="terminal-screen"
        data-keys="terminal"
        ref={element}
        onContextMenu={(event) => {
          event.preventDefault();
          if (view !== null) openScreenMenu(event.clientX, event.clientY, view);
        }}
      />
      {ended === null ? null : (
        <p className="terminal-end" data-tone={ended.bad ? 'bad' : 'idle'} role="status">
          <strong>{ended.label}</strong>
          <Button kind="quiet" icon="debug-restart" onClick={() => void restartTerminal(id)}>
            Restart
          </Button>
          <Button kind="quiet" icon="close" onClick={() => void killTerminal(id)}>
            Close
          </Button>
        </p>
      )}
    </div>
  );
}

function openScreenMenu(x: number, y: number, view: TerminalView): void {
  openMenu(x, y, 'Terminal', [
    { label: 'Copy', hint: 'Ctrl+Shift+C', disabled: view.selection === '', run: () => copyText(view.selection) },
    { label: 'Paste', hint: 'Ctrl+Shift+V', run: () => paste(view) },
    { label: 'Select All', run: () => view.selectAll() },
    'separator',
    { label: 'Find', run: () => useTerminals.setState({ searching: true }) },
    { label: 'Clear', run: () => view.clear() },
  ]);
}

/** The browser may want to be asked first, and may say no; the key always works. */
async function paste(view: TerminalView): Promise<void> {
  try {
    view.paste(await navigator.clipboard.readText());
    view.focus();
  } catch {
    notify({ severity: 'info', message: 'The browser keeps the clipboard to itself. Ctrl+Shift+V pastes.' });
  }
}

import { IconButton } from '../../widgets/buttons.tsx';
import { type Command, getCommand, runCommand } from '../../workbench/commands.ts';
import { focusEditor, showPane, showSide, sideOf, useDock } from '../../workbench/dock.ts';
import { keyHint } from '../../workbench/keybindings.ts';
import { registerPane } from '../../workbench/panes.ts';
import {
  activeTerminal,
  drawnTerminal,
  focusTerminal,
  followTerminals,
  killTerminal,
  openTerminal,
  restartTerminal,
  stepTerminal,
  useTerminals,
} from './store.ts';
import { TerminalPane } from './TerminalPane.tsx';

function Actions() {
  const hasTerminal = useTerminals((state) => state.active !== null);
  const button = (id: string, icon: string, label: string) => (
    <IconButton icon={icon} label={label} hint={keyHint(getCommand(id))} onClick={() => void runCommand(id)} />
  );
  return (
    <>
      {button('terminal.new', 'add', 'New terminal')}
      {hasTerminal ? button('terminal.find', 'search', 'Find in the terminal') : null}
      {hasTerminal ? button('terminal.clear', 'clear-all', 'Clear the terminal') : null}
      {hasTerminal ? button('terminal.kill', 'trash', 'Kill the terminal') : null}
    </>
  );
}

const hasTerminal = () => activeTerminal() !== null;
const hasEnded = () => activeTerminal()?.state.phase === 'exited';

function reveal(): void {
  showPane('terminal', false);
}

async function show(): Promise<void> {
  reveal();
  const { active, terminals } = useTerminals.getState();
  if (active !== null) focusTerminal(active);
  else if (terminals !== null) await openTerminal();
}

/** Away if the keyboard is in it, else here and the keyboard in it: one key there and back, as in VS Code. */
async function toggle(): Promise<void> {
  const panel = useDock.getState().api?.getPanel('pane:terminal');
  const isShown = useDock.getState().visible.has('pane:terminal');
  const isFocused = isShown && document.activeElement?.closest('[data-pane="terminal"]') != null;
  const side = panel === undefined ? null : sideOf(panel.group);
  if (!isFocused) return show();
  if (side !== null) showSide(side, false);
  // Without an editor there is nobody to take the keyboard; what is hidden does not keep it.
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  focusEditor();
}

function onScreen(id: string, title: string, act: (terminal: NonNullable<ReturnType<typeof drawnTerminal>>) => void) {
  const run = () => {
    const terminal = drawnTerminal();
    if (terminal !== null) act(terminal);
  };
  return { id, title, category: 'Terminal', when: hasTerminal, run } satisfies Command;
}

const onActive = (act: (id: string) => unknown) => () => {
  const terminal = activeTerminal();
  return terminal === null ? undefined : act(terminal.id);
};

registerPane({
  id: 'terminal',
  title: 'Terminal',
  icon: 'terminal-bash',
  component: TerminalPane,
  defaultLocation: 'bottom',
  order: 35,
  actions: Actions,
  commands: [
    { id: 'terminal.toggle', title: 'Toggle Terminal', category: 'View', keybinding: 'Mod+`', run: toggle },
    {
      id: 'terminal.new',
      title: 'New Terminal',
      category: 'Terminal',
      keybinding: 'Mod+Shift+`',
      run: () => {
        reveal();
        return openTerminal();
      },
    },
    { id: 'terminal.show', title: 'Go to Terminal', category: 'Terminal', run: show },
    {
      id: 'terminal.kill',
      title: 'Kill',
      category: 'Terminal',
      when: hasTerminal,
      run: onActive(killTerminal),
    },
    { id: 'terminal.restart', title: 'Restart', category: 'Terminal', when: hasEnded, run: onActive(restartTerminal) },
    {
      id: 'terminal.rename',
      title: 'Rename',
      category: 'Terminal',
      when: hasTerminal,
      run: onActive((id) => {
        reveal();
        useTerminals.setState({ renaming: id });
      }),
    },
    {
      id: 'terminal.find',
      title: 'Find',
      category: 'Terminal',
      when: hasTerminal,
      run: () => {
        reveal();
        useTerminals.setState({ searching: true });
      },
    },
    {
      id: 'terminal.next',
      title: 'Next',
      category: 'Terminal',
      keybinding: 'Mod+Alt+PageDown',
      when: hasTerminal,
      run: () => stepTerminal(1),
    },
    {
      id: 'terminal.previous',
      title: 'Previous',
      category: 'Terminal',
      keybinding: 'Mod+Alt+PageUp',
      when: hasTerminal,
      run: () => stepTerminal(-1),
    },
    onScreen('terminal.clear', 'Clear', (terminal) => terminal.clear()),
    onScreen('terminal.copy', 'Copy Selection', (terminal) => terminal.copy()),
    onScreen('terminal.paste', 'Paste', (terminal) => terminal.paste()),
    onScreen('terminal.selectAll', 'Select All', (terminal) => terminal.selectAll()),
  ],
});
followTerminals();

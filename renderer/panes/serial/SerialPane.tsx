import { useEffect } from 'react';
import type { SerialLog } from '../../../app/contract/studio.ts';
import { SearchBar } from '../../editors/terminal/SearchBar.tsx';
import { useTerminalView } from '../../editors/terminal/use-terminal-view.ts';
import { abilitiesOf, stateWords } from '../../state/machine-view.ts';
import { machineById, useShownMachine } from '../../state/machines.ts';
import { useSettings } from '../../state/settings.ts';
import { Button } from '../../widgets/buttons.tsx';
import { copyText } from '../../widgets/clipboard.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { runCommand } from '../../workbench/commands.ts';
import { handleFocus } from '../../workbench/dock.ts';
import { askForAddress, describeLinks, followLink } from '../../workbench/follow-link.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { LogBar } from './LogBar.tsx';
import { sessionOf, setTerminal, useSerial } from './store.ts';

/** The serial console of the machine that is shown. */
export function SerialPane({ isVisible }: PaneProps) {
  const machine = useShownMachine();
  if (machine === null) {
    return (
      <EmptyState icon="terminal" title="No machine has been started">
        <p>The console of the machine appears here, and what you type reaches its shell.</p>
        <Button kind="primary" icon="run" onClick={() => void runCommand('machine.run')}>
          Build and run
        </Button>
      </EmptyState>
    );
  }
  return (
    <Console
      machineId={machine.info.id}
      log={machine.log}
      canType={abilitiesOf(machine.state).type}
      isVisible={isVisible}
    />
  );
}

function Console({
  machineId,
  log,
  canType,
  isVisible,
}: {
  readonly machineId: string;
  readonly log: SerialLog | null;
  readonly canType: boolean;
  readonly isVisible: boolean;
}) {
  const searching = useSerial((state) => state.searching);
  const fontSize = useSettings(({ settings }) => settings.editorFontSize);
  const scrollback = useSettings(({ settings }) => settings.serialScrollbackLines);
  // The terminal outlives the machine that it shows.
  const [element, view] = useTerminalView({
    label: 'Serial console',
    scrollback,
    fontSize,
    isVisible,
    convertEol: true,
    describe: (links) => describeLinks(machineId, links),
    onHyperlink: (address) => void askForAddress(address),
    follow: (link) => void followLink(machineId, link),
  });

  useEffect(() => {
    if (view === null) return;
    setTerminal({
      clear: () => view.clear(),
      copy: () => void copyText(view.selection),
      focus: () => view.focus(),
    });
    // It is loaded after its pane is there: keys that follow Go to Serial Console are for the guest all the same.
    const endFocus = handleFocus('pane:serial', () => view.focus());
    return () => {
      endFocus(false);
      setTerminal(null);
    };
  }, [view]);

  useEffect(() => {
    if (view === null) return;
    view.restart();
    const session = sessionOf(machineId);
    const listening = session.listen((event) => {
      if (event.kind === 'bytes') view.write(event.bytes, event.replay);
      else if (event.kind === 'gap') view.note(`${event.bytes} bytes were lost here`);
    });
    const typing = view.onData((text) => session.type(text));
    return () => {
      listening.dispose();
      typing.dispose();
    };
  }, [view, machineId]);

  useEffect(() => view?.setReadOnly(!canType), [view, canType]);

  return (
    <div className="terminal-view">
      {log === null ? null : <LogBar machineId={machineId} log={log} />}
      {searching && view !== null ? (
        <SearchBar
          view={view}
          label="Find in the serial console"
          onClose={() => useSerial.setState({ searching: false })}
        />
      ) : null}
      <div className="terminal-screen" data-keys="terminal" ref={element} />
      {canType ? null : <EndLine machineId={machineId} />}
    </div>
  );
}

/** Why nothing can be typed. */
function EndLine({ machineId }: { readonly machineId: string }) {
  const machine = machineById(machineId);
  if (machine === null) return null;
  const { label, detail, tone } = stateWords(machine.state);
  return (
    <p className="terminal-end" data-tone={tone} role="status">
      <strong>{label}.</strong> {detail}
    </p>
  );
}

import { useEffect, useRef, useState } from 'react';
import { TerminalView } from '../../editors/terminal/TerminalView.ts';
import { abilitiesOf, stateWords } from '../../state/machine-view.ts';
import { machineById, useShownMachine } from '../../state/machines.ts';
import { useSettings } from '../../state/settings.ts';
import { Button } from '../../widgets/buttons.tsx';
import { copyText } from '../../widgets/clipboard.ts';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { runCommand } from '../../workbench/commands.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { describeLinks, followLink } from './follow-link.ts';
import { SearchBar } from './SearchBar.tsx';
import { sessionOf, setTerminal, useSerial } from './store.ts';
import './serial.css';

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
  return <Console machineId={machine.info.id} canType={abilitiesOf(machine.state).type} isVisible={isVisible} />;
}

function Console({
  machineId,
  canType,
  isVisible,
}: {
  readonly machineId: string;
  readonly canType: boolean;
  readonly isVisible: boolean;
}) {
  const element = useRef<HTMLDivElement>(null);
  // The terminal outlives the machine that it shows.
  const shownId = useRef(machineId);
  shownId.current = machineId;
  const [view, setView] = useState<TerminalView | null>(null);
  const searching = useSerial((state) => state.searching);
  const fontSize = useSettings(({ settings }) => settings.editorFontSize);
  const scrollback = useSettings(({ settings }) => settings.serialScrollbackLines);

  useEffect(() => {
    if (element.current === null) return;
    const made = new TerminalView(element.current, {
      label: 'Serial console',
      scrollback,
      fontSize: useSettings.getState().settings.editorFontSize,
      describe: (links) => describeLinks(shownId.current, links),
      follow: (link) => void followLink(shownId.current, link),
    });
    made.interceptKeys((event) => {
      if (!event.ctrlKey || !event.shiftKey || event.code !== 'KeyC' || made.selection === '') return false;
      event.preventDefault();
      void copyText(made.selection);
      return true;
    });
    setView(made);
    setTerminal({
      clear: () => made.clear(),
      copy: () => void copyText(made.selection),
      focus: () => made.focus(),
    });
    return () => {
      setTerminal(null);
      setView(null);
      made.dispose();
    };
  }, [scrollback]);

  useEffect(() => {
    if (view === null) return;
    view.restart();
    const session = sessionOf(machineId);
    const listening = session.listen((event) => {
      if (event.kind === 'bytes') view.write(event.bytes);
      else if (event.kind === 'gap') view.note(`${event.bytes} bytes were lost here`);
    });
    const typing = view.onData((text) => session.type(text));
    return () => {
      listening.dispose();
      typing.dispose();
    };
  }, [view, machineId]);

  useEffect(() => view?.setReadOnly(!canType), [view, canType]);
  useEffect(() => view?.setFontSize(fontSize), [view, fontSize]);
  useEffect(() => {
    if (!isVisible || view === null) return;
    // After the dock has given it its size.
    const frame = requestAnimationFrame(() => view.reveal());
    return () => cancelAnimationFrame(frame);
  }, [view, isVisible]);

  return (
    <div className="serial">
      {searching && view !== null ? <SearchBar view={view} /> : null}
      <div className="serial-terminal" data-keys="terminal" ref={element} />
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
    <p className="serial-end" data-tone={tone} role="status">
      <strong>{label}.</strong> {detail}
    </p>
  );
}

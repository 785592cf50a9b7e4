import { machineTitle, stateWords } from '../../state/machine-view.ts';
import { chooseMachine, shownMachine, useMachineList, useMachines, useShownMachine } from '../../state/machines.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { downloadFile } from '../../widgets/clipboard.ts';
import { runCommand } from '../../workbench/commands.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { tellFailedLogs, toggleLog } from './log.ts';
import { SerialPane } from './SerialPane.tsx';
import { currentTerminal, shownLog, useSerial } from './store.ts';
import '../../widgets/controls.css';
import './serial.css';

function Actions() {
  const machines = useMachineList();
  const shown = useShownMachine();
  if (shown === null) return null;
  const isLogging = shown.log !== null && shown.log.error === null;
  return (
    <>
      {machines.length < 2 ? null : (
        <select
          className="field machine-select"
          aria-label="Machine"
          value={shown.info.id}
          onChange={(event) => chooseMachine(event.target.value)}
        >
          {machines.map((machine) => (
            <option key={machine.info.id} value={machine.info.id}>
              {machineTitle(machine, machines)}, {stateWords(machine.state).label.toLowerCase()}
            </option>
          ))}
        </select>
      )}
      <IconButton icon="search" label="Find in the console" onClick={() => void runCommand('serial.find')} />
      <IconButton icon="clear-all" label="Clear the console" onClick={() => void runCommand('serial.clear')} />
      <IconButton
        icon={isLogging ? 'stop-circle' : 'record'}
        label={isLogging ? 'Stop logging to a file' : 'Log to a file'}
        pressed={isLogging}
        onClick={() => void runCommand('serial.log')}
      />
      <IconButton icon="save" label="Save the log as a file" onClick={() => void runCommand('serial.save')} />
    </>
  );
}

useMachines.subscribe(({ machines }) => {
  tellFailedLogs(
    (machines ?? []).flatMap(({ info, log }) =>
      log === null || log.error === null ? [] : [{ id: info.id, error: log.error }],
    ),
  );
});

const hasMachine = () => shownMachine() !== null;

registerPane({
  id: 'serial',
  title: 'Serial',
  icon: 'terminal',
  component: SerialPane,
  defaultLocation: 'bottom',
  order: 30,
  actions: Actions,
  commands: [
    {
      id: 'serial.focus',
      title: 'Go to Serial Console',
      category: 'Serial',
      keybinding: 'Mod+Alt+`',
      run: () => showPane('serial'),
    },
    {
      id: 'serial.find',
      title: 'Find',
      category: 'Serial',
      when: hasMachine,
      run: () => {
        showPane('serial', false);
        useSerial.setState({ searching: true });
      },
    },
    { id: 'serial.clear', title: 'Clear', category: 'Serial', when: hasMachine, run: () => currentTerminal()?.clear() },
    {
      id: 'serial.copy',
      title: 'Copy Selection',
      category: 'Serial',
      when: hasMachine,
      run: () => currentTerminal()?.copy(),
    },
    { id: 'serial.log', title: 'Log to File', category: 'Serial', when: hasMachine, run: toggleLog },
    {
      id: 'serial.save',
      title: 'Save Log as File',
      category: 'Serial',
      when: hasMachine,
      run: () => {
        const log = shownLog();
        if (log !== null) downloadFile(log.name, log.parts, 'text/plain');
      },
    },
  ],
});

import { isBuilding, useBuild } from '../../state/build.ts';
import { abilitiesOf, acceleratorName, isAlive, stateWords } from '../../state/machine-view.ts';
import { actOn, shownMachine, useShownMachine } from '../../state/machines.ts';
import { cancelRun, isRunning, run, useRun } from '../../state/run.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { StateDot } from '../../widgets/StateDot.tsx';
import { StatusEntry } from '../../widgets/StatusEntry.tsx';
import { type Command, getCommand } from '../../workbench/commands.ts';
import { registerStatusItem, registerToolbarItem } from '../../workbench/contributions.ts';
import { showPane } from '../../workbench/dock.ts';
import { keyHint } from '../../workbench/keybindings.ts';
import { useLayouts } from '../../workbench/layouts.ts';

/** Run, and what can be done with the machine that is shown. */
function RunTools() {
  const state = useRun(({ run: now }) => now);
  const building = useBuild(isBuilding);
  const machine = useShownMachine();
  const can = machine === null ? null : abilitiesOf(machine.state);
  if (isRunning(state)) {
    return (
      <Button kind="quiet" icon="loading" onClick={cancelRun}>
        {state.phase === 'building' ? 'Building' : 'Starting'}, cancel
      </Button>
    );
  }
  return (
    <>
      {machine !== null && can !== null && (can.pause || can.resume) ? (
        <IconButton
          icon={can.pause ? 'debug-pause' : 'debug-continue'}
          label={can.pause ? 'Pause the machine' : 'Resume the machine'}
          hint={keyHint(getCommand(can.pause ? 'machine.pause' : 'machine.resume'))}
          onClick={() => void actOn(machine.info.id, can.pause ? 'pause' : 'resume')}
        />
      ) : null}
      {machine !== null && can?.reset === true ? (
        <IconButton
          icon="debug-restart"
          label="Reset the machine"
          hint={keyHint(getCommand('machine.reset'))}
          onClick={() => void actOn(machine.info.id, 'reset')}
        />
      ) : null}
      {machine !== null && can?.stop === true ? (
        <IconButton
          icon="debug-stop"
          label="Stop the machine"
          hint={keyHint(getCommand('machine.stop'))}
          onClick={() => void actOn(machine.info.id, 'stop')}
        />
      ) : (
        <IconButton
          icon="run"
          label="Build and run"
          hint={keyHint(getCommand('machine.run'))}
          disabled={building}
          onClick={() => void run()}
        />
      )}
    </>
  );
}

function MachineStatus() {
  const machine = useShownMachine();
  if (machine === null) return null;
  const { info, state } = machine;
  const { label, detail, tone } = stateWords(state);
  const facts = `${acceleratorName(info.accelerator.accelerator)}, ${info.profile.cores} ${info.profile.cores === 1 ? 'core' : 'cores'}, ${info.profile.memoryMiB} MiB`;
  return (
    <StatusEntry
      tone={tone === 'bad' ? 'error' : undefined}
      title={[`Machine ${info.id}: ${label.toLowerCase()}`, detail, facts].filter((line) => line !== '').join('\n')}
      onClick={() => showPane('machine')}
    >
      <span className="machine-status">
        <StateDot tone={tone} />
        {info.profile.name} {label.toLowerCase()}
        {isAlive(state) ? <span className="machine-status-facts">{facts}</span> : null}
      </span>
    </StatusEntry>
  );
}

registerToolbarItem({ id: 'machine.run', order: 10, component: RunTools });
registerStatusItem({ id: 'machine.state', side: 'left', order: 20, component: MachineStatus });

const can = (ability: 'pause' | 'resume' | 'reset' | 'stop') => () => {
  const machine = shownMachine();
  return machine !== null && abilitiesOf(machine.state)[ability];
};
const act = (action: 'pause' | 'resume' | 'reset' | 'stop') => async () => {
  const machine = shownMachine();
  if (machine !== null) await actOn(machine.info.id, action);
};

export const MACHINE_COMMANDS: readonly Command[] = [
  {
    id: 'machine.run',
    title: 'Build and Run',
    category: 'Machine',
    keybinding: 'F5',
    when: () => !isRunning(useRun.getState().run),
    run: async () => {
      if ((await run()) !== null) {
        // A layout that has given all its room to what is looked at keeps it.
        if (useLayouts.getState().current !== 'inspect') showPane('serial', false);
        return;
      }
      const state = useRun.getState().run;
      if (state.phase === 'failed') showPane(state.error.code === 'build-failed' ? 'build' : 'machine', false);
    },
  },
  {
    id: 'machine.cancelRun',
    title: 'Cancel the Start',
    category: 'Machine',
    when: () => isRunning(useRun.getState().run),
    run: cancelRun,
  },
  {
    id: 'machine.pause',
    title: 'Pause',
    category: 'Machine',
    keybinding: 'Mod+F6',
    when: can('pause'),
    run: act('pause'),
  },
  {
    id: 'machine.resume',
    title: 'Resume',
    category: 'Machine',
    keybinding: 'Mod+F6',
    when: can('resume'),
    run: act('resume'),
  },
  {
    id: 'machine.reset',
    title: 'Reset',
    category: 'Machine',
    keybinding: 'Mod+Shift+F5',
    when: can('reset'),
    run: act('reset'),
  },
  {
    id: 'machine.stop',
    title: 'Stop',
    category: 'Machine',
    keybinding: 'Shift+F5',
    when: can('stop'),
    run: act('stop'),
  },
];

import { useEffect } from 'react';
import { whenConnected } from '../../host/client.ts';
import { isAlive, machineTitle, stateWords } from '../../state/machine-view.ts';
import { chooseMachine, refreshChoices, useMachineList, useShownMachine } from '../../state/machines.ts';
import { StateDot } from '../../widgets/StateDot.tsx';
import type { PaneProps } from '../../workbench/panes.ts';
import { MachineCard } from './MachineCard.tsx';
import { StartForm } from './StartForm.tsx';
import '../../widgets/controls.css';
import './machine.css';

/** Starts machines and shows how they are. */
export function MachinePane({ isVisible }: PaneProps) {
  const machines = useMachineList();
  const shown = useShownMachine();
  useEffect(() => {
    if (isVisible) void whenConnected().then(refreshChoices);
  }, [isVisible]);
  return (
    <div className="machine">
      <StartForm another={machines.some(({ state }) => isAlive(state))} />
      {machines.length < 2 ? null : (
        <div className="machine-tabs" role="radiogroup" aria-label="Machines">
          {machines.map((machine) => (
            <label key={machine.info.id}>
              <input
                type="radio"
                name="machine"
                className="visually-hidden"
                checked={machine.info.id === shown?.info.id}
                onChange={() => chooseMachine(machine.info.id)}
              />
              <StateDot tone={stateWords(machine.state).tone} />
              {machineTitle(machine, machines)}
              <span className="visually-hidden">, {stateWords(machine.state).label}</span>
            </label>
          ))}
        </div>
      )}
      {shown === null ? null : <MachineCard key={shown.info.id} machine={shown} isVisible={isVisible} />}
    </div>
  );
}

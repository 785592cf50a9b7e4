import { followMachines } from '../../state/machines.ts';
import { registerPane } from '../../workbench/panes.ts';
import { MACHINE_COMMANDS } from './contributions.tsx';
import { DUMP_COMMANDS } from './dumps.tsx';
import { MachinePane } from './MachinePane.tsx';

followMachines();

registerPane({
  id: 'machine',
  title: 'Machine',
  icon: 'vm',
  component: MachinePane,
  defaultLocation: 'right',
  order: 20,
  commands: [...MACHINE_COMMANDS, ...DUMP_COMMANDS],
});

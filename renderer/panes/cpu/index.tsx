import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { CpuPane } from './CpuPane.tsx';

registerPane({
  id: 'cpu',
  title: 'Processor',
  icon: 'chip',
  component: CpuPane,
  defaultLocation: 'editor',
  order: 20,
  commands: [{ id: 'cpu.show', title: 'Show Processor Registers', category: 'Inspect', run: () => showPane('cpu') }],
});

import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { IrqPane } from './IrqPane.tsx';

registerPane({
  id: 'irq',
  title: 'Interrupts',
  icon: 'zap',
  component: IrqPane,
  defaultLocation: 'editor',
  order: 22,
  commands: [{ id: 'irq.show', title: 'Show Interrupt Paths', category: 'Inspect', run: () => showPane('irq') }],
});

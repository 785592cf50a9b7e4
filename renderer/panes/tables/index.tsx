import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { TablesPane } from './TablesPane.tsx';

registerPane({
  id: 'tables',
  title: 'Descriptor Tables',
  icon: 'table',
  component: TablesPane,
  defaultLocation: 'editor',
  order: 21,
  commands: [
    {
      id: 'tables.show',
      title: 'Show Descriptor Tables (GDT, LDT, IDT, TSS)',
      category: 'Inspect',
      run: () => showPane('tables'),
    },
  ],
});

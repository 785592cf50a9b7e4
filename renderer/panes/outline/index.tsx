import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { OutlinePane } from './OutlinePane.tsx';

registerPane({
  id: 'outline',
  title: 'Outline',
  icon: 'list-tree',
  component: OutlinePane,
  defaultLocation: 'left',
  order: 30,
  commands: [{ id: 'outline.show', title: 'Show Outline', category: 'View', run: () => showPane('outline') }],
});

import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { PagingPane } from './PagingPane.tsx';

registerPane({
  id: 'paging',
  title: 'Page Tables',
  icon: 'map',
  component: PagingPane,
  defaultLocation: 'editor',
  order: 30,
  commands: [{ id: 'paging.show', title: 'Show Page Tables', category: 'Inspect', run: () => showPane('paging') }],
});

import { openLens } from '../../state/lens.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { MemoryPane } from './MemoryPane.tsx';

registerPane({
  id: 'memory',
  title: 'Memory',
  icon: 'file-binary',
  component: MemoryPane,
  defaultLocation: 'editor',
  order: 35,
  commands: [
    { id: 'memory.show', title: 'Show Memory', category: 'Inspect', run: () => showPane('memory') },
    {
      id: 'memory.lens',
      title: 'Show a Static or Type in Memory',
      category: 'Inspect',
      run: () => {
        // The lens takes the keyboard itself.
        showPane('memory', false);
        openLens();
      },
    },
  ],
});

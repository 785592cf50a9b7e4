import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { ModelsPane } from './ModelsPane.tsx';

registerPane({
  id: 'models',
  title: 'Models',
  icon: 'library',
  component: ModelsPane,
  defaultLocation: 'editor',
  commands: [
    { id: 'models.show', title: 'Model Library', category: 'Machine', run: () => showPane('models') },
    {
      id: 'models.add',
      title: 'Add a GGUF File to the Library',
      category: 'Machine',
      run: () => {
        showPane('models', false);
        requestAnimationFrame(() => document.getElementById('models-path')?.focus());
      },
    },
  ],
});

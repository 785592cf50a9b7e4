import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { VirtioPane } from './VirtioPane.tsx';

registerPane({
  id: 'virtio',
  title: 'Virtqueues',
  icon: 'circuit-board',
  component: VirtioPane,
  defaultLocation: 'editor',
  order: 50,
  commands: [{ id: 'virtio.show', title: 'Show Virtqueues', category: 'Inspect', run: () => showPane('virtio') }],
});

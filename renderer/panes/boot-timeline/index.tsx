import { registerPane } from '../../workbench/panes.ts';
import { BootTimelinePane } from './BootTimelinePane.tsx';

registerPane({
  id: 'boot-timeline',
  title: 'Boot',
  icon: 'pulse',
  component: BootTimelinePane,
  defaultLocation: 'bottom',
  order: 40,
});

import { registerPane } from '../../workbench/panes.ts';
import { SettingsPane } from './SettingsPane.tsx';

registerPane({
  id: 'settings',
  title: 'Settings',
  icon: 'settings-gear',
  component: SettingsPane,
  defaultLocation: 'editor',
});

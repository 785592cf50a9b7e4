import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { WelcomePane } from './WelcomePane.tsx';

registerPane({
  id: 'welcome',
  title: 'Welcome',
  icon: 'home',
  component: WelcomePane,
  defaultLocation: 'editor',
  commands: [{ id: 'welcome.show', title: 'Welcome', category: 'Help', run: () => showPane('welcome') }],
});

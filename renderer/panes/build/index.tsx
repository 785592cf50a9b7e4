import { cancelBuild, followBuild, isBuilding, runBuild, useBuild } from '../../state/build.ts';
import { notify } from '../../state/notifications.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { BuildPane } from './BuildPane.tsx';

followBuild();

async function build(): Promise<void> {
  showPane('build', false);
  const outcome = await runBuild();
  const { phase, problems } = useBuild.getState().status;
  if (outcome === 'failed' && phase === 'failed' && problems.some(({ severity }) => severity === 'error')) {
    showPane('problems', false);
    return;
  }
  if (outcome === 'succeeded' && document.hidden) notify({ severity: 'success', message: 'The kernel is built' });
}

registerPane({
  id: 'build',
  title: 'Build',
  icon: 'tools',
  component: BuildPane,
  defaultLocation: 'bottom',
  order: 20,
  commands: [
    {
      id: 'build.start',
      title: 'Build Kernel',
      category: 'Build',
      keybinding: 'Mod+Shift+B',
      when: () => !isBuilding(useBuild.getState()),
      run: build,
    },
    {
      id: 'build.cancel',
      title: 'Cancel Build',
      category: 'Build',
      when: () => isBuilding(useBuild.getState()),
      run: cancelBuild,
    },
  ],
});

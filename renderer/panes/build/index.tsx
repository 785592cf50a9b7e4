import { cancelBuild, followBuild, isBuilding, runBuild, useBuild } from '../../state/build.ts';
import { onDidSaveDocument } from '../../state/documents.ts';
import { notify } from '../../state/notifications.ts';
import { useSettings } from '../../state/settings.ts';
import { isRestricted, useTrust } from '../../state/trust.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { BuildPane } from './BuildPane.tsx';
import { useBuildPane } from './shown.ts';

followBuild();

async function build(): Promise<void> {
  useBuildPane.setState({ shown: 'output' });
  showPane('build', false);
  const outcome = await runBuild();
  const { phase, problems } = useBuild.getState().status;
  if (outcome === 'failed' && phase === 'failed' && problems.some(({ severity }) => severity === 'error')) {
    showPane('problems', false);
    return;
  }
  if (outcome === 'refused')
    notify({
      severity: 'info',
      key: 'build.refused',
      message: 'Nothing was built',
      detail: 'The folder is in restricted mode; the status bar says so, and leads out of it.',
    });
  if (outcome === 'succeeded' && document.hidden) notify({ severity: 'success', message: 'The kernel is built' });
}

/** What the image is made from: text of other kinds builds nothing. */
const SOURCE = /\.(?:rs|toml|lock|ld|lds|x|s|S|asm|inc)$|(?:^|\/)\.cargo\/config/;

let isWanted = false;

/** Builds after a save, quietly: whoever looks at something else is not taken away from it. Saves during a build make one more. */
async function buildAfterSave(): Promise<void> {
  if (isWanted) return;
  isWanted = true;
  // A build that runs saw the text of before.
  if (isBuilding(useBuild.getState())) await runBuild();
  isWanted = false;
  await runBuild();
}

onDidSaveDocument((path) => {
  // Whoever saves is not asked about trust.
  if (isRestricted(useTrust.getState())) return;
  if (useSettings.getState().settings.buildOnSave && SOURCE.test(path)) void buildAfterSave();
});

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
    {
      id: 'build.size',
      title: 'Show Size of the Image',
      category: 'Build',
      run: () => {
        useBuildPane.setState({ shown: 'size' });
        showPane('build');
      },
    },
  ],
});

import { EXTERNAL, isExternal } from '../../../app/contract/external.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { activePath } from '../../workbench/active-file.ts';
import { showPane, useDock } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { Explorer } from './Explorer.tsx';
import { collapseAll, focusRow, revealInTree, startCreate } from './store.ts';

function Actions() {
  return (
    <>
      <IconButton icon="new-file" label="New File" onClick={() => void startCreate('file')} />
      <IconButton icon="new-folder" label="New Folder" onClick={() => void startCreate('directory')} />
      <IconButton icon="collapse-all" label="Collapse All" onClick={collapseAll} />
    </>
  );
}

async function reveal(): Promise<void> {
  const path = activePath();
  if (path === null) return;
  showPane('explorer', false);
  await revealInTree(path);
  focusRow(path);
}

registerPane({
  id: 'explorer',
  title: 'Explorer',
  icon: 'files',
  component: Explorer,
  defaultLocation: 'left',
  order: 10,
  actions: Actions,
  commands: [
    {
      id: 'explorer.show',
      title: 'Show Explorer',
      category: 'View',
      keybinding: 'Mod+Shift+E',
      run: () => showPane('explorer'),
    },
    {
      id: 'explorer.reveal',
      title: 'Reveal Active File in Explorer',
      category: 'File',
      when: () => !isExternal(activePath() ?? EXTERNAL),
      run: reveal,
    },
    {
      id: 'explorer.newFile',
      title: 'New File',
      category: 'File',
      run: async () => {
        showPane('explorer', false);
        await startCreate('file');
      },
    },
    {
      id: 'explorer.newFolder',
      title: 'New Folder',
      category: 'File',
      run: async () => {
        showPane('explorer', false);
        await startCreate('directory');
      },
    },
  ],
});

// The tree follows the editor, as long as it can be seen.
let shown: string | null = null;
useDock.subscribe(({ visible }) => {
  const path = activePath();
  if (path === null || isExternal(path) || path === shown || !visible.has('pane:explorer')) return;
  shown = path;
  void revealInTree(path);
});

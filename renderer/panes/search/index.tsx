import { IconButton } from '../../widgets/buttons.tsx';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { SearchPane } from './SearchPane.tsx';
import { search, startSearch, useSearch } from './store.ts';

function Actions() {
  const showsGlobs = useSearch((state) => state.showsGlobs);
  return (
    <>
      <IconButton icon="refresh" label="Search Again" onClick={() => void search()} />
      <IconButton
        icon="filter"
        label="Files to Include and Exclude"
        pressed={showsGlobs}
        onClick={() => useSearch.setState({ showsGlobs: !showsGlobs })}
      />
    </>
  );
}

/** What is selected in the editor, if it is one short piece. */
async function selection(): Promise<{ pattern?: string }> {
  const { selectedText } = await import('../../editors/actions.ts');
  const text = selectedText();
  return text === '' || text.includes('\n') || text.length > 200 ? {} : { pattern: text };
}

registerPane({
  id: 'search',
  title: 'Search',
  icon: 'search',
  component: SearchPane,
  defaultLocation: 'left',
  order: 20,
  actions: Actions,
  commands: [
    {
      id: 'search.show',
      title: 'Find in Files',
      category: 'Search',
      keybinding: 'Mod+Shift+F',
      run: async () => {
        startSearch(await selection(), false);
        showPane('search');
      },
    },
    {
      id: 'search.replace',
      title: 'Replace in Files',
      category: 'Search',
      keybinding: 'Mod+Shift+H',
      run: async () => {
        startSearch(await selection(), true);
        showPane('search');
      },
    },
    {
      id: 'search.inFolder',
      title: 'Find in Folder',
      category: 'Search',
      hidden: true,
      run: (folder: string) => {
        startSearch({ include: `${folder}/**` }, false);
        showPane('search');
      },
    },
  ],
});

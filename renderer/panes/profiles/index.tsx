import {
  beginProfile,
  draftOf,
  redoField,
  refreshProfiles,
  saveProfile,
  showProfile,
  undoField,
  useProfiles,
} from '../../state/profiles.ts';
import { useSettings } from '../../state/settings.ts';
import { pathOf } from '../../workbench/close.ts';
import { showPane, useDock } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { ProfilesPane } from './ProfilesPane.tsx';

const hasFocus = () => document.activeElement?.closest('[data-pane="profiles"]') != null;
const shown = () => useProfiles.getState().shown;
const FILE = /^qemu-profiles\/([a-z0-9-]+)\.json$/;
/** The profile whose text is in the editor that was last worked in. */
function activeProfile(): string | null {
  const { api, activeEditor } = useDock.getState();
  const panel = activeEditor === null ? undefined : api?.getPanel(activeEditor);
  return FILE.exec(panel === undefined ? '' : (pathOf(panel) ?? ''))?.[1] ?? null;
}

async function open(name: string): Promise<void> {
  showPane('profiles');
  await refreshProfiles();
  showProfile(name);
}

registerPane({
  id: 'profiles',
  title: 'Profiles',
  icon: 'server-environment',
  component: ProfilesPane,
  defaultLocation: 'editor',
  commands: [
    {
      id: 'profiles.show',
      title: 'Edit Machine Profiles',
      category: 'Machine',
      run: () => open(useSettings.getState().settings.profile),
    },
    {
      id: 'profiles.editAsForm',
      title: 'Edit This Profile as a Form',
      category: 'Machine',
      when: () => activeProfile() !== null,
      run: () => open(activeProfile() ?? ''),
    },
    {
      id: 'profiles.new',
      title: 'New Machine Profile',
      category: 'Machine',
      run: async () => {
        await open(useSettings.getState().settings.profile);
        beginProfile(shown(), false);
      },
    },
    {
      id: 'profiles.save',
      title: 'Save the Profile',
      category: 'Machine',
      keybinding: 'Mod+S',
      when: hasFocus,
      run: () => saveProfile(shown()),
    },
    {
      id: 'profiles.undo',
      title: 'Undo in the Profile',
      category: 'Machine',
      keybinding: 'Mod+Z',
      when: hasFocus,
      run: () => undoField(shown()),
    },
    {
      id: 'profiles.redo',
      title: 'Redo in the Profile',
      category: 'Machine',
      keybinding: ['Mod+Shift+Z', 'Mod+Y'],
      when: () => hasFocus() && draftOf(useProfiles.getState(), shown()) !== null,
      run: () => redoField(shown()),
    },
  ],
});

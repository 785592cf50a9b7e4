import { useId, useState } from 'react';
import { ProfileNameSchema } from '../../../app/contract/profile.ts';
import {
  beginProfile,
  deleteProfile,
  isDirty,
  redoField,
  renameProfile,
  revertProfile,
  saveProfile,
  undoField,
  useProfiles,
} from '../../state/profiles.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { getCommand } from '../../workbench/commands.ts';
import { keyHint } from '../../workbench/keybindings.ts';
import { openFile } from '../../workbench/open.ts';

/** The name of the profile, and all that can be done with it. */
export function Head({
  name,
  right,
  conflict,
}: {
  readonly name: string;
  readonly right: boolean;
  readonly conflict: boolean;
}) {
  const edited = useProfiles((state) => state.edited.get(name));
  const saving = useProfiles((state) => state.saving);
  const onDisk = useProfiles((state) => state.sources.has(name));
  const current = useSettings(({ settings }) => settings.profile);
  const dirty = edited !== undefined && isDirty(edited);
  const hint = (id: string) => keyHint(getCommand(id));
  return (
    <header className="profiles-head">
      <Name name={name} />
      <span className="profiles-state" role="status">
        {dirty ? (onDisk ? 'Not saved' : 'New, not saved') : ''}
      </span>
      <IconButton
        icon="discard"
        label="Undo"
        hint={hint('profiles.undo')}
        disabled={(edited?.past.length ?? 0) === 0}
        onClick={() => undoField(name)}
      />
      <IconButton
        icon="redo"
        label="Redo"
        hint={hint('profiles.redo')}
        disabled={(edited?.future.length ?? 0) === 0}
        onClick={() => redoField(name)}
      />
      <IconButton icon="copy" label="Duplicate" onClick={() => beginProfile(name, true)} />
      <IconButton
        icon="json"
        label="Open as text"
        disabled={!onDisk}
        onClick={() => openFile(`qemu-profiles/${name}.json`)}
      />
      <IconButton icon="trash" label="Delete" onClick={() => void deleteProfile(name)} />
      {current === name || !onDisk ? null : (
        <Button onClick={() => void changeSettings({ profile: name })}>Use for Run</Button>
      )}
      {dirty ? (
        <Button kind="quiet" onClick={() => revertProfile(name)}>
          Revert
        </Button>
      ) : null}
      <Button
        kind="primary"
        icon="save"
        disabled={!dirty || !right || saving || conflict}
        onClick={() => void saveProfile(name)}
      >
        Save
      </Button>
    </header>
  );
}

/** The name; Enter renames, Escape takes the typed one back. */
function Name({ name }: { readonly name: string }) {
  const id = useId();
  const [typed, setTyped] = useState(name);
  const taken = useProfiles(({ sources, edited }) => typed !== name && (sources.has(typed) || edited.has(typed)));
  const checked = ProfileNameSchema.safeParse(typed);
  const why = taken
    ? 'There is a profile of this name.'
    : checked.success
      ? ''
      : `It ${checked.error.issues[0]?.message}.`;
  const rename = async () => {
    if (typed === name || why !== '') return;
    if (!(await renameProfile(name, typed))) setTyped(name);
  };
  return (
    <span className="profiles-rename">
      <input
        className="profiles-name-field"
        aria-label="Name of the profile"
        aria-invalid={why !== ''}
        aria-describedby={why === '' ? undefined : id}
        spellCheck={false}
        maxLength={32}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') void rename();
          if (event.key === 'Escape') setTyped(name);
        }}
      />
      {typed === name ? null : (
        <Button disabled={why !== ''} onClick={() => void rename()}>
          Rename
        </Button>
      )}
      {why === '' ? null : (
        <span id={id} className="profiles-issue" role="alert">
          {why}
        </span>
      )}
    </span>
  );
}

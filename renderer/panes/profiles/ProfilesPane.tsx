import { useEffect, useMemo } from 'react';
import { judgeDraft } from '../../../app/machine/profile-draft.ts';
import {
  beginProfile,
  conflictOf,
  draftOf,
  filesOf,
  isDirty,
  refreshProfiles,
  showProfile,
  useProfiles,
} from '../../state/profiles.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { EmptyState } from '../../widgets/EmptyState.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { openFile } from '../../workbench/open.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { CommandLine } from './CommandLine.tsx';
import { Conflict } from './Conflict.tsx';
import { Form } from './Form.tsx';
import { Head } from './Head.tsx';
import '../../widgets/controls.css';
import './profiles.css';

/** Machine profiles as forms. */
export function ProfilesPane({ isVisible }: PaneProps) {
  useEffect(() => {
    if (isVisible) void refreshProfiles();
  }, [isVisible]);
  const loaded = useProfiles((state) => state.loaded);
  if (!loaded) return <EmptyState icon="loading" title="Reading the profiles" />;
  return (
    <div className="profiles">
      <List />
      <Editor />
    </div>
  );
}

function List() {
  const { listing, edited, shown, sources } = useProfiles();
  const fresh = [...edited].filter(([name, { base }]) => base === null && !sources.has(name)).map(([name]) => name);
  const names = [...listing.map(({ name }) => name), ...fresh];
  return (
    <nav className="profiles-list" aria-label="Profiles">
      <div className="section-head">
        <h2>Profiles</h2>
        <IconButton icon="add" label="New profile" onClick={() => beginProfile(shown, false)} />
      </div>
      <ul>
        {names.map((name) => {
          const entry = listing.find((each) => each.name === name);
          const mine = edited.get(name);
          const dirty = mine !== undefined && isDirty(mine);
          return (
            <li key={name}>
              <button
                type="button"
                className="profiles-item"
                aria-current={name === shown}
                onClick={() => showProfile(name)}
              >
                <span className="profiles-name">
                  {name}
                  {dirty ? <span className="profiles-dot" role="img" aria-label="not saved" /> : null}
                </span>
                <span className="profiles-line" data-bad={entry?.error == null ? undefined : ''}>
                  {entry === undefined ? 'new, not saved' : entry.error === null ? entry.description : 'does not load'}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Editor() {
  const state = useProfiles();
  const { shown, error, sources, listing } = state;
  const draft = draftOf(state, shown);
  const files = useMemo(() => filesOf(sources), [sources]);
  const verdict = useMemo(() => (draft === null ? null : judgeDraft(shown, draft, files)), [shown, draft, files]);
  if (draft === null || verdict === null)
    return <Unreadable name={shown} why={listing.find(({ name }) => name === shown)?.error} />;
  const conflict = conflictOf(state, shown);
  // What has no field of its own to stand at.
  const general = verdict.issues.filter(({ field }) => field === '');
  return (
    <section className="profiles-editor" aria-label={`Profile ${shown}`}>
      <Head key={shown} name={shown} right={verdict.file !== null} conflict={conflict !== null} />
      <div className="profiles-body">
        {conflict === null ? null : <Conflict name={shown} differing={conflict} />}
        {error === null ? null : <ErrorNote error={error} />}
        {general.map(({ rule }) => (
          <p key={rule} className="profiles-issue">
            {rule}
          </p>
        ))}
        <Form name={shown} draft={draft} files={files} issues={verdict.issues} />
      </div>
      <CommandLine name={shown} file={verdict.file} issues={verdict.issues.length} />
    </section>
  );
}

/** A file that is no profile: the form has nothing to stand on, the text has. */
function Unreadable({ name, why }: { readonly name: string; readonly why: string | null | undefined }) {
  return (
    <EmptyState icon="warning" title={name === '' ? 'There is no profile' : `${name} cannot be shown as a form`}>
      {why == null ? null : <p>{why}</p>}
      {name === '' ? (
        <Button kind="primary" icon="add" onClick={() => beginProfile('', false)}>
          New profile
        </Button>
      ) : (
        <Button icon="json" onClick={() => openFile(`qemu-profiles/${name}.json`)}>
          Open as text
        </Button>
      )}
    </EmptyState>
  );
}

import { z } from 'zod';
import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { ProfileFile, ProfileListing, ProfileSourceText } from '../../app/contract/profile.ts';
import { differingFields, judgeDraft, type ProfileDraft, type ProfileFiles } from '../../app/machine/profile-draft.ts';
import { studio, whenConnected } from '../host/client.ts';
import { refreshChoices } from './machines.ts';
import { notify, notifyError } from './notifications.ts';
import { PersistedValue } from './persisted.ts';
import { useSettings } from './settings.ts';
import { onDidChangeFiles } from './workspace.ts';

/** A profile that has been changed and not saved. */
export interface EditedProfile {
  readonly draft: ProfileDraft;
  /** What it replaces; null for a new one. */
  readonly base: { readonly file: ProfileDraft; readonly etag: string } | null;
  readonly past: readonly ProfileDraft[];
  readonly future: readonly ProfileDraft[];
}

interface ProfilesState {
  readonly listing: readonly ProfileListing[];
  /** As they are on the disk, those that can be read. */
  readonly sources: ReadonlyMap<string, ProfileSourceText>;
  readonly edited: ReadonlyMap<string, EditedProfile>;
  /** The one that is shown; empty before the first. */
  readonly shown: string;
  readonly loaded: boolean;
  readonly saving: boolean;
  /** Why the shown one was not saved; a conflict is no error but a question. */
  readonly error: AppError | null;
}

export const useProfiles = create<ProfilesState>(() => ({
  listing: [],
  sources: new Map(),
  edited: new Map(),
  shown: '',
  loaded: false,
  saving: false,
  error: null,
}));

const MAX_PAST = 200;
/** Keys that come close after each other in one field are one step of undo. */
const STEP_MS = 900;

const kept = new PersistedValue('profiles.drafts');
const DraftSchema = z.record(z.string(), z.unknown());
const KeptSchema = z.record(
  z.string(),
  z.object({ draft: DraftSchema, base: z.object({ file: DraftSchema, etag: z.string() }).nullable() }),
);

/** Files by name, for what inherits from what; texts that are not saved do not count, as for a start. */
export function filesOf(sources: ProfilesState['sources']): ProfileFiles {
  return new Map<string, ProfileFile>([...sources].map(([name, { file }]) => [name, file]));
}

/** What the form shows of a profile: what was typed, else what is on the disk. */
export function draftOf(state: Pick<ProfilesState, 'edited' | 'sources'>, name: string): ProfileDraft | null {
  return state.edited.get(name)?.draft ?? state.sources.get(name)?.file ?? null;
}

/** Somebody else has changed or deleted what is being edited here. */
export function conflictOf(state: Pick<ProfilesState, 'edited' | 'sources'>, name: string): readonly string[] | null {
  const edited = state.edited.get(name);
  if (edited === undefined) return null;
  const source = state.sources.get(name);
  if (edited.base?.etag === source?.etag) return null;
  return source === undefined ? ['deleted'] : differingFields(source.file, edited.draft);
}

let reading: Promise<void> | null = null;

/** Reads every profile again; what is being edited stays. */
export function refreshProfiles(): Promise<void> {
  reading ??= read().finally(() => {
    reading = null;
  });
  return reading;
}

async function read(): Promise<void> {
  await whenConnected();
  const listing = await studio.profiles.list();
  const texts = await Promise.all(listing.map(({ name }) => studio.profiles.source({ name })));
  const sources = new Map(texts.flatMap((text) => (text.ok ? [[text.value.name, text.value] as const] : [])));
  const { loaded } = useProfiles.getState();
  const restored = loaded ? {} : { edited: await restore(), loaded: true };
  useProfiles.setState(({ shown }) => {
    const { profile } = useSettings.getState().settings;
    const first = sources.has(profile) ? profile : (listing[0]?.name ?? '');
    return { listing, sources, ...restored, shown: shown === '' ? first : shown };
  });
  // Where the disk has come to say the same, nothing is left to be saved.
  for (const [name, { draft }] of useProfiles.getState().edited) {
    const source = sources.get(name);
    if (source !== undefined && differingFields(source.file, draft).length === 0) forget(name);
  }
}

async function restore(): Promise<Map<string, EditedProfile>> {
  const saved = KeptSchema.safeParse(await kept.read());
  const entries = saved.success ? Object.entries(saved.data) : [];
  return new Map(entries.map(([name, { draft, base }]) => [name, { draft, base, past: [], future: [] }]));
}

onDidChangeFiles((change) => {
  const concerned = change === 'everything' || change.some((path) => path.startsWith('qemu-profiles'));
  if (concerned && useProfiles.getState().loaded) void refreshProfiles().then(refreshChoices);
});

function put(name: string, edited: EditedProfile | null): void {
  const next = new Map(useProfiles.getState().edited);
  if (edited === null) next.delete(name);
  else next.set(name, edited);
  useProfiles.setState({ edited: next, error: null });
  kept.write(Object.fromEntries([...next].map(([key, { draft, base }]) => [key, { draft, base }])));
}

function forget(name: string): void {
  put(name, null);
}

export function showProfile(name: string): void {
  useProfiles.setState({ shown: name, error: null });
}

let lastStep = { field: '', at: 0 };

/** Puts a value into a field; undefined lets it be inherited. */
export function setField(name: string, field: string, value: unknown): void {
  const state = useProfiles.getState();
  const draft = draftOf(state, name);
  if (draft === null) return;
  const source = state.sources.get(name);
  const before: EditedProfile = state.edited.get(name) ?? {
    draft,
    base: source === undefined ? null : { file: source.file, etag: source.etag },
    past: [],
    future: [],
  };
  const now = Date.now();
  const same = lastStep.field === `${name}.${field}` && now - lastStep.at < STEP_MS && before.past.length > 0;
  lastStep = { field: `${name}.${field}`, at: now };
  const { [field]: _old, ...rest } = before.draft;
  const next = value === undefined ? rest : { ...before.draft, [field]: value };
  const past = same ? before.past : [...before.past, before.draft].slice(-MAX_PAST);
  put(name, { ...before, draft: next, past, future: [] });
}

export function undoField(name: string): void {
  const edited = useProfiles.getState().edited.get(name);
  const last = edited?.past.at(-1);
  if (edited === undefined || last === undefined) return;
  lastStep = { field: '', at: 0 };
  put(name, { ...edited, draft: last, past: edited.past.slice(0, -1), future: [edited.draft, ...edited.future] });
}

export function redoField(name: string): void {
  const edited = useProfiles.getState().edited.get(name);
  const next = edited?.future[0];
  if (edited === undefined || next === undefined) return;
  put(name, { ...edited, draft: next, past: [...edited.past, edited.draft], future: edited.future.slice(1) });
}

export function isDirty({ draft, base }: EditedProfile): boolean {
  return base === null || differingFields(base.file, draft).length > 0;
}

/** Takes what is on the disk and forgets what was typed, which one notification can bring back. */
export function revertProfile(name: string): void {
  const edited = useProfiles.getState().edited.get(name);
  if (edited === undefined) return;
  forget(name);
  if (edited.base === null) useProfiles.setState(({ listing }) => ({ shown: listing[0]?.name ?? '' }));
  notify({
    severity: 'info',
    message: edited.base === null ? `${name} was dropped` : `${name} is as it is on the disk`,
    key: 'profiles.revert',
    sticky: false,
    actions: [
      {
        title: 'Undo',
        run: () => {
          put(name, edited);
          showProfile(name);
        },
      },
    ],
  });
}

/** Keeps what was typed and lets it replace what somebody else has written. */
export function keepMine(name: string): void {
  const { edited, sources } = useProfiles.getState();
  const mine = edited.get(name);
  const source = sources.get(name);
  if (mine === undefined) return;
  put(name, { ...mine, base: source === undefined ? null : { file: source.file, etag: source.etag } });
}

/** Writes what was typed; true if it is on the disk. */
export async function saveProfile(name: string): Promise<boolean> {
  const state = useProfiles.getState();
  const edited = state.edited.get(name);
  if (edited === undefined || state.saving || conflictOf(state, name) !== null) return false;
  const { file } = judgeDraft(name, edited.draft, filesOf(state.sources));
  if (file === null) return false;
  useProfiles.setState({ saving: true, error: null });
  try {
    const saved = await studio.profiles.save({ name, file, expected: edited.base?.etag ?? null });
    if (saved.ok) {
      useProfiles.setState(({ sources }) => ({ sources: new Map(sources).set(name, saved.value) }));
      // What was typed while it was being written stays.
      const now = useProfiles.getState().edited.get(name);
      if (now !== undefined)
        put(name, now.draft === edited.draft ? null : { ...now, base: { file, etag: saved.value.etag } });
    } else if (saved.error.code !== 'changed-meanwhile') useProfiles.setState({ error: saved.error });
    await refreshProfiles();
    await refreshChoices();
    return saved.ok;
  } catch (thrown) {
    const error = {
      code: 'unsaved',
      what: 'The profile was not saved.',
      why: messageOf(thrown),
      fix: 'Save it again.',
    };
    useProfiles.setState({ error });
    return false;
  } finally {
    useProfiles.setState({ saving: false });
  }
}

/** A name that no profile has. */
export function freeName(wanted: string): string {
  const { sources, edited, listing } = useProfiles.getState();
  const taken = new Set([...sources.keys(), ...edited.keys(), ...listing.map(({ name }) => name)]);
  for (let n = 1; ; n++) {
    const name = `${wanted.slice(0, 28)}${n === 1 ? '' : `-${n}`}`;
    if (!taken.has(name)) return name;
  }
}

/** Begins a profile: an empty one that extends `from`, or a copy of it. Nothing is written before it is saved. */
export function beginProfile(from: string, copy: boolean): void {
  const state = useProfiles.getState();
  const source = draftOf(state, from);
  const name = freeName(copy ? `${from}-copy` : 'machine');
  const draft: ProfileDraft =
    copy && source !== null ? source : { $schema: './profile.schema.json', ...(from === '' ? {} : { extends: from }) };
  put(name, { draft, base: null, past: [], future: [] });
  showProfile(name);
}

/** Another name: at once for one that is not saved, else on the disk, where those that extend it follow. */
export async function renameProfile(name: string, to: string): Promise<boolean> {
  const { edited, sources } = useProfiles.getState();
  const mine = edited.get(name);
  const source = sources.get(name);
  if (source !== undefined) {
    const renamed = await studio.profiles.rename({ name, to, expected: source.etag });
    if (!renamed.ok) {
      notifyError(renamed.error);
      return false;
    }
    if (mine !== undefined) put(to, { ...mine, base: { file: renamed.value.file, etag: renamed.value.etag } });
  } else if (mine !== undefined) put(to, mine);
  if (mine !== undefined) forget(name);
  showProfile(to);
  await refreshProfiles();
  await refreshChoices();
  return true;
}

/** Deletes a profile; the notification puts it back. */
export async function deleteProfile(name: string): Promise<void> {
  const { sources } = useProfiles.getState();
  const source = sources.get(name);
  if (source === undefined) {
    revertProfile(name);
    return;
  }
  const removed = await studio.profiles.remove({ name, expected: source.etag });
  if (!removed.ok) {
    notifyError(removed.error);
    await refreshProfiles();
    return;
  }
  forget(name);
  await refreshProfiles();
  await refreshChoices();
  useProfiles.setState(({ listing }) => ({ shown: listing[0]?.name ?? '' }));
  const undo = async () => {
    const back = await studio.profiles.save({ name, file: source.file, expected: null });
    if (!back.ok) notifyError(back.error);
    await refreshProfiles();
    await refreshChoices();
    showProfile(name);
  };
  notify({
    severity: 'info',
    message: `The profile ${name} was deleted`,
    key: 'profiles.delete',
    actions: [{ title: 'Undo', run: undo }],
  });
}

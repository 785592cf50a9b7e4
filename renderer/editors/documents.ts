import { Emitter, type Event } from '../../app/base/event.ts';
import { type AppError, messageOf, ok, type Result } from '../../app/base/result.ts';
import { EXTERNAL, isExternal } from '../../app/contract/external.ts';
import type { Backup } from '../../app/contract/settings.ts';
import { ANY_CONTENT, type FileContent } from '../../app/contract/workspace.ts';
import { mergeTexts } from '../../app/text/merge.ts';
import { studio, useConnection } from '../host/client.ts';
import { fireSaved, type OpenDocument, useDocuments } from '../state/documents.ts';
import { dismissKey, notify, notifyError } from '../state/notifications.ts';
import { useSettings } from '../state/settings.ts';
import { onDidChangeFiles } from '../state/workspace.ts';
import { BackupWriter } from './backup-writer.ts';
import { monaco } from './monaco.ts';
import { changeBetween } from './text-changes.ts';

/**
 * The texts that are open: one Monaco model a file, however many editors show it. Unsaved text is kept by the host a moment
 * after each change, so that neither the end of this page nor that of the host loses it.
 */

type TextModel = ReturnType<typeof monaco.editor.createModel>;

interface Entry {
  readonly path: string;
  readonly model: TextModel;
  /** What the text was read from or last written as; null where there is no such file. */
  etag: string | null;
  /** The text of that; null where it is not known, as with unsaved text of an earlier visit. */
  base: string | null;
  /** The model's version that equals the file. */
  savedVersion: number;
  views: number;
  saving: Promise<boolean> | null;
  autoSave?: ReturnType<typeof setTimeout>;
}

const entries = new Map<string, Entry>();
const opened = new Emitter<{ readonly path: string; readonly model: TextModel }>();
const closed = new Emitter<{ readonly path: string }>();
export const onDidOpenDocument: Event<{ readonly path: string; readonly model: TextModel }> = opened.event;
export const onDidCloseDocument: Event<{ readonly path: string }> = closed.event;
const loading = new Map<string, Promise<void>>();
const backups = new BackupWriter();
let found: Promise<Map<string, Backup>> | null = null;

/** Unsaved texts of an earlier visit, by path. */
export function foundBackups(): Promise<Map<string, Backup>> {
  found ??= studio.backups.list().then((list) => new Map(list.map((backup) => [backup.path, backup])));
  return found;
}

function patch(path: string, change: Partial<OpenDocument>): void {
  useDocuments.setState(({ documents }) => {
    const before = documents.get(path) ?? {
      path,
      dirty: false,
      gone: false,
      writable: true,
      conflict: false,
      content: { kind: 'loading' as const },
    };
    return { documents: new Map(documents).set(path, { ...before, ...change }) };
  });
}

function forget(path: string): void {
  useDocuments.setState(({ documents }) => {
    const rest = new Map(documents);
    rest.delete(path);
    return { documents: rest };
  });
}

export const uriOf = (path: string) =>
  isExternal(path)
    ? monaco.Uri.from({ scheme: 'external', path: path.slice(EXTERNAL.length) })
    : monaco.Uri.from({ scheme: 'file', path: `/${path}` });
/** The way back; null for a model that is no file. */
export const pathOfUri = ({ scheme, path }: { readonly scheme: string; readonly path: string }): string | null =>
  scheme === 'file' ? path.slice(1) : scheme === 'external' ? `${EXTERNAL}${path}` : null;
export const modelOf = (path: string): TextModel | undefined => entries.get(path)?.model;
const isDirty = (entry: Entry) => entry.model.getAlternativeVersionId() !== entry.savedVersion;

export function openDocuments(): { readonly path: string; readonly model: TextModel }[] {
  return [...entries.values()].map(({ path, model }) => ({ path, model }));
}

/** Takes part in a file's life: the first user loads it, the last one's end lets it go. */
export async function acquire(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry !== undefined) {
    entry.views += 1;
    return;
  }
  const running = loading.get(path) ?? load(path).finally(() => loading.delete(path));
  loading.set(path, running);
  await running;
  const loaded = entries.get(path);
  if (loaded !== undefined) loaded.views += 1;
}

export function release(path: string): void {
  const entry = entries.get(path);
  if (entry === undefined) {
    forget(path);
    return;
  }
  entry.views -= 1;
  if (entry.views > 0) return;
  // An editor that is moved to another group is taken down and put up again; unsaved text outlives every editor.
  setTimeout(() => {
    if (entry.views > 0 || entries.get(path) !== entry || isDirty(entry)) return;
    entries.delete(path);
    closed.fire({ path });
    entry.model.dispose();
    forget(path);
  }, 0);
}

async function load(path: string): Promise<void> {
  patch(path, { content: { kind: 'loading' } });
  try {
    const backup = (await foundBackups()).get(path);
    const read = await readFile(path);
    if (read.ok) openContent(path, read.value, backup);
    else if (backup !== undefined) openContent(path, null, backup);
    else patch(path, { content: failed(read.error) });
  } catch (thrown) {
    patch(path, { content: { kind: 'failed', what: `${path} was not read`, why: messageOf(thrown) } });
  }
}

/** A file of the workspace, or one outside of it that the language server has named, which can only be looked at. */
async function readFile(path: string): Promise<Result<FileContent>> {
  if (!isExternal(path)) return studio.workspace.read({ path });
  const source = await studio.language.source({ path });
  if (!source.ok) return source;
  return ok({ kind: 'text', path, text: source.value, etag: '', modifiedMs: 0, writable: false });
}

/** Texts that Monaco looks into without an editor of ours, such as the files of a list of references. */
const looked = new Map<string, TextModel>();
const MAX_LOOKED = 60;

/** Reads files for a look; gives those of `paths` that there is a model of now. */
export async function ensureModels(paths: readonly string[]): Promise<Set<string>> {
  const wanted = [...new Set(paths)].slice(0, MAX_LOOKED);
  await Promise.all(
    wanted.map(async (path) => {
      const uri = uriOf(path);
      if (monaco.editor.getModel(uri) !== null) return;
      const read = await readFile(path);
      if (!read.ok || read.value.kind !== 'text' || monaco.editor.getModel(uri) !== null) return;
      looked.set(path, monaco.editor.createModel(read.value.text, undefined, uri));
    }),
  );
  // The oldest go when there are many, unless somebody looks at them or they were opened since.
  for (const [path, model] of looked) {
    if (entries.has(path) || model.isDisposed()) looked.delete(path);
    else if (looked.size > MAX_LOOKED && !wanted.includes(path) && !model.isAttachedToEditor()) {
      looked.delete(path);
      model.dispose();
    }
  }
  return new Set(wanted.filter((path) => monaco.editor.getModel(uriOf(path)) !== null));
}

const failed = (error: AppError) => ({ kind: 'failed' as const, what: error.what, why: error.why });

function openContent(path: string, content: FileContent | null, backup: Backup | undefined): void {
  if (content !== null && content.kind !== 'text') {
    patch(path, { content });
    return;
  }
  const uri = uriOf(path);
  const there = monaco.editor.getModel(uri);
  const model = there ?? monaco.editor.createModel(content?.text ?? '', undefined, uri);
  // It was read for a look some time ago.
  if (there !== null && there.getValue() !== content?.text) there.setValue(content?.text ?? '');
  looked.delete(path);
  const entry: Entry = {
    path,
    model,
    etag: content?.etag ?? null,
    base: content?.text ?? null,
    savedVersion: content === null ? -1 : model.getAlternativeVersionId(),
    views: 0,
    saving: null,
  };
  entries.set(path, entry);
  patch(path, {
    content: { kind: 'text' },
    writable: content?.writable ?? true,
    gone: content === null,
    conflict: false,
  });
  model.onDidChangeContent(() => changed(entry));
  opened.fire({ path, model });
  if (backup === undefined) return;
  if (backup.text === content?.text) backups.drop(path);
  else {
    // As an edit, so that undo leads back to the file.
    setText(entry, backup.text);
    if (backup.etag !== entry.etag) {
      entry.base = null;
      showConflict(entry, content);
    }
  }
}

function changed(entry: Entry): void {
  const dirty = isDirty(entry);
  if (useDocuments.getState().documents.get(entry.path)?.dirty !== dirty) patch(entry.path, { dirty });
  if (dirty) backups.put(entry.path, () => ({ text: entry.model.getValue(), etag: entry.etag }));
  else backups.drop(entry.path);
  clearTimeout(entry.autoSave);
  if (dirty && useSettings.getState().settings.autoSave === 'afterDelay') {
    entry.autoSave = setTimeout(() => void autoSave(entry), AUTO_SAVE_MS);
  }
}

/** How long after the last key text is saved by itself, where that is wanted. */
const AUTO_SAVE_MS = 1000;

/** Not while two versions wait for a person's decision. */
async function autoSave(entry: Entry): Promise<void> {
  if (isDirty(entry) && useDocuments.getState().documents.get(entry.path)?.conflict !== true)
    await saveDocument(entry.path);
}

/** An editor has lost the focus. */
export function leaveDocument(path: string): void {
  const entry = entries.get(path);
  if (entry !== undefined && useSettings.getState().settings.autoSave === 'onFocusChange') void autoSave(entry);
}

/** Replaces only what differs, so that cursors and folds stay where they are. */
function setText(entry: Entry, text: string): void {
  const { model } = entry;
  const change = changeBetween(model.getValue(), text);
  if (change === null) return;
  const start = model.getPositionAt(change.start);
  const end = model.getPositionAt(change.end);
  const range = monaco.Range.fromPositions(start, end);
  model.pushEditOperations([], [{ range, text: change.text }], () => null);
}

/** Writes a file. False if it was not written; the person has been told why. */
export function saveDocument(path: string, overwrite = false): Promise<boolean> {
  const entry = entries.get(path);
  if (entry === undefined) return Promise.resolve(true);
  const earlier = entry.saving ?? Promise.resolve(true);
  const saving = earlier
    .then(() => write(entry, overwrite))
    .finally(() => {
      if (entry.saving === saving) entry.saving = null;
    });
  entry.saving = saving;
  return saving;
}

async function write(entry: Entry, overwrite: boolean): Promise<boolean> {
  const { path, model } = entry;
  const version = model.getAlternativeVersionId();
  const text = model.getValue();
  const expected = overwrite ? ANY_CONTENT : entry.etag;
  try {
    const answer = await studio.workspace.write({ path, text, expected });
    if (!answer.ok) {
      notifyError(answer.error);
      return false;
    }
    if (answer.value.kind === 'conflict') {
      showConflict(entry, answer.value.current);
      return false;
    }
    entry.etag = answer.value.etag;
    entry.base = text;
    entry.savedVersion = version;
    patch(path, { gone: false, conflict: false });
    changed(entry);
    fireSaved(path);
    return true;
  } catch (thrown) {
    notify({
      severity: 'error',
      key: `save:${path}`,
      message: `${path} was not saved`,
      detail: `${messageOf(thrown)}\nYour text is kept in the editor.`,
      actions: [{ title: 'Try Again', run: () => saveDocument(path) }],
    });
    return false;
  }
}

export async function saveAll(): Promise<void> {
  for (const entry of [...entries.values()]) if (isDirty(entry)) await saveDocument(entry.path);
}

/** Gives up unsaved text: the text becomes the file's again. */
export async function discardDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined) return;
  const read = await studio.workspace.read({ path });
  if (read.ok && read.value.kind === 'text') takeOver(entry, read.value);
  else {
    entry.savedVersion = entry.model.getAlternativeVersionId();
    changed(entry);
  }
}

function takeOver(entry: Entry, content: Extract<FileContent, { kind: 'text' }>): void {
  setText(entry, content.text);
  entry.etag = content.etag;
  entry.base = content.text;
  entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(entry.path, { conflict: false, gone: false, writable: content.writable });
  changed(entry);
}

/** The file and the unsaved text have gone different ways: the person decides. */
function showConflict(entry: Entry, current: FileContent | null): void {
  const { path } = entry;
  patch(path, { conflict: true, gone: current === null });
  const name = path.slice(path.lastIndexOf('/') + 1);
  const keepMine = { title: 'Overwrite', run: () => saveDocument(path, true) };
  if (current === null) {
    notify({
      severity: 'warning',
      key: `conflict:${path}`,
      message: `${name} was deleted on disk`,
      detail: 'Your text is kept in the editor.',
      actions: [{ title: 'Save It Again', run: keepMine.run }],
    });
    return;
  }
  notify({
    severity: 'warning',
    key: `conflict:${path}`,
    message: `${name} has changed on disk, and you have unsaved text`,
    detail:
      entry.base === null
        ? 'Overwrite keeps yours; Reload takes the file’s and can be undone.'
        : 'Merge brings both together; Overwrite keeps yours; Reload takes the file’s. Merging and reloading can be undone.',
    actions: [
      ...(entry.base === null ? [] : [{ title: 'Merge', run: () => mergeDocument(path) }]),
      { title: 'Compare', run: () => compareWithDisk(path) },
      keepMine,
      { title: 'Reload', run: () => discardDocument(path) },
    ],
  });
}

/** Brings what the file has become and the unsaved text together. What both have changed stays as it is here, to be decided by hand. */
export async function mergeDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined || entry.base === null) return;
  const read = await studio.workspace.read({ path });
  if (!read.ok || read.value.kind !== 'text') {
    if (!read.ok) notifyError(read.error);
    return;
  }
  const theirs = read.value;
  const merged = mergeTexts(entry.base, entry.model.getValue(), theirs.text);
  if (merged === null) {
    notify({
      severity: 'warning',
      message: 'These texts are too different to be merged',
      detail: 'Compare them instead.',
    });
    await compareWithDisk(path);
    return;
  }
  setText(entry, merged.text);
  // From here on it is an edit of the file as it is now.
  entry.etag = theirs.etag;
  entry.base = theirs.text;
  if (merged.text === theirs.text) entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(path, { conflict: false, gone: false, writable: theirs.writable });
  changed(entry);
  dismissKey(`conflict:${path}`);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (merged.conflicts === 0) {
    notify({ severity: 'success', message: `${name} was merged; it is not saved yet` });
    return;
  }
  const places = `${merged.conflicts} place${merged.conflicts === 1 ? '' : 's'}`;
  notify({
    severity: 'warning',
    key: `conflict:${path}`,
    message: `${name} was merged, but for ${places} that both have changed`,
    detail: 'There your text stays. Take the file’s where you want it, then save.',
  });
  await compareWithDisk(path);
}

/** The file as it is now becomes what the unsaved text is an edit of: the next save replaces it. */
export async function settleDocument(path: string): Promise<void> {
  const entry = entries.get(path);
  if (entry === undefined) return;
  const read = await studio.workspace.read({ path });
  if (!read.ok || read.value.kind !== 'text') return;
  entry.etag = read.value.etag;
  entry.base = read.value.text;
  if (entry.model.getValue() === read.value.text) entry.savedVersion = entry.model.getAlternativeVersionId();
  patch(path, { conflict: false, gone: false });
  changed(entry);
  dismissKey(`conflict:${path}`);
}

async function compareWithDisk(path: string): Promise<void> {
  const { openDiff } = await import('../workbench/open.ts');
  openDiff(path, 'disk');
}

/** Looks at a file again after something happened to it. */
async function refresh(entry: Entry): Promise<void> {
  await entry.saving;
  const read = await studio.workspace.read({ path: entry.path });
  if (entries.get(entry.path) !== entry) return;
  if (!read.ok) {
    patch(entry.path, { gone: true });
    if (entry.etag !== null && isDirty(entry)) showConflict(entry, null);
    entry.etag = null;
    return;
  }
  const content = read.value;
  if (content.kind !== 'text') return;
  patch(entry.path, { gone: false, writable: content.writable });
  if (content.etag === entry.etag) return;
  if (!isDirty(entry) || content.text === entry.model.getValue()) takeOver(entry, content);
  else if (useDocuments.getState().documents.get(entry.path)?.conflict !== true) showConflict(entry, content);
}

onDidChangeFiles((change) => {
  for (const entry of entries.values()) {
    if (isExternal(entry.path)) continue;
    const isTouched =
      change === 'everything' ||
      change.some((path) => path === '' || entry.path === path || entry.path.startsWith(`${path}/`));
    if (isTouched) void refresh(entry).catch((thrown: unknown) => console.warn(`${entry.path}: ${messageOf(thrown)}`));
  }
});

// A host that has just started may have died before it wrote the last backup.
useConnection.subscribe(({ connection }, before) => {
  if (connection.phase !== 'connected' || before.connection.phase === 'connected') return;
  for (const entry of entries.values()) if (isDirty(entry)) changed(entry);
});

/** A file has a new name: its unsaved text goes with it. */
export async function moveUnsaved(from: string, to: string): Promise<void> {
  const entry = entries.get(from);
  if (entry === undefined) return;
  const backup: Backup = { path: to, text: entry.model.getValue(), etag: entry.etag, savedAt: Date.now() };
  if (isDirty(entry)) (await foundBackups()).set(to, backup);
  entry.savedVersion = entry.model.getAlternativeVersionId();
  changed(entry);
}

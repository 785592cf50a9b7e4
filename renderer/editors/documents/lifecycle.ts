import { Emitter, type Event } from '../../../app/base/event.ts';
import { type AppError, messageOf } from '../../../app/base/result.ts';
import type { Backup } from '../../../app/contract/settings.ts';
import type { FileContent } from '../../../app/contract/workspace.ts';
import { studio } from '../../host/client.ts';
import { monaco } from '../monaco.ts';
import './auto-save.ts';
import { changed, type Entry, entries, forget, isDirty, patch, setText, type TextModel } from './entries.ts';
import './follow.ts';
import { readFile } from './looks.ts';
import { showConflict } from './saving.ts';
import { uriOf } from './uri.ts';

/** How a text comes to be open, and how it goes. */

const opened = new Emitter<{ readonly path: string; readonly model: TextModel }>();
const closed = new Emitter<{ readonly path: string }>();
export const onDidOpenDocument: Event<{ readonly path: string; readonly model: TextModel }> = opened.event;
export const onDidCloseDocument: Event<{ readonly path: string }> = closed.event;
const loading = new Map<string, Promise<void>>();
let found: Promise<Map<string, Backup>> | null = null;

/** Unsaved texts of an earlier visit, by path. */
export function foundBackups(): Promise<Map<string, Backup>> {
  found ??= studio.backups.list().then((list) => new Map(list.map((backup) => [backup.path, backup])));
  return found;
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
  if (backup.text === content?.text) changed(entry);
  else {
    // As an edit, so that undo leads back to the file.
    setText(entry, backup.text);
    if (backup.etag !== entry.etag) {
      entry.base = null;
      showConflict(entry, content);
    }
  }
}

/** A file has a new name: its unsaved text goes with it. */
export async function moveUnsaved(from: string, to: string): Promise<void> {
  const entry = entries.get(from);
  if (entry === undefined) return;
  const backup: Backup = { path: to, text: entry.model.getValue(), etag: entry.etag, savedAt: Date.now() };
  if (isDirty(entry)) (await foundBackups()).set(to, backup);
  entry.savedVersion = entry.model.getAlternativeVersionId();
  changed(entry);
}

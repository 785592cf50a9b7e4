import { Emitter, type Event } from '../../../app/base/event.ts';
import { type OpenDocument, useDocuments } from '../../state/documents.ts';
import { BackupWriter } from '../backup-writer.ts';
import { monaco } from '../monaco.ts';
import { changeBetween } from '../text-changes.ts';

/**
 * The texts that are open: one Monaco model a file, however many editors show it. Unsaved text is kept by the host a moment
 * after each change, so that neither the end of this page nor that of the host loses it.
 */

export type TextModel = ReturnType<typeof monaco.editor.createModel>;

export interface Entry {
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
}

export const entries = new Map<string, Entry>();
const changes = new Emitter<Entry>();
export const onDidChangeEntry: Event<Entry> = changes.event;
const backups = new BackupWriter();

export function patch(path: string, change: Partial<OpenDocument>): void {
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

export function forget(path: string): void {
  useDocuments.setState(({ documents }) => {
    const rest = new Map(documents);
    rest.delete(path);
    return { documents: rest };
  });
}

export const modelOf = (path: string): TextModel | undefined => entries.get(path)?.model;

export const isDirty = (entry: Entry) => entry.model.getAlternativeVersionId() !== entry.savedVersion;

export function openDocuments(): { readonly path: string; readonly model: TextModel }[] {
  return [...entries.values()].map(({ path, model }) => ({ path, model }));
}

/** To be called when a text has changed, or what it is compared with: brings its mark and its backup up to that. */
export function changed(entry: Entry): void {
  const dirty = isDirty(entry);
  if (useDocuments.getState().documents.get(entry.path)?.dirty !== dirty) patch(entry.path, { dirty });
  if (dirty) backups.put(entry.path, () => ({ text: entry.model.getValue(), etag: entry.etag }));
  else backups.drop(entry.path);
  changes.fire(entry);
}

/** Replaces only what differs, so that cursors and folds stay where they are. */
export function setText(entry: Entry, text: string): void {
  const { model } = entry;
  const change = changeBetween(model.getValue(), text);
  if (change === null) return;
  const start = model.getPositionAt(change.start);
  const end = model.getPositionAt(change.end);
  const range = monaco.Range.fromPositions(start, end);
  model.pushEditOperations([], [{ range, text: change.text }], () => null);
}

import { create } from 'zustand';
import { Emitter, type Event } from '../../app/base/event.ts';

/** A file that is open in at least one editor; its text lives in Monaco (renderer/editors/documents.ts). */
export interface OpenDocument {
  readonly path: string;
  readonly dirty: boolean;
  /** The file is no longer on the disk. */
  readonly gone: boolean;
  readonly writable: boolean;
  /** Somebody else has changed the file while it had unsaved text here. */
  readonly conflict: boolean;
  readonly content:
    | { readonly kind: 'loading' }
    | { readonly kind: 'text' }
    | { readonly kind: 'binary'; readonly sizeBytes: number }
    | { readonly kind: 'too-large'; readonly sizeBytes: number; readonly limitBytes: number }
    | { readonly kind: 'failed'; readonly what: string; readonly why: string };
}

export interface Cursor {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** Characters selected; 0 for a bare cursor. */
  readonly selected: number;
  readonly language: string;
}

interface DocumentState {
  readonly documents: ReadonlyMap<string, OpenDocument>;
  /** Of the editor with the focus, or the last that had it. */
  readonly cursor: Cursor | null;
}

export const useDocuments = create<DocumentState>(() => ({ documents: new Map(), cursor: null }));

export function useDocument(path: string | null): OpenDocument | undefined {
  return useDocuments(({ documents }) => (path === null ? undefined : documents.get(path)));
}

export function dirtyPaths(): string[] {
  return [...useDocuments.getState().documents.values()].filter(({ dirty }) => dirty).map(({ path }) => path);
}

/** A place that an editor is to show; editors of that file take it when they are there. */
export interface Reveal {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export const useReveal = create<{ readonly wanted: Reveal | null }>(() => ({ wanted: null }));

export function requestReveal(path: string, line: number, column: number): void {
  useReveal.setState({ wanted: { path, line, column } });
}

/** The wanted place, if it is in this file; it is then no longer wanted. */
export function takeReveal(path: string): Reveal | null {
  const { wanted } = useReveal.getState();
  if (wanted === null || wanted.path !== path) return null;
  useReveal.setState({ wanted: null });
  return wanted;
}

const saved = new Emitter<string>();

/** The path of each file that was saved here. */
export const onDidSaveDocument: Event<string> = saved.event;

/** For renderer/editors, which does the saving. */
export function fireSaved(path: string): void {
  saved.fire(path);
}

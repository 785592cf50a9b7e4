import { create } from 'zustand';
import { messageOf } from '../../../app/base/result.ts';
import type { SearchMatch, SearchRequest } from '../../../app/contract/workspace.ts';
import { studio } from '../../host/client.ts';
import { notify, notifyError } from '../../state/notifications.ts';

export interface SearchForm {
  readonly pattern: string;
  readonly replacement: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
  readonly wholeWord: boolean;
  /** Globs, separated by commas. */
  readonly include: string;
  readonly exclude: string;
}

export type SearchPhase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' }
  | { readonly kind: 'finished'; readonly files: number; readonly matches: number; readonly truncated: boolean }
  | { readonly kind: 'failed'; readonly why: string };

interface SearchState {
  readonly form: SearchForm;
  readonly showsReplace: boolean;
  readonly showsGlobs: boolean;
  readonly phase: SearchPhase;
  /** By file, in the order in which they came. */
  readonly results: ReadonlyMap<string, readonly SearchMatch[]>;
  readonly folded: ReadonlySet<string>;
  /** Rises when the field is to get the focus. */
  readonly focusRequest: number;
}

export const useSearch = create<SearchState>(() => ({
  form: { pattern: '', replacement: '', isRegex: false, matchCase: false, wholeWord: false, include: '', exclude: '' },
  showsReplace: false,
  showsGlobs: false,
  phase: { kind: 'idle' },
  results: new Map(),
  folded: new Set(),
  focusRequest: 0,
}));

const get = useSearch.getState;
const set = useSearch.setState;

const MAX_MATCHES = 2000;
const PAUSE_MS = 250;

let running: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

export function globsOf(text: string): string[] {
  return text
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '')
    .slice(0, 20);
}

function requestOf(form: SearchForm, showsReplace = false): SearchRequest {
  const { pattern, isRegex, matchCase, wholeWord } = form;
  return {
    pattern,
    isRegex,
    matchCase,
    wholeWord,
    include: globsOf(form.include),
    exclude: globsOf(form.exclude),
    maxMatches: MAX_MATCHES,
    ...(showsReplace ? { replacement: form.replacement } : {}),
  };
}

/** Changes the form and searches again, a moment after the last change. */
export function changeForm(change: Partial<SearchForm>): void {
  set(({ form }) => ({ form: { ...form, ...change } }));
  clearTimeout(timer);
  timer = setTimeout(() => void search(), PAUSE_MS);
}

export async function search(): Promise<void> {
  clearTimeout(timer);
  running?.abort();
  const { form } = get();
  if (form.pattern === '') {
    set({ phase: { kind: 'idle' }, results: new Map(), folded: new Set() });
    return;
  }
  const controller = new AbortController();
  running = controller;
  // The old results stay until the first new ones come, so that the list does not flicker.
  let results = new Map<string, SearchMatch[]>();
  set({ phase: { kind: 'running' }, folded: new Set() });
  try {
    for await (const event of await studio.workspace.search(requestOf(form, get().showsReplace), {
      signal: controller.signal,
    })) {
      if (controller.signal.aborted) return;
      switch (event.kind) {
        case 'matches':
          results = new Map(results);
          for (const match of event.matches) results.set(match.path, [...(results.get(match.path) ?? []), match]);
          set({ results });
          break;
        case 'finished':
          set({
            results,
            phase: { kind: 'finished', files: event.files, matches: event.matches, truncated: event.truncated },
          });
          break;
        case 'failed':
          set({ results: new Map(), phase: { kind: 'failed', why: `${event.error.what}\n${event.error.why}`.trim() } });
          break;
      }
    }
  } catch (thrown) {
    if (!controller.signal.aborted) set({ phase: { kind: 'failed', why: messageOf(thrown) } });
  }
}

export function toggleFold(path: string): void {
  set(({ folded }) => {
    const next = new Set(folded);
    if (!next.delete(path)) next.add(path);
    return { folded: next };
  });
}

/** Replaces in one file or in all that were found. Files with unsaved text are saved first, so that none of it is lost. */
export async function replace(paths?: readonly string[]): Promise<void> {
  const { form } = get();
  await (await import('../../editors/documents/saving.ts')).saveAll();
  try {
    const outcome = await studio.workspace.replace({
      search: requestOf(form),
      replacement: form.replacement,
      ...(paths === undefined ? {} : { paths: [...paths] }),
    });
    if (!outcome.ok) {
      notifyError(outcome.error);
      return;
    }
    const { files, skipped, undo } = outcome.value;
    const count = files.reduce((sum, file) => sum + file.replacements, 0);
    notify({
      severity: skipped.length === 0 ? 'success' : 'warning',
      message: `Replaced ${count} in ${files.length} file${files.length === 1 ? '' : 's'}`,
      detail: skipped.map(({ path, why }) => `${path}: ${why}`).join('\n'),
      actions: undo === null ? [] : [{ title: 'Undo', run: () => undoReplace(undo) }],
      sticky: skipped.length > 0,
    });
    await search();
  } catch (thrown) {
    notify({ severity: 'error', message: 'Nothing was replaced', detail: messageOf(thrown) });
  }
}

async function undoReplace(id: string): Promise<void> {
  const undone = await studio.workspace.undoReplace({ id });
  if (!undone.ok) {
    notifyError(undone.error);
    return;
  }
  const { files, skipped } = undone.value;
  notify({
    severity: skipped.length === 0 ? 'success' : 'warning',
    message: `Undid the replacement in ${files.length} file${files.length === 1 ? '' : 's'}`,
    detail: skipped.map(({ path, why }) => `${path}: ${why}`).join('\n'),
  });
  await search();
}

/** Shows or hides the field of the replacement; with it, the results say what would come. */
export function toggleReplace(): void {
  set(({ showsReplace }) => ({ showsReplace: !showsReplace }));
  if (get().form.pattern !== '') void search();
}

/** Shows the form, with what was selected in it. */
export function startSearch(change: Partial<SearchForm>, showsReplace: boolean): void {
  set((state) => ({
    showsReplace: showsReplace || state.showsReplace,
    showsGlobs: state.showsGlobs || (change.include ?? '') !== '',
    focusRequest: state.focusRequest + 1,
  }));
  changeForm(change);
}

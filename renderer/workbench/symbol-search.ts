import { Emitter } from '../../app/base/event.ts';
import { messageOf } from '../../app/base/result.ts';
import { EXTERNAL, isExternal } from '../../app/contract/external.ts';
import type { FoundSymbol } from '../../app/contract/language.ts';
import { fuzzyMatch, rank } from '../../app/text/fuzzy.ts';
import { studio } from '../host/client.ts';
import { isLanguageUp, languageClient, useLanguage } from '../state/language.ts';
import { SYMBOL_ICONS, useSymbols } from '../state/symbols.ts';
import { openFile } from './open.ts';
import type { QuickAnswer } from './quick-input.ts';

/** What quick open shows after `@` (symbols of the file) and `#` (those of the whole workspace). */

const LIMIT = 200;
const PAUSE_MS = 120;

export function fileSymbolAnswer(text: string, path: string | null): QuickAnswer {
  const { current } = useSymbols.getState();
  if (path === null) return { empty: 'No file is open', items: [] };
  if (current === null || current.path !== path)
    return { empty: 'The symbols of this file are not known yet', items: [] };
  const { symbols, source } = current;
  const parents: string[] = [];
  const named = symbols.map((symbol) => {
    parents.length = symbol.depth;
    const container = parents.at(-1) ?? '';
    parents.push(symbol.name);
    return { symbol, container };
  });
  return {
    empty: source === 'none' ? 'There is no outline of this kind of file' : 'No symbol matches',
    items: rank(text, named, ({ symbol }) => symbol.name, LIMIT).map(({ item: { symbol, container }, at }) => ({
      id: `${symbol.line}:${symbol.nameColumn}:${symbol.name}`,
      // In the order of the file, what lies in something stands further in.
      label: text === '' ? `${'\u2003'.repeat(symbol.depth)}${symbol.name}` : symbol.name,
      detail: text === '' ? undefined : container,
      icon: SYMBOL_ICONS[symbol.kind],
      note: String(symbol.nameLine),
      at,
      run: (beside: boolean) => openFile(path, { line: symbol.nameLine, column: symbol.nameColumn, beside }),
    })),
  };
}

/** The last question to the server and its answer. */
let asked = '';
let found: readonly FoundSymbol[] = [];
let state: 'idle' | 'asking' | 'answered' = 'idle';
let timer: ReturnType<typeof setTimeout> | undefined;
let controller = new AbortController();
const answered = new Emitter<void>();

/** Tells when an answer has come, or the symbols of the file have changed. */
export function followSymbols(onMore: () => void): () => void {
  const subscription = answered.event(onMore);
  const unsubscribe = useSymbols.subscribe(onMore);
  return () => {
    subscription.dispose();
    unsubscribe();
    controller.abort();
    clearTimeout(timer);
    state = 'idle';
    asked = '';
    found = [];
  };
}

async function ask(query: string): Promise<void> {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  try {
    const answer = await studio.language.workspaceSymbols({ client: languageClient, query }, { signal });
    if (signal.aborted) return;
    found = answer.ok ? answer.value : [];
  } catch (thrown) {
    if (signal.aborted) return;
    found = [];
    console.warn(`symbols were not asked for: ${messageOf(thrown)}`);
  }
  state = 'answered';
  answered.fire();
}

export function workspaceSymbolAnswer(text: string): QuickAnswer {
  if (!isLanguageUp(useLanguage.getState()))
    return { empty: 'Symbols of the workspace need a running rust-analyzer; open a Rust file', items: [] };
  const query = text.trim();
  if (query === '') return { empty: 'Type a part of a name', items: [] };
  if (query !== asked || state === 'idle') {
    asked = query;
    state = 'asking';
    clearTimeout(timer);
    timer = setTimeout(() => void ask(query), PAUSE_MS);
  }
  return {
    empty: state === 'asking' ? 'Searching…' : 'No symbol matches',
    // The server has chosen already; what it found by another spelling stands as it came.
    items: found.slice(0, LIMIT).map(({ name, container, kind, place }, index) => ({
      id: `${index}:${place.path}:${place.line}`,
      label: name,
      detail: [container, isExternal(place.path) ? place.path.slice(EXTERNAL.length) : place.path]
        .filter((part) => part !== '')
        .join(' — '),
      icon: SYMBOL_ICONS[kind],
      note: String(place.line),
      at: fuzzyMatch(query, name)?.at,
      run: (beside: boolean) => openFile(place.path, { line: place.line, column: place.column, beside }),
    })),
  };
}

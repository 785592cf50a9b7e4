import { messageOf } from '../../app/base/result.ts';
import type { CodeSymbol } from '../../app/contract/language.ts';
import { hasScan, scanSymbols } from '../../app/symbols/index.ts';
import { studio } from '../host/client.ts';
import { useDocuments } from '../state/documents.ts';
import { isLanguageUp, languageClient, useLanguage } from '../state/language.ts';
import { type FileSymbols, useSymbols } from '../state/symbols.ts';
import { modelOf } from './documents/entries.ts';
import { onDidOpenDocument } from './documents/lifecycle.ts';
import { pathOfUri } from './documents/uri.ts';
import { flush, isSynced } from './language/sync.ts';
import type { monaco } from './monaco.ts';

type TextModel = ReturnType<typeof monaco.editor.createModel>;

/** The symbols of a text: the server's, where it knows the file, else what a scan finds. */
export async function symbolsOf(
  model: TextModel,
): Promise<{ symbols: readonly CodeSymbol[]; source: FileSymbols['source'] }> {
  const path = pathOfUri(model.uri);
  if (path !== null && isSynced(path) && isLanguageUp(useLanguage.getState())) {
    try {
      await flush(path);
      const answer = await studio.language.symbols({ client: languageClient, path });
      // A server that has only just begun knows nothing of a file that has something in it.
      if (answer.ok && answer.value.length > 0) return { symbols: answer.value, source: 'server' };
    } catch (thrown) {
      console.warn(`the language server was not asked for symbols: ${messageOf(thrown)}`);
    }
  }
  if (model.isDisposed()) return { symbols: [], source: 'none' };
  const language = model.getLanguageId();
  if (!hasScan(language)) return { symbols: [], source: 'none' };
  return { symbols: scanSymbols(model.getValue(), language), source: 'scan' };
}

/** After the last key. */
const QUIET_MS = 300;

let followed: { readonly path: string; readonly subscription: { dispose(): void } } | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let round = 0;

async function refresh(path: string): Promise<void> {
  const model = modelOf(path);
  if (model === undefined) return;
  round += 1;
  const mine = round;
  const found = await symbolsOf(model);
  if (mine === round && followed?.path === path) useSymbols.setState({ current: { path, ...found } });
}

function later(path: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(path), QUIET_MS);
}

/** The file with the cursor is the one whose symbols are kept. */
function follow(): void {
  const path = useDocuments.getState().cursor?.path ?? null;
  if (path === followed?.path) return;
  const model = path === null ? undefined : modelOf(path);
  followed?.subscription.dispose();
  clearTimeout(timer);
  followed = null;
  if (path === null || model === undefined) return;
  followed = { path, subscription: model.onDidChangeContent(() => later(path)) };
  void refresh(path);
}

useDocuments.subscribe(follow);
onDidOpenDocument(({ path }) => {
  // The file was closed and opened again: another model.
  if (followed?.path !== path) return;
  followed.subscription.dispose();
  followed = null;
  follow();
});
useLanguage.subscribe(({ status }, before) => {
  if (followed !== null && status.phase !== before.status.phase) later(followed.path);
});
follow();

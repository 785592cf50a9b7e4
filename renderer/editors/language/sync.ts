import { messageOf } from '../../../app/base/result.ts';
import { isExternal } from '../../../app/contract/external.ts';
import { studio } from '../../host/client.ts';
import { languageClient, onDidAttachLanguage } from '../../state/language.ts';
import { openDocuments } from '../documents/entries.ts';
import { onDidCloseDocument, onDidOpenDocument } from '../documents/lifecycle.ts';
import type { monaco } from '../monaco.ts';

/** Tells the language server what is typed: a moment after the last key, and before every question. */

type TextModel = ReturnType<typeof monaco.editor.createModel>;

/** The longest that the server knows an older text, unless it is asked something. */
const DELAY_MS = 250;

interface Synced {
  readonly model: TextModel;
  readonly subscription: { dispose(): void };
  timer?: ReturnType<typeof setTimeout> | undefined;
  /** The sending of the newest text. */
  sent: Promise<void>;
}

const synced = new Map<string, Synced>();
let version = 0;

const isOurs = (path: string, model: TextModel) => model.getLanguageId() === 'rust' && !isExternal(path);

async function send(path: string, text: string | null): Promise<void> {
  version += 1;
  try {
    await studio.language.sync({ client: languageClient, path, version, text });
  } catch (thrown) {
    // A connection that is lost is made again, and then everything is sent.
    console.warn(`the language server was not told of ${path}: ${messageOf(thrown)}`);
  }
}

function push(path: string, entry: Synced): void {
  clearTimeout(entry.timer);
  entry.timer = undefined;
  entry.sent = send(path, entry.model.getValue());
}

function open(path: string, model: TextModel): void {
  if (!isOurs(path, model) || synced.has(path)) return;
  const entry: Synced = {
    model,
    sent: Promise.resolve(),
    subscription: model.onDidChangeContent(() => {
      entry.timer ??= setTimeout(() => push(path, entry), DELAY_MS);
    }),
  };
  synced.set(path, entry);
  push(path, entry);
}

/** Before a question: resolves when the server has the text that is asked about. */
export async function flush(path: string): Promise<void> {
  const entry = synced.get(path);
  if (entry === undefined) return;
  if (entry.timer !== undefined) push(path, entry);
  await entry.sent;
}

/** Whether the server is told of a file. */
export function isSynced(path: string): boolean {
  return synced.has(path);
}

onDidOpenDocument(({ path, model }) => open(path, model));
onDidCloseDocument(({ path }) => {
  const entry = synced.get(path);
  if (entry === undefined) return;
  clearTimeout(entry.timer);
  entry.subscription.dispose();
  synced.delete(path);
  void send(path, null);
});
onDidAttachLanguage(() => {
  for (const [path, entry] of synced) push(path, entry);
});
for (const { path, model } of openDocuments()) open(path, model);

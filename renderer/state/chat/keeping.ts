import { z } from 'zod';
import { messageOf } from '../../../app/base/result.ts';
import { studio, whenConnected } from '../../host/client.ts';
import { type ConversationEntry, useChat } from './store.ts';
import { type ChatNode, type Conversation, ConversationSchema, changeNode, settled } from './tree.ts';

/** Conversations are kept by the host, a moment after each change. */

const INDEX_KEY = 'chat.index';
const itemKey = (id: string) => `chat.item.${id}`;
const IndexSchema = z.array(z.object({ id: z.string(), title: z.string(), updatedAt: z.number() }));
const SAVE_MS = 700;
/** Above this the probabilities are left out of what is kept. */
const MAX_KEPT_CHARACTERS = 3_000_000;
const MAX_CONVERSATIONS = 500;

/** Reads what was kept and shows the conversation that was open last. */
export async function loadChat(): Promise<void> {
  await whenConnected();
  try {
    const index = IndexSchema.safeParse((await studio.state.get({ key: INDEX_KEY })).value);
    const entries = index.success ? index.data : [];
    const newest = entries[0];
    const kept = newest === undefined ? null : await readConversation(newest.id);
    const { current } = useChat.getState();
    // What a person has begun to type meanwhile is not swept away.
    const begun = current.draft !== '' || current.roots.length > 0;
    useChat.setState({ loaded: true, index: entries, ...(kept === null || begun ? {} : { current: kept }) });
  } catch (thrown) {
    console.warn(`conversations could not be read: ${messageOf(thrown)}`);
    useChat.setState({ loaded: true });
  }
}

export async function readConversation(id: string): Promise<Conversation | null> {
  const { value } = await studio.state.get({ key: itemKey(id) });
  const parsed = ConversationSchema.safeParse(value);
  return parsed.success ? settled(parsed.data) : null;
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Keeps the conversation a moment after a change; while changes go on, again and again. */
function keep(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void keepNow();
  }, SAVE_MS);
}

export async function keepNow(): Promise<void> {
  const { current, index, loaded } = useChat.getState();
  if (!loaded || (current.roots.length === 0 && current.draft === '')) return;
  const entry = { id: current.id, title: current.title, updatedAt: current.updatedAt };
  const entries = [entry, ...index.filter(({ id }) => id !== current.id)].slice(0, MAX_CONVERSATIONS);
  useChat.setState({ index: entries });
  try {
    await studio.state.put({ key: itemKey(current.id), value: keptForm(current) });
    await studio.state.put({ key: INDEX_KEY, value: entries });
  } catch (thrown) {
    console.warn(`the conversation could not be kept: ${messageOf(thrown)}`);
    if (useChat.getState().current.id === current.id) keep();
  }
}

function keptForm(conversation: Conversation): Conversation {
  if (JSON.stringify(conversation).length < MAX_KEPT_CHARACTERS) return conversation;
  const nodes = Object.entries(conversation.nodes).map(([id, node]) => [id, { ...node, tokens: [] }]);
  return { ...conversation, nodes: Object.fromEntries(nodes) };
}

addEventListener('pagehide', () => void keepNow());

export function change(update: (conversation: Conversation) => Conversation): void {
  useChat.setState(({ current }) => ({ current: update(current) }));
  keep();
}

/** Changes a node, wherever a person has gone meanwhile. */
export function changeIn(conversation: string, node: string, to: Partial<ChatNode>): void {
  if (useChat.getState().current.id === conversation) change((it) => changeNode(it, node, to));
}

/** Forgets what waits to be kept. */
export function stopKeeping(): void {
  clearTimeout(timer);
  timer = undefined;
}

/** Takes a conversation out of what the host keeps; `rest` is the list without it. */
export async function forgetKept(id: string, rest: readonly ConversationEntry[]): Promise<void> {
  await studio.state.put({ key: INDEX_KEY, value: rest });
  await studio.state.put({ key: itemKey(id), value: null });
}

import { type AppError, messageOf } from '../../../app/base/result.ts';
import type { ChatEvent, ChatRequest, CompletionRequest } from '../../../app/contract/index.ts';
import { studio, useConnection } from '../../host/client.ts';
import { modelName } from '../machine-view.ts';
import { machineById, useMachines } from '../machines.ts';
import { change, changeIn } from './keeping.ts';
import { readyMachine } from './machine.ts';
import { Pieces } from './pieces.ts';
import { requestFor, toCompletion } from './request.ts';
import { newId, setLive, useChat } from './store.ts';
import { addNode, type ChatNode, shownPath } from './tree.ts';

const MAX_RAW_LINES = 5000;

let controller: AbortController | null = null;

export function stopAnswer(): void {
  controller?.abort();
}

/** Sends the draft. */
export function send(): void {
  const { current, live } = useChat.getState();
  const content = current.draft.trim();
  if (content === '' || live !== null) return;
  const parent = shownPath(current).at(-1)?.id ?? null;
  ask(content, parent, true);
}

/** Sends a changed question: a branch beside the old one. */
export function resend(id: string, content: string): void {
  const node = useChat.getState().current.nodes[id];
  if (node === undefined || content.trim() === '' || useChat.getState().live !== null) return;
  ask(content.trim(), node.parent, false);
}

function ask(content: string, parent: string | null, fromDraft: boolean): void {
  const id = newId();
  change((it) => ({
    ...addNode(it, { id, parent, role: 'user', content, now: Date.now() }),
    draft: fromDraft ? '' : it.draft,
  }));
  void answer(id);
}

/** Another answer to the same question, beside the one there is. */
export function regenerate(id: string): void {
  const { current, live } = useChat.getState();
  const parent = current.nodes[id]?.parent ?? null;
  if (parent !== null && live === null) void answer(parent);
}

/** Makes an answer to a question, with a machine if there is none. */
async function answer(question: string): Promise<void> {
  const own = new AbortController();
  controller = own;
  const id = newId();
  const conversation = useChat.getState().current.id;
  change((it) => addNode(it, { id, parent: question, role: 'assistant', content: '', now: Date.now() }));
  const since = Date.now();
  useChat.setState({ live: { conversation, node: id, phase: 'machine', step: '', progress: null, since } });
  let ending: Partial<ChatNode>;
  try {
    const machine = await readyMachine(own.signal);
    ending =
      'error' in machine
        ? { status: 'failed', error: machine.error }
        : await stream(machine.id, id, question, own.signal);
  } catch (thrown) {
    // What the transport says of its own end helps nobody.
    const { phase } = useConnection.getState().connection;
    ending = { status: 'interrupted', error: lost(phase === 'connected' ? messageOf(thrown) : '') };
  }
  if (own.signal.aborted) ending = { ...ending, status: 'stopped', error: null };
  changeIn(conversation, id, ending);
  if (controller === own) controller = null;
  useChat.setState(({ live, lastRate }) => ({
    live: live?.node === id ? null : live,
    lastRate: ending.timing?.tokensPerSecond ?? lastRate,
  }));
}

const lost = (why: string): AppError => ({
  code: 'connection-lost',
  what: 'The connection was lost in the middle of the answer.',
  why,
  fix: 'What came so far is kept. Ask for another answer when the connection is back.',
});

/** Whether the machine's model wants a conversation, rather than a text to go on with. */
function hasChatTemplate(modelPath: string | null): boolean {
  const entry = useMachines.getState().models.find(({ path }) => path === modelPath);
  return entry?.facts?.chatTemplate ?? true;
}

async function stream(
  machine: string,
  node: string,
  question: string,
  signal: AbortSignal,
): Promise<Partial<ChatNode>> {
  const { current } = useChat.getState();
  const modelPath = machineById(machine)?.info.modelPath ?? null;
  const asked = requestFor(current, question);
  // Without a template the model can only go on with a text.
  const request = hasChatTemplate(modelPath) ? asked : toCompletion(asked);
  setLive({ phase: 'prompt', step: '' });
  const pieces = new Pieces(current.id, node);
  changeIn(current.id, node, { model: modelName(modelPath) });
  const response: string[] = [];
  const keepRaw = () =>
    useChat.setState(({ raw }) => ({ raw: new Map(raw).set(node, { machine, request, response: [...response] }) }));
  keepRaw();
  try {
    for await (const event of await open(machine, request, signal)) {
      switch (event.kind) {
        case 'raw':
          if (response.length < MAX_RAW_LINES) response.push(event.data);
          break;
        case 'progress':
          setLive({ progress: { done: event.done, total: event.total } });
          break;
        case 'tokens':
          pieces.tokens(event.tokens);
          break;
        case 'text':
          pieces.text(event.text);
          break;
        case 'finished':
          return { status: 'finished', reason: event.reason, content: event.text, timing: event.timing, error: null };
        case 'failed':
          return { status: 'failed', error: event.error };
      }
    }
    return { status: 'interrupted', error: lost('the stream ended early') };
  } finally {
    pieces.flush();
    keepRaw();
  }
}

function open(
  machine: string,
  request: ChatRequest | CompletionRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<ChatEvent>> {
  return 'messages' in request
    ? studio.chat.chat({ id: machine, request }, { signal })
    : studio.chat.complete({ id: machine, request }, { signal });
}

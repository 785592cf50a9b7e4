import { z } from 'zod';
import { create } from 'zustand';
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { AnswerToken, ChatEvent, ChatRequest, CompletionRequest } from '../../app/contract/index.ts';
import { studio, useConnection, whenConnected } from '../host/client.ts';
import { useBuild } from './build.ts';
import {
  addNode,
  type ChatNode,
  type Conversation,
  ConversationSchema,
  changeNode,
  messagesTo,
  newConversation,
  type Sampling,
  selectNode,
  settled,
  shownPath,
} from './chat-tree.ts';
import { modelName } from './machine-view.ts';
import { machineById, servingMachine, useMachines } from './machines.ts';
import { run, useRun } from './run.ts';

/** The answer that is being made. */
export interface LiveAnswer {
  readonly conversation: string;
  readonly node: string;
  /** `machine`: there is none yet, and one is being started. `loading`: it boots. `prompt`: it reads. `answer`: it writes. */
  readonly phase: 'machine' | 'loading' | 'prompt' | 'answer';
  readonly step: string;
  /** Of the prompt, in tokens; null until the guest says. */
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly since: number;
}

/** What went over the wire for one answer; kept as long as the page. */
export interface RawExchange {
  readonly machine: string;
  /** As it was sent: a model without a template gets a text to go on with. */
  readonly request: ChatRequest | CompletionRequest;
  readonly response: readonly string[];
}

export interface ConversationEntry {
  readonly id: string;
  readonly title: string;
  readonly updatedAt: number;
}

interface ChatState {
  readonly loaded: boolean;
  /** Newest first. */
  readonly index: readonly ConversationEntry[];
  readonly current: Conversation;
  readonly live: LiveAnswer | null;
  readonly raw: ReadonlyMap<string, RawExchange>;
  /** Of the last answer that ended. */
  readonly lastRate: number | null;
}

const newId = () => crypto.randomUUID().slice(0, 12);

export const useChat = create<ChatState>(() => ({
  loaded: false,
  index: [],
  current: newConversation(newId(), Date.now()),
  live: null,
  raw: new Map(),
  lastRate: null,
}));

const INDEX_KEY = 'chat.index';
const itemKey = (id: string) => `chat.item.${id}`;
const IndexSchema = z.array(z.object({ id: z.string(), title: z.string(), updatedAt: z.number() }));
const SAVE_MS = 700;
/** Above this the probabilities are left out of what is kept. */
const MAX_KEPT_CHARACTERS = 3_000_000;
const MAX_CONVERSATIONS = 500;
const MAX_RAW_LINES = 5000;

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

async function readConversation(id: string): Promise<Conversation | null> {
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

async function keepNow(): Promise<void> {
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

function change(update: (conversation: Conversation) => Conversation): void {
  useChat.setState(({ current }) => ({ current: update(current) }));
  keep();
}

export function setDraft(draft: string): void {
  change((it) => ({ ...it, draft }));
}

export function setSystem(system: string): void {
  change((it) => ({ ...it, system }));
}

export function setSampling(sampling: Partial<Sampling>): void {
  change((it) => ({ ...it, sampling: { ...it.sampling, ...sampling } }));
}

export function showBranch(id: string): void {
  change((it) => selectNode(it, id));
}

/** Leaves the present conversation, which is kept, for a new one with the same settings. */
export function startConversation(): void {
  stopAnswer();
  void keepNow();
  useChat.setState(({ current }) => ({ current: newConversation(newId(), Date.now(), current) }));
}

export async function openConversation(id: string): Promise<void> {
  if (useChat.getState().current.id === id) return;
  stopAnswer();
  await keepNow();
  const kept = await readConversation(id);
  if (kept !== null) useChat.setState({ current: kept });
}

/** Forgets the present conversation and shows the newest of the others. */
export async function deleteConversation(): Promise<void> {
  stopAnswer();
  clearTimeout(timer);
  timer = undefined;
  const { current, index } = useChat.getState();
  const rest = index.filter(({ id }) => id !== current.id);
  const next = rest[0] === undefined ? null : await readConversation(rest[0].id);
  useChat.setState({ index: rest, current: next ?? newConversation(newId(), Date.now(), current) });
  await studio.state.put({ key: INDEX_KEY, value: rest });
  await studio.state.put({ key: itemKey(current.id), value: null });
}

let controller: AbortController | null = null;

export function stopAnswer(): void {
  controller?.abort();
}

export function isAnswering({ live }: Pick<ChatState, 'live'>): boolean {
  return live !== null;
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

/** Changes a node, wherever a person has gone meanwhile. */
function changeIn(conversation: string, node: string, to: Partial<ChatNode>): void {
  if (useChat.getState().current.id === conversation) change((it) => changeNode(it, node, to));
}

function setLive(change: Partial<LiveAnswer>): void {
  useChat.setState(({ live }) => ({ live: live === null ? null : { ...live, ...change } }));
}

function buildWords(): string {
  const { status, expectedCrates } = useBuild.getState();
  const of = expectedCrates !== null && expectedCrates >= status.crates ? ` of ${expectedCrates}` : '';
  return status.phase === 'running' ? `building the kernel, ${status.crates}${of} crates` : 'building the kernel';
}

/** A machine whose API answers: the one that runs, or a new one. */
async function readyMachine(signal: AbortSignal): Promise<{ id: string } | { error: AppError }> {
  const there = servingMachine();
  if (there === null) {
    const stopCounting = useBuild.subscribe(() => {
      if (useRun.getState().run.phase === 'building') setLive({ step: buildWords() });
    });
    const stopFollowing = useRun.subscribe(({ run: state }) => {
      if (state.phase === 'building') setLive({ phase: 'machine', step: buildWords() });
      else if (state.phase === 'starting' || state.phase === 'loading') setLive({ phase: 'loading', step: state.step });
    });
    try {
      const id = await run({ untilReady: true });
      if (id !== null) return { id };
      const state = useRun.getState().run;
      const error: AppError =
        state.phase === 'failed'
          ? state.error
          : {
              code: 'no-machine',
              what: 'No machine runs.',
              why: 'its start was cancelled',
              fix: 'Send the message again.',
            };
      return { error };
    } finally {
      stopFollowing();
      stopCounting();
    }
  }
  const { id } = there.info;
  setLive({ phase: 'loading', step: '' });
  for await (const event of await studio.chat.ready({ id }, { signal })) {
    if (event.kind === 'waiting') setLive({ step: event.stage });
    if (event.kind === 'failed') return { error: event.error };
    if (event.kind === 'ready') break;
  }
  return { id };
}

function requestFor(conversation: Conversation, question: string): ChatRequest {
  const { temperature, topP, topK, minP, seed, maxTokens, stop, alternatives } = conversation.sampling;
  return {
    messages: messagesTo(conversation, question),
    progress: true,
    raw: true,
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(topK === null ? {} : { topK }),
    ...(minP === null ? {} : { minP }),
    ...(seed === null ? {} : { seed }),
    ...(maxTokens === null ? {} : { maxTokens }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(alternatives === null ? {} : { alternatives }),
  };
}

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
  const request = sentRequest(modelPath, requestFor(current, question));
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

/** What the model is really asked: without a chat template it goes on with the last message. */
function sentRequest(modelPath: string | null, request: ChatRequest): ChatRequest | CompletionRequest {
  if (hasChatTemplate(modelPath)) return request;
  const { messages, alternatives: _alternatives, progress: _progress, ...sampling } = request;
  return { prompt: messages.at(-1)?.content ?? '', ...sampling };
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

/** Pieces of an answer, put into the store once a frame. */
class Pieces {
  readonly #conversation: string;
  readonly #node: string;
  #text = '';
  #tokens: AnswerToken[] = [];
  #frame: number | null = null;

  constructor(conversation: string, node: string) {
    this.#conversation = conversation;
    this.#node = node;
  }

  text(text: string): void {
    this.#text += text;
    this.#schedule();
  }

  tokens(tokens: readonly AnswerToken[]): void {
    this.#tokens.push(...tokens);
    this.#schedule();
  }

  flush(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    if (this.#text === '' && this.#tokens.length === 0) return;
    const { current, live } = useChat.getState();
    const node = current.nodes[this.#node];
    if (node !== undefined) {
      changeIn(this.#conversation, this.#node, {
        content: node.content + this.#text,
        tokens: this.#tokens.length === 0 ? node.tokens : [...node.tokens, ...this.#tokens],
      });
    }
    if (this.#text !== '' && live?.phase === 'prompt') setLive({ phase: 'answer', progress: null });
    this.#text = '';
    this.#tokens = [];
  }

  #schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.flush();
    });
  }
}

/** What the person reads while nothing has been written yet. */
export function liveWords({ phase, step, progress }: LiveAnswer): string {
  switch (phase) {
    case 'machine':
      return step === '' ? 'Preparing a machine' : capital(step);
    case 'loading':
      return step === '' ? 'Waiting for the guest' : `Booting: ${step}`;
    case 'prompt':
      return progress === null
        ? 'Reading the prompt'
        : `Reading the prompt: ${progress.done} of ${progress.total} tokens`;
    case 'answer':
      return 'Answering';
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

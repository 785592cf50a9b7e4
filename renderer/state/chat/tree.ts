import { z } from 'zod';
import { AnswerTokenSchema, AppErrorSchema, type ChatMessage, ChatTimingSchema } from '../../../app/contract/index.ts';

/** How an answer ended. `interrupted`: the connection, the host or the page went away in the middle of it. */
export const AnswerStatusSchema = z.enum(['pending', 'finished', 'stopped', 'failed', 'interrupted']);
export type AnswerStatus = z.infer<typeof AnswerStatusSchema>;

export const SamplingSchema = z.object({
  temperature: z.number().min(0).max(2).nullable(),
  topP: z.number().min(0).max(1).nullable(),
  topK: z.number().int().min(0).nullable(),
  minP: z.number().min(0).max(1).nullable(),
  seed: z.number().int().min(0).nullable(),
  maxTokens: z.number().int().positive().nullable(),
  stop: z.array(z.string()).max(4),
  /** Alternatives to record for each token; null records none. */
  alternatives: z.number().int().min(0).max(20).nullable(),
});
/** What is null is left to the guest. */
export type Sampling = z.infer<typeof SamplingSchema>;

export const ChatNodeSchema = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  createdAt: z.number(),
  children: z.array(z.string()),
  /** The child that is shown. */
  selected: z.string().nullable(),
  status: AnswerStatusSchema,
  /** `stop` or `length`, as the guest says. */
  reason: z.string().nullable(),
  error: AppErrorSchema.nullable(),
  timing: ChatTimingSchema.nullable(),
  tokens: z.array(AnswerTokenSchema),
  model: z.string().nullable(),
});
export type ChatNode = z.infer<typeof ChatNodeSchema>;

export const ConversationSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  title: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  system: z.string(),
  sampling: SamplingSchema,
  nodes: z.record(z.string(), ChatNodeSchema),
  roots: z.array(z.string()),
  selectedRoot: z.string().nullable(),
  /** What a person has typed and not sent. */
  draft: z.string(),
});
/** A tree of messages: an edit or a second answer is a branch, and one path through it is shown. */
export type Conversation = z.infer<typeof ConversationSchema>;

export const GUEST_DEFAULTS: Sampling = {
  temperature: null,
  topP: null,
  topK: null,
  minP: null,
  seed: null,
  maxTokens: null,
  stop: [],
  alternatives: null,
};

export interface Preset {
  readonly id: string;
  readonly title: string;
  readonly sampling: Pick<Sampling, 'temperature' | 'topP' | 'topK' | 'minP'>;
}

export const PRESETS: readonly Preset[] = [
  { id: 'guest', title: "The guest's defaults", sampling: { temperature: null, topP: null, topK: null, minP: null } },
  { id: 'greedy', title: 'Greedy, always the same', sampling: { temperature: 0, topP: null, topK: null, minP: null } },
  { id: 'balanced', title: 'Balanced', sampling: { temperature: 0.7, topP: 0.95, topK: 40, minP: null } },
  { id: 'creative', title: 'Creative', sampling: { temperature: 1.1, topP: null, topK: null, minP: 0.05 } },
];

/** The preset that these values are; undefined if they are a person's own. */
export function presetOf(sampling: Sampling): Preset | undefined {
  return PRESETS.find(({ sampling: preset }) =>
    (['temperature', 'topP', 'topK', 'minP'] as const).every((key) => preset[key] === sampling[key]),
  );
}

export function newConversation(id: string, now: number, like?: Conversation): Conversation {
  return {
    version: 1,
    id,
    title: 'New conversation',
    createdAt: now,
    updatedAt: now,
    system: like?.system ?? '',
    sampling: like?.sampling ?? GUEST_DEFAULTS,
    nodes: {},
    roots: [],
    selectedRoot: null,
    draft: '',
  };
}

export interface NewNode {
  readonly id: string;
  readonly parent: string | null;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly now: number;
}

/** Adds a message and shows it. */
export function addNode(conversation: Conversation, { id, parent, role, content, now }: NewNode): Conversation {
  const node: ChatNode = {
    id,
    parent,
    role,
    content,
    createdAt: now,
    children: [],
    selected: null,
    status: role === 'assistant' ? 'pending' : 'finished',
    reason: null,
    error: null,
    timing: null,
    tokens: [],
    model: null,
  };
  const isFirst = Object.keys(conversation.nodes).length === 0;
  const nodes = { ...conversation.nodes, [id]: node };
  const next = {
    ...conversation,
    nodes,
    updatedAt: now,
    title: isFirst && role === 'user' ? titleOf(content) : conversation.title,
  };
  if (parent === null) return { ...next, roots: [...conversation.roots, id], selectedRoot: id };
  const above = conversation.nodes[parent];
  if (above === undefined) return conversation;
  nodes[parent] = { ...above, children: [...above.children, id], selected: id };
  return next;
}

export function changeNode(conversation: Conversation, id: string, change: Partial<ChatNode>): Conversation {
  const node = conversation.nodes[id];
  if (node === undefined) return conversation;
  return { ...conversation, nodes: { ...conversation.nodes, [id]: { ...node, ...change } } };
}

/** The messages that are shown, from the first on. */
export function shownPath({ nodes, selectedRoot }: Conversation): ChatNode[] {
  const path: ChatNode[] = [];
  const seen = new Set<string>();
  for (let id = selectedRoot; id !== null && !seen.has(id); ) {
    const node: ChatNode | undefined = nodes[id];
    if (node === undefined) break;
    seen.add(id);
    path.push(node);
    id = node.selected;
  }
  return path;
}

/** The branches at a message: itself and those beside it. */
export function siblingsOf({ nodes, roots }: Conversation, id: string): readonly string[] {
  const node = nodes[id];
  if (node === undefined) return [];
  return node.parent === null ? roots : (nodes[node.parent]?.children ?? []);
}

/** Shows another branch. */
export function selectNode(conversation: Conversation, id: string): Conversation {
  const node = conversation.nodes[id];
  if (node === undefined) return conversation;
  return node.parent === null
    ? { ...conversation, selectedRoot: id }
    : changeNode(conversation, node.parent, { selected: id });
}

/** What is sent for an answer below `parent`: the system prompt and every message down to it; answers without text are left out. */
export function messagesTo({ nodes, system }: Conversation, parent: string): ChatMessage[] {
  const messages: ChatMessage[] = [];
  const seen = new Set<string>();
  for (let id: string | null = parent; id !== null && !seen.has(id); ) {
    const node: ChatNode | undefined = nodes[id];
    if (node === undefined) break;
    seen.add(id);
    if (node.content !== '') messages.unshift({ role: node.role, content: node.content });
    id = node.parent;
  }
  return system.trim() === '' ? messages : [{ role: 'system', content: system }, ...messages];
}

/** What was being answered when the page or the host went away can no longer be going on. */
export function settled(conversation: Conversation): Conversation {
  const pending = Object.values(conversation.nodes).filter(({ status }) => status === 'pending');
  return pending.reduce((now, { id }) => changeNode(now, id, { status: 'interrupted' }), conversation);
}

/** The first words of the first message. */
export function titleOf(content: string): string {
  const line = content.trim().split('\n')[0] ?? '';
  return line.length > 48 ? `${line.slice(0, 47).trimEnd()}…` : line === '' ? 'New conversation' : line;
}

/** The shown path as a document. */
export function toMarkdown(conversation: Conversation): string {
  const parts = [`# ${conversation.title}`];
  if (conversation.system.trim() !== '') parts.push(`> System: ${conversation.system.trim().replaceAll('\n', '\n> ')}`);
  for (const { role, content, timing, model } of shownPath(conversation)) {
    parts.push(`## ${role === 'user' ? 'You' : (model ?? 'Assistant')}`, content);
    const facts = timing === null ? [] : timingFacts(timing);
    if (facts.length > 0) parts.push(`*${facts.join(', ')}*`);
  }
  return `${parts.join('\n\n')}\n`;
}

/** What is worth saying of an answer's time. */
export function timingFacts(timing: z.infer<typeof ChatTimingSchema>): string[] {
  const { timeToFirstTokenMs, tokensPerSecond, completionTokens } = timing;
  return [
    completionTokens === null ? null : `${completionTokens} ${completionTokens === 1 ? 'token' : 'tokens'}`,
    tokensPerSecond === null ? null : `${rate(tokensPerSecond)} tokens/s`,
    timeToFirstTokenMs === null ? null : `first after ${milliseconds(timeToFirstTokenMs)}`,
  ].filter((fact) => fact !== null);
}

export function rate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

export function milliseconds(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}

/** A logarithm of a probability as a percentage: `97%`, `0.03%`. */
export function percent(logprob: number): string {
  const value = Math.exp(logprob) * 100;
  if (value >= 99.95) return '100%';
  return value >= 10
    ? `${value.toFixed(0)}%`
    : value >= 0.1
      ? `${value.toFixed(1)}%`
      : value >= 0.01
        ? `${value.toFixed(2)}%`
        : '<0.01%';
}

/** A token as it can be seen: spaces and line ends have a sign of their own. */
export function visibleToken(text: string): string {
  return text === '' ? '∅' : text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replace(/^ | $/g, '␣');
}

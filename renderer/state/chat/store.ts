import { create } from 'zustand';
import type { ChatRequest, CompletionRequest } from '../../../app/contract/index.ts';
import type { LiveAnswer } from './live-answer.ts';
import { type Conversation, newConversation } from './tree.ts';

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

export const newId = () => crypto.randomUUID().slice(0, 12);

export const useChat = create<ChatState>(() => ({
  loaded: false,
  index: [],
  current: newConversation(newId(), Date.now()),
  live: null,
  raw: new Map(),
  lastRate: null,
}));

export function isAnswering({ live }: Pick<ChatState, 'live'>): boolean {
  return live !== null;
}

export function setLive(change: Partial<LiveAnswer>): void {
  useChat.setState(({ live }) => ({ live: live === null ? null : { ...live, ...change } }));
}

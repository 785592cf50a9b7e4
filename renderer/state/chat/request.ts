import type { ChatRequest, CompletionRequest } from '../../../app/contract/index.ts';
import { type Conversation, messagesTo } from './tree.ts';

/** What is asked of the model for an answer to a question: all that was said before it, and how to sample. */
export function requestFor(conversation: Conversation, question: string): ChatRequest {
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

/** Asks a model without a chat template: it goes on with the last message. */
export function toCompletion({
  messages,
  alternatives: _alternatives,
  progress: _progress,
  ...sampling
}: ChatRequest): CompletionRequest {
  return { prompt: messages.at(-1)?.content ?? '', ...sampling };
}

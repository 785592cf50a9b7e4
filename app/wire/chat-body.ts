import type { ChatRequest, CompletionRequest } from '../contract/chat.ts';

/** The path of the chat endpoint, and of the one that goes on with a text. */
export const CHAT_PATH = '/v1/chat/completions';
export const COMPLETION_PATH = '/v1/completions';

/** The body of a streamed chat request, in OpenAI's names; `return_progress` is llama.cpp's. Absent fields are `undefined`. */
export function chatBody({ messages, alternatives, progress, raw: _raw, ...sampling }: ChatRequest): object {
  return {
    messages,
    ...samplingBody(sampling),
    logprobs: alternatives === undefined ? undefined : true,
    top_logprobs: alternatives,
    return_progress: progress === true ? true : undefined,
    ...STREAMED,
  };
}

/** The body of a streamed completion request. */
export function completionBody({ prompt, ...sampling }: CompletionRequest): object {
  return { prompt, ...samplingBody(sampling), ...STREAMED };
}

const STREAMED = { stream: true, stream_options: { include_usage: true } };

function samplingBody(sampling: Omit<CompletionRequest, 'prompt'>): object {
  return {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    stop: sampling.stop,
  };
}

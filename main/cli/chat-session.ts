/** A conversation with the model of one machine: what has been said, and how the next answer is asked for and shown. */

import type { AppError } from '../../app/base/result.ts';
import { assertNever } from '../../app/base/result.ts';
import type { ChatEvent, ChatMessage, ChatTarget, ChatTiming } from '../../app/contract/index.ts';
import type { CommandContext } from './command.ts';
import { giveUp } from './failure.ts';
import type { Paint } from './terminal.ts';

export interface Sampling {
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly minP?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: string[] | undefined;
}

/** `chat`: turns, through the model's chat template. `plain`: the model has none, and goes on with the text it is given. */
export type ChatMode = 'chat' | 'plain';

export type Answer =
  | { readonly kind: 'finished'; readonly text: string; readonly reason: string; readonly timing: ChatTiming }
  | { readonly kind: 'stopped'; readonly text: string }
  | { readonly kind: 'failed'; readonly error: AppError };

/** A story that is to be continued has no natural end; this many tokens are a paragraph. */
const PLAIN_TOKENS = 200;

export class ChatSession {
  readonly #context: CommandContext;
  readonly #target: ChatTarget;
  readonly mode: ChatMode;
  readonly #sampling: Sampling;
  #messages: ChatMessage[] = [];
  #system: string | undefined;

  constructor(
    context: CommandContext,
    target: ChatTarget,
    mode: ChatMode,
    sampling: Sampling,
    system: string | undefined,
  ) {
    this.#context = context;
    this.#target = target;
    this.mode = mode;
    this.#sampling = sampling;
    this.#system = system;
  }

  /** The instruction that precedes the conversation; setting it begins a new one. */
  set system(text: string | undefined) {
    this.#system = text;
    this.reset();
  }

  get system(): string | undefined {
    return this.#system;
  }

  /** Forgets what was said. */
  reset(): void {
    this.#messages = [];
  }

  /** Number of questions asked so far and remembered. */
  get turns(): number {
    return this.#messages.filter((message) => message.role === 'user').length;
  }

  /**
   * Asks, and hands each piece of the answer to `show` as it comes. Only a finished answer is remembered; one that was
   * stopped is remembered as far as it went, and a failed one, with its question, not at all.
   */
  async ask(text: string, signal: AbortSignal, show: (piece: string) => void): Promise<Answer> {
    const question: ChatMessage = { role: 'user', content: text };
    let said = '';
    const remember = () => {
      if (this.mode === 'chat' && said !== '') this.#messages.push(question, { role: 'assistant', content: said });
    };
    for await (const event of this.#request(question, signal)) {
      switch (event.kind) {
        case 'text':
          said += event.text;
          show(event.text);
          break;
        case 'finished':
          said = event.text;
          remember();
          return { kind: 'finished', text: event.text, reason: event.reason, timing: event.timing };
        case 'failed':
          if (!signal.aborted) return { kind: 'failed', error: event.error };
          remember();
          return { kind: 'stopped', text: said };
        case 'progress':
        case 'tokens':
        case 'raw':
          // Sent only to whom asks for them.
          break;
        default:
          assertNever(event);
      }
    }
    return { kind: 'stopped', text: said };
  }

  #request(question: ChatMessage, signal: AbortSignal): AsyncIterable<ChatEvent> {
    const { chat } = this.#context.host;
    if (this.mode === 'plain') {
      return chat.complete(
        this.#target,
        { prompt: question.content, ...this.#sampling, maxTokens: this.#sampling.maxTokens ?? PLAIN_TOKENS },
        { signal },
      );
    }
    const system: ChatMessage[] = this.#system === undefined ? [] : [{ role: 'system', content: this.#system }];
    return chat.chat(
      this.#target,
      { messages: [...system, ...this.#messages, question], ...this.#sampling },
      { signal },
    );
  }
}

/** Waits, with progress on stderr, until the guest serves. A guest that dies or stays silent ends the command. */
export async function waitUntilServing(
  { host, terminal, interrupts }: CommandContext,
  target: ChatTarget,
): Promise<void> {
  for await (const event of host.chat.waitUntilReady(target, { signal: interrupts.signal })) {
    switch (event.kind) {
      case 'waiting':
        terminal.progress(event.stage, `(${(event.elapsedMs / 1000).toFixed(1)} s)`);
        break;
      case 'ready':
        terminal.clearProgress();
        return;
      case 'failed':
        giveUp(event.error.code, event.error.what, event.error.why, event.error.fix);
        break;
      default:
        assertNever(event);
    }
  }
}

/** `[12 tokens, 534.2 tokens/s, first after 31 ms]` */
export function timingText(timing: ChatTiming, reason: string, paint: Paint): string {
  const parts = [
    timing.completionTokens === null ? '' : `${timing.completionTokens} tokens`,
    timing.tokensPerSecond === null ? '' : `${timing.tokensPerSecond.toFixed(1)} tokens/s`,
    timing.timeToFirstTokenMs === null ? '' : `first token after ${timing.timeToFirstTokenMs.toFixed(0)} ms`,
    reason === 'length' ? 'cut at the token limit' : '',
  ];
  return paint('dim', `[${parts.filter((part) => part !== '').join(', ')}]`);
}

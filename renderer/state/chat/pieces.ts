import type { AnswerToken } from '../../../app/contract/index.ts';
import { changeIn } from './keeping.ts';
import { setLive, useChat } from './store.ts';

/** Pieces of an answer, put into the store once a frame. */
export class Pieces {
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

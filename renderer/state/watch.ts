import { sharing } from '../../app/base/change.ts';
import type { Disposable } from '../../app/base/disposable.ts';
import { type AppError, fail, messageOf, ok, type Result } from '../../app/base/result.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import {
  changedAnswer,
  type Look,
  type Looked,
  type WatchEvent,
  wholeAnswer,
} from '../../app/contract/inspect/watch.ts';
import { studio, whenConnected } from '../host/client.ts';
import { inNextFrame } from './frames.ts';

/** A stream that has failed is not asked for in a tight loop. */
const AGAIN_MS = 1000;

export interface Watched<T> {
  readonly answer: Result<T>;
  readonly at: number;
}

/** Puts the answers together from what a stream tells of them. */
export class Listener<L extends Look> {
  readonly #look: L;
  /** What the host has told and tells changes of. */
  #value: Looked<L> | null = null;
  /** What is known from before this stream. */
  readonly #known: Looked<L> | null;

  constructor(look: L, known: Looked<L> | null = null) {
    this.#look = look;
    this.#known = known;
  }

  /** Throws where the host tells what does not fit. */
  hear(event: WatchEvent): Watched<Looked<L>> {
    const { at } = event;
    if (event.kind === 'failed') return { answer: { ok: false, error: event.error }, at };
    if (event.kind === 'whole') this.#value = sharing(this.#value ?? this.#known, wholeAnswer(this.#look, event.value));
    if (this.#value === null) throw new Error('the host tells of changes before there was anything');
    if (event.kind === 'changed') this.#value = changedAnswer(this.#look, this.#value, event.changes);
    return { answer: ok(this.#value), at };
  }
}

/**
 * Watches until it is disposed, and hands on what was seen in the page's frames. A lost connection is an answer too, and is taken up
 * again. `pace`: looks a second; null looks once. `known`: what was seen before, if anything.
 */
export function watchLook<L extends Look>(
  ref: SourceRef,
  look: L,
  pace: number | null,
  known: Looked<L> | null,
  onLook: (watched: Watched<Looked<L>>) => void,
): Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  const tell = (watched: Watched<Looked<L>>) =>
    inNextFrame(() => {
      if (!signal.aborted) onLook(watched);
    });
  let seen = known;
  const run = async () => {
    while (!signal.aborted) {
      try {
        await whenConnected(signal);
        const listener = new Listener(look, seen);
        for await (const event of await studio.inspect.watch({ ...ref, look, pace }, { signal })) {
          if (signal.aborted) return;
          const watched = listener.hear(event);
          if (watched.answer.ok) seen = watched.answer.value;
          tell(watched);
        }
      } catch (thrown) {
        if (signal.aborted) return;
        tell({ answer: unread(thrown), at: Date.now() });
      }
      if (pace === null) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  void run();
  return { dispose: () => controller.abort() };
}

function unread(thrown: unknown): { readonly ok: false; readonly error: AppError } {
  return fail('not-read', 'The machine was not read.', messageOf(thrown), 'Look again.');
}

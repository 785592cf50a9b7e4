import { type CancelSignal, isCancelled } from '../../app/base/cancel.ts';
import type { Event } from '../../app/base/event.ts';

/** A reader that has fallen so far behind is better off starting again. */
const MAX_WAITING = 20_000;

/**
 * Turns an event into a stream: `first`, taken when the subscription holds so that nothing falls between, then each event. It ends
 * with `isLast`'s event or with the signal, and throws when its reader cannot keep up.
 */
export async function* follow<T>(
  event: Event<T>,
  signal: CancelSignal | undefined,
  first: () => readonly T[],
  isLast: (value: T) => boolean = () => false,
): AsyncGenerator<T> {
  if (isCancelled(signal)) return;
  const queue: T[] = [];
  let wake = () => {};
  const subscription = event((value) => {
    if (queue.length < MAX_WAITING) queue.push(value);
    wake();
  });
  const abort = () => wake();
  signal?.addEventListener('abort', abort);
  try {
    queue.unshift(...first());
    while (!isCancelled(signal)) {
      if (queue.length >= MAX_WAITING) throw new Error(`the reader of a stream is ${MAX_WAITING} events behind`);
      const value = queue.shift();
      if (value !== undefined) {
        yield value;
        if (isLast(value)) return;
      } else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    subscription.dispose();
  }
}

/**
 * Runs something that reports through a callback and gives a result, as a stream. Leaving the stream, or the caller's signal, cancels
 * it.
 */
export async function* report<P, R>(
  run: (report: (progress: P) => void, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal | undefined,
): AsyncGenerator<P, R> {
  const controller = new AbortController();
  const queue: P[] = [];
  let wake = () => {};
  let outcome: { readonly value: R } | { readonly error: unknown } | undefined;
  const abort = () => controller.abort();
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  void run((progress) => {
    queue.push(progress);
    wake();
  }, controller.signal)
    .then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    )
    .then(() => wake());
  try {
    for (;;) {
      const progress = queue.shift();
      if (progress !== undefined) yield progress;
      else if (outcome !== undefined) {
        if ('error' in outcome) throw outcome.error;
        return outcome.value;
      } else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    controller.abort();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { isCancelled } from '../../app/base/cancel.ts';
import { changesBetween } from '../../app/base/change.ts';
import type { AppError, Result } from '../../app/base/result.ts';
import type { WatchEvent } from '../../app/contract/inspect/watch.ts';

/** A watcher who is told nothing for longer would not know whether anybody still looks. */
const SILENCE_MS = 1000;

/**
 * Looks again and again and tells what is new. All who look so often do it in the same moments, so that what they tell a page comes to
 * it together, and it draws once. A look that takes longer than its turn is not made up for.
 */
export async function* watch<T>(
  look: () => Promise<Result<T>>,
  pace: number | null,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent> {
  let last: { readonly value: T } | null = null;
  let error: AppError | null = null;
  /** The last message told of something new. */
  let news = false;
  let toldAt = 0;
  for (let turn = 0; ; ) {
    const answer = await look();
    if (isCancelled(signal)) return;
    const event = tell(answer);
    if (event !== null) {
      toldAt = performance.now();
      news = event.kind === 'changed' || event.kind === 'whole';
      yield event;
    }
    if (pace === null) return;
    const period = 1000 / pace;
    turn = Math.max(turn + 1, Math.ceil(performance.now() / period));
    await sleep(Math.max(0, turn * period - performance.now()), undefined, { signal }).catch(() => {});
    if (isCancelled(signal)) return;
  }

  function tell(answer: Result<T>): WatchEvent | null {
    const at = Date.now();
    const silent = performance.now() - toldAt >= SILENCE_MS;
    if (!answer.ok) {
      const known = error !== null && changesBetween(error, answer.error)?.length === 0;
      error = answer.error;
      return known && !silent ? null : { kind: 'failed', at, error };
    }
    const recovered = error !== null;
    error = null;
    const before = last;
    last = answer;
    if (before === null) return { kind: 'whole', at, value: answer.value };
    const changes = changesBetween(before.value, answer.value);
    if (changes === null) return { kind: 'whole', at, value: answer.value };
    if (changes.length > 0) return { kind: 'changed', at, changes };
    return recovered || news || silent ? { kind: 'same', at } : null;
  }
}

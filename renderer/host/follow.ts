import type { Disposable } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import { whenConnected } from './client.ts';

const PAUSE_MS = 1000;

/**
 * Mirrors a stream of the contract that never ends by itself: opens it, hands every event on, and opens it again after a lost
 * connection. Such a stream begins with all of its state, so nothing is missed. The disposable leaves it.
 *
 *     followForever((signal) => studio.machines.watch(undefined, { signal }), (machines) => …)
 */
export function followForever<T>(
  open: (signal: AbortSignal) => Promise<AsyncIterable<T>>,
  onEvent: (event: T) => void,
): Disposable {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    while (!signal.aborted) {
      try {
        await whenConnected(signal);
        for await (const event of await open(signal)) onEvent(event);
      } catch (thrown) {
        if (signal.aborted) return;
        console.warn(`stream ended: ${messageOf(thrown)}`);
      }
      // A stream that fails at once is not to be asked for in a tight loop.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  void run();
  return { dispose: () => controller.abort() };
}

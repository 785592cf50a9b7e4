import { type ClientContext, type ClientLink, createORPCClient } from '@orpc/client';
import { create } from 'zustand';
import { messageOf } from '../../app/base/result.ts';
import { checkedLink } from '../../app/contract/checked-link.ts';
import { type StudioClient, type StudioInfo, studioContract } from '../../app/contract/studio.ts';
import { openTransport, type Transport } from './transport.ts';

/** The connection to the service host. A page that has lost it keeps what it shows and tries again by itself. */
export type Connection =
  | { readonly phase: 'connecting'; readonly attempt: number }
  | { readonly phase: 'connected'; readonly info: StudioInfo }
  | { readonly phase: 'waiting'; readonly attempt: number; readonly retryAt: number; readonly why: string };

export const useConnection = create<{ readonly connection: Connection }>(() => ({
  connection: { phase: 'connecting', attempt: 1 },
}));

let transport: Transport | null = null;
let wake: () => void = () => {};

/** How long a call waits for a connection before it fails. */
const CALL_PATIENCE_MS = 8000;

async function connectedLink(signal: AbortSignal | undefined): Promise<ClientLink<ClientContext>> {
  if (transport === null) await whenConnected(signal, CALL_PATIENCE_MS);
  const link = (transport as Transport | null)?.link;
  if (link === undefined) throw new Error('no connection to the service host');
  return link;
}

/** Resolves when there is a connection; rejects when `signal` says so, or after `patienceMs`. */
export function whenConnected(signal?: AbortSignal, patienceMs?: number): Promise<void> {
  if (useConnection.getState().connection.phase === 'connected') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer =
      patienceMs === undefined
        ? undefined
        : setTimeout(() => end(new Error('no connection to the service host')), patienceMs);
    const aborted = () => end(new Error('cancelled'));
    const unsubscribe = useConnection.subscribe(({ connection }) => {
      if (connection.phase === 'connected') end(null);
    });
    signal?.addEventListener('abort', aborted);
    function end(error: Error | null) {
      clearTimeout(timer);
      unsubscribe();
      signal?.removeEventListener('abort', aborted);
      if (error === null) resolve();
      else reject(error);
    }
  });
}

/** Every call of the contract, over the connection that there is now, or soon. */
export const studio: StudioClient = createORPCClient({
  call: async (path, input, options) => (await connectedLink(options.signal)).call(path, input, options),
});

/** Connects, and connects again whenever the connection is lost. Never ends; called once, when the page starts. */
export async function connectForever(): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    useConnection.setState({ connection: { phase: 'connecting', attempt } });
    let why: string;
    try {
      const { link, ...rest } = await openTransport();
      // What the host sends is held against the contract here, once, for every call there is.
      const opened = { ...rest, link: checkedLink(link, studioContract) };
      const greeter: StudioClient = createORPCClient(opened.link);
      const info = await Promise.race([
        greeter.studio.info(),
        opened.closed.then((reason) => Promise.reject(new Error(reason))),
      ]);
      transport = opened;
      attempt = 1;
      useConnection.setState({ connection: { phase: 'connected', info } });
      why = await opened.closed;
    } catch (thrown) {
      why = messageOf(thrown);
    }
    transport = null;
    // Doubling from a quarter of a second to five seconds.
    const delay = Math.min(5000, 250 * 2 ** Math.min(attempt - 1, 5));
    useConnection.setState({ connection: { phase: 'waiting', attempt, retryAt: Date.now() + delay, why } });
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, delay);
    });
  }
}

/** Tries again now instead of later. */
export function reconnectNow(): void {
  wake();
}

import type { ClientContext, ClientLink } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';

/** What the preload script of the Electron shell offers: it answers with a `message` event that carries a MessagePort. */
interface Ring0Bridge {
  /** Asks for a new port to the service host; the event's data is `ring0:port`. */
  requestPort(): void;
  /** Calls back with the id of each command that the native menu asks for. */
  onCommand(run: (id: string) => void): void;
  /** Lets a person choose a GGUF file by the system's own dialog; null if none was chosen. */
  pickModel(): Promise<string | null>;
}

declare global {
  interface Window {
    readonly ring0?: Ring0Bridge;
  }
}

/** The system's dialog for a model file; null in a browser, which has none that tells paths. */
export function modelPicker(): (() => Promise<string | null>) | null {
  const bridge = window.ring0;
  return bridge === undefined ? null : () => bridge.pickModel();
}

/** One connection. `closed` resolves, with the reason, when it is over. */
export interface Transport {
  readonly link: ClientLink<ClientContext>;
  readonly closed: Promise<string>;
  close(): void;
}

/** Opens a connection over whatever this page was loaded with; rejects if nobody answers. */
export function openTransport(): Promise<Transport> {
  return window.ring0 === undefined ? openSocket() : openPort(window.ring0);
}

const TOKEN_KEY = 'ring0.token';

/**
 * The token comes with the page's address once. It is kept for this tab, so that a reload works, and taken out of the
 * address, so that it is not in the history or in a screenshot.
 */
function takeToken(): string {
  const address = new URL(location.href);
  const fresh = address.searchParams.get('token') ?? new URLSearchParams(address.hash.slice(1)).get('token');
  if (fresh !== null) {
    sessionStorage.setItem(TOKEN_KEY, fresh);
    address.searchParams.delete('token');
    address.hash = '';
    history.replaceState(null, '', address);
  }
  return sessionStorage.getItem(TOKEN_KEY) ?? '';
}

function openSocket(): Promise<Transport> {
  const address = new URL('rpc', location.href);
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const token = takeToken();
  address.search = token === '' ? '' : new URLSearchParams({ token }).toString();
  address.hash = '';
  const socket = new WebSocket(address);
  const closed = new Promise<string>((resolve) => {
    socket.addEventListener('close', (event) => resolve(event.reason === '' ? `code ${event.code}` : event.reason));
  });
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => {
      resolve({ link: new SocketLink({ websocket: socket }), closed, close: () => socket.close() });
    });
    void closed.then((why) => reject(new Error(why)));
  });
}

const PORT_MS = 5000;

function openPort(bridge: Ring0Bridge): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(new Error('the service host offered no connection'))), PORT_MS);
    const end = (outcome: () => void) => {
      clearTimeout(timer);
      window.removeEventListener('message', listener);
      outcome();
    };
    const listener = (event: MessageEvent) => {
      const port = event.ports[0];
      if (event.source !== window || event.data !== 'ring0:port' || port === undefined) return;
      const closed = new Promise<string>((over) =>
        port.addEventListener('close', () => over('the service host has ended')),
      );
      port.start();
      end(() => resolve({ link: new PortLink({ port }), closed, close: () => port.close() }));
    };
    window.addEventListener('message', listener);
    bridge.requestPort();
  });
}

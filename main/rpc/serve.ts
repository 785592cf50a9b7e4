import { ORPCError } from '@orpc/server';
import { RPCHandler } from '@orpc/server/ws';
import { messageOf } from '../../app/base/result.ts';
import type { StudioRouter } from './router.ts';

type Data = string | ArrayBufferLike | Uint8Array;

/** Whatever carries messages both ways, in order. */
export interface Wire {
  /** Resolves when the message is on its way: streams wait for a slow reader instead of filling memory. */
  send(data: Data): void | Promise<void>;
  onMessage(listener: (data: Data) => void): void;
  onClose(listener: () => void): void;
}

/** What is known of a bug, for the log. */
export type ReportBug = (error: unknown) => void;

/**
 * Answers the calls that come over a wire until it closes, which ends every stream that it carries.
 * @returns when the wire is closed and the last call that came over it has been answered
 */
export function serveWire({ router }: StudioRouter, wire: Wire, reportBug: ReportBug): Promise<void> {
  let calls = 0;
  let isClosed = false;
  let settle = () => {};
  const over = new Promise<void>((resolve) => {
    settle = () => {
      if (isClosed && calls === 0) resolve();
    };
  });
  const handler = new RPCHandler(router, {
    interceptors: [
      async ({ next }) => {
        calls += 1;
        try {
          return await next();
        } catch (error) {
          // Refused input and the like explain themselves; anything else that is thrown is a bug of ours.
          if (error instanceof ORPCError && error.status < 500) throw error;
          reportBug(error);
          throw new ORPCError('INTERNAL_SERVER_ERROR', { message: messageOf(error) });
        } finally {
          calls -= 1;
          settle();
        }
      },
    ],
  });
  const upgraded = handler.upgrade(
    {
      send: (data: Data) => wire.send(data),
      addEventListener: (type: string, listener: (event: { data: Data }) => void) => {
        if (type === 'message') wire.onMessage((data) => listener({ data }));
        else if (type === 'close') wire.onClose(() => listener({ data: '' }));
      },
    } as unknown as Parameters<typeof handler.upgrade>[0],
    { context: {} },
  );
  upgraded.catch(reportBug);
  wire.onClose(() => {
    // What came last is still being read.
    setImmediate(() => {
      isClosed = true;
      settle();
    });
  });
  return over;
}

/** The port of a `MessageChannel`: Node's own, or Electron's, which are alike as far as this goes. */
export interface PortLike {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(data: unknown): void;
  start(): void;
}

export function portWire(port: PortLike): Wire {
  return {
    send: (data) => port.postMessage(data),
    onMessage: (listener) => {
      // Electron wraps what arrives in an event; Node hands it over as it is.
      port.on('message', (message) => listener(isEvent(message) ? message.data : (message as Data)));
      port.start();
    },
    onClose: (listener) => void port.on('close', listener),
  };
}

function isEvent(message: unknown): message is { data: Data } {
  return typeof message === 'object' && message !== null && 'data' in message && !ArrayBuffer.isView(message);
}

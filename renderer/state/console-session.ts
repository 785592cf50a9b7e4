import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { Emitter } from '../../app/base/event.ts';
import { messageOf } from '../../app/base/result.ts';

/** A piece of a console: a serial line's or a terminal's. */
export interface ConsoleChunk {
  readonly offset: number;
  /** Base64. */
  readonly data: string;
  /** The last one. */
  readonly ended?: boolean | undefined;
  /** From before the session: nothing in it asks for an answer any more. */
  readonly replay?: boolean | undefined;
}

/** What a session needs of the host. */
export interface ConsoleHost {
  open(from: number, signal: AbortSignal): Promise<AsyncIterable<ConsoleChunk>>;
  write(text: string): Promise<void>;
  /** Where the host waits for a reader that is behind: everything before `offset` has been shown. */
  acknowledge?(offset: number): Promise<unknown>;
  /** Resolves when there is a connection. */
  connected(signal: AbortSignal): Promise<void>;
}

/** What a session keeps for whoever looks later, and for the log file. */
const MAX_KEPT_BYTES = 8 << 20;
const MAX_WRITE = 16 << 10;
/** Typed while the host was away; more is dropped rather than typed much later. */
const MAX_TYPED = 256 << 10;
const PAUSE_MS = 500;
/** So often, in bytes, the host hears how far this page is; a fraction of what it lets run ahead. */
const ACKNOWLEDGE_BYTES = 64 << 10;

export type ConsoleEvent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly replay: boolean }
  /** So many bytes are missing between what came before and what comes next. */
  | { readonly kind: 'gap'; readonly bytes: number }
  | { readonly kind: 'ended' };

/** A console from its beginning to its end, across lost connections. */
export class ConsoleSession implements Disposable {
  readonly #host: ConsoleHost;
  readonly #controller = new AbortController();
  readonly #events = new Emitter<ConsoleEvent>();
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** Bytes of the console that were seen. */
  #offset = 0;
  #acknowledged = 0;
  /** Bytes that have come and are not shown yet, by whoever shows them. */
  #behind: () => number = () => 0;
  #ended = false;
  #typed = '';
  #writing = false;

  constructor(host: ConsoleHost) {
    this.#host = host;
    void this.#follow();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What was kept, then what comes. @param behind how much of what the listener was given is not shown yet */
  listen(listener: (event: ConsoleEvent) => void, behind: () => number = () => 0): Disposable {
    for (const bytes of this.#kept) listener({ kind: 'bytes', bytes, replay: true });
    if (this.#ended) listener({ kind: 'ended' });
    this.#behind = behind;
    const subscription = this.#events.event(listener);
    return toDisposable(() => {
      subscription.dispose();
      // What nobody shows, nobody waits for.
      if (this.#behind === behind) this.#behind = () => 0;
      this.noteShown();
    });
  }

  /** The listener has shown something more. */
  noteShown(): void {
    const shown = this.#offset - this.#behind();
    if (this.#host.acknowledge === undefined || shown - this.#acknowledged < ACKNOWLEDGE_BYTES) return;
    this.#acknowledged = shown;
    // Lost with the connection: the host counts anew for whoever comes back.
    this.#host.acknowledge(shown).catch(() => {});
  }

  /** All that is kept. */
  log(): Uint8Array[] {
    return [...this.#kept];
  }

  /** Sends what a person typed, in order. */
  type(text: string): void {
    if (this.#ended || this.#typed.length + text.length > MAX_TYPED) return;
    this.#typed += text;
    void this.#send();
  }

  dispose(): void {
    this.#controller.abort();
    this.#events.dispose();
  }

  async #send(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#typed !== '' && !this.#ended) {
      // Never between the halves of a character.
      const cut = /[\ud800-\udbff]$/.test(this.#typed.slice(0, MAX_WRITE)) ? MAX_WRITE - 1 : MAX_WRITE;
      const text = this.#typed.slice(0, cut);
      this.#typed = this.#typed.slice(text.length);
      try {
        await this.#host.write(text);
      } catch (thrown) {
        console.warn(`input was lost: ${messageOf(thrown)}`);
      }
    }
    this.#writing = false;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted && !this.#ended) {
      try {
        await this.#host.connected(signal);
        this.#acknowledged = this.#offset;
        for await (const chunk of await this.#host.open(this.#offset, signal)) this.#take(chunk);
      } catch (thrown) {
        if (signal.aborted) return;
        console.warn(`console stream ended: ${messageOf(thrown)}`);
      }
      if (!this.#ended) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #take({ offset, data, ended = false, replay = false }: ConsoleChunk): void {
    const all = fromBase64(data);
    const missing = offset - this.#offset;
    if (missing > 0 && this.#offset > 0) this.#events.fire({ kind: 'gap', bytes: missing });
    // What was seen before is not shown again.
    const bytes = missing < 0 ? all.subarray(Math.min(all.length, -missing)) : all;
    this.#offset = Math.max(this.#offset, offset + all.length);
    if (bytes.length > 0) {
      this.#keep(bytes);
      this.#events.fire({ kind: 'bytes', bytes, replay });
    }
    this.noteShown();
    if (!ended) return;
    this.#ended = true;
    this.#events.fire({ kind: 'ended' });
  }

  #keep(bytes: Uint8Array): void {
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    while (this.#keptBytes > MAX_KEPT_BYTES) {
      const oldest = this.#kept.shift();
      this.#keptBytes -= oldest?.length ?? this.#keptBytes;
    }
  }
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Sessions by id. Those that the host no longer lists are ended. */
export class ConsoleSessions {
  readonly #sessions = new Map<string, ConsoleSession>();
  readonly #hostOf: (id: string) => ConsoleHost;

  constructor(hostOf: (id: string) => ConsoleHost) {
    this.#hostOf = hostOf;
  }

  of(id: string): ConsoleSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const session = new ConsoleSession(this.#hostOf(id));
    this.#sessions.set(id, session);
    return session;
  }

  keepOnly(ids: ReadonlySet<string>): void {
    for (const [id, session] of this.#sessions) {
      if (ids.has(id)) continue;
      session.dispose();
      this.#sessions.delete(id);
    }
  }
}

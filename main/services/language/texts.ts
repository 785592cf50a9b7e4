import type { SyncRequest } from '../../../app/contract/language.ts';

/** What the server is to be told. */
export type TextChange =
  | { readonly kind: 'open'; readonly path: string; readonly text: string; readonly version: number }
  | { readonly kind: 'change'; readonly path: string; readonly text: string; readonly version: number }
  | { readonly kind: 'close'; readonly path: string };

interface Held {
  readonly text: string;
  readonly version: number;
}

/**
 * The texts of all pages, and which of them the server has. It knows one text a file: where two pages have one file open, it has
 * that of the page that asked last.
 */
export class Texts {
  readonly #byClient = new Map<string, Map<string, Held>>();
  readonly #told = new Map<string, { text: string; version: number }>();

  has(client: string): boolean {
    return this.#byClient.has(client);
  }

  attach(client: string): void {
    if (!this.#byClient.has(client)) this.#byClient.set(client, new Map());
  }

  /** A page has gone: files that no other has open are closed, the others become what the others have. */
  detach(client: string): TextChange[] {
    const paths = [...(this.#byClient.get(client)?.keys() ?? [])];
    this.#byClient.delete(client);
    return paths.flatMap((path) => this.#closeOrHandOver(path));
  }

  sync({ client, path, version, text }: SyncRequest): TextChange[] {
    const own = this.#byClient.get(client);
    if (own === undefined) return [];
    const before = own.get(path);
    if (text === null) {
      own.delete(path);
      return before === undefined ? [] : this.#closeOrHandOver(path);
    }
    if (before !== undefined && before.version > version) return [];
    own.set(path, { text, version });
    return this.#tell(path, text);
  }

  /** Before a question of a page: its own text is what it asks about. */
  prefer(client: string, path: string): TextChange[] {
    const own = this.#byClient.get(client)?.get(path);
    return own === undefined ? [] : this.#tell(path, own.text);
  }

  /** For a server that has just started. */
  all(): TextChange[] {
    this.#told.clear();
    return [...this.#byClient.values()].flatMap((texts) =>
      [...texts].flatMap(([path, { text }]) => this.#tell(path, text)),
    );
  }

  /** Version and all of what the server has; a length in UTF-16 units is enough for a whole range. */
  #tell(path: string, text: string): TextChange[] {
    const told = this.#told.get(path);
    if (told?.text === text) return [];
    const version = (told?.version ?? 0) + 1;
    this.#told.set(path, { text, version });
    return [{ kind: told === undefined ? 'open' : 'change', path, text, version }];
  }

  #closeOrHandOver(path: string): TextChange[] {
    for (const texts of this.#byClient.values()) {
      const other = texts.get(path);
      if (other !== undefined) return this.#tell(path, other.text);
    }
    return this.#told.delete(path) ? [{ kind: 'close', path }] : [];
  }
}

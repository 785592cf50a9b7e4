import type { GuestMemory } from '../../../app/x86/memory.ts';
import { ReadSet } from '../../../app/x86/read-set.ts';

/** Answers that are kept of one target: a handful of panes, each with a question or two. */
const KEPT = 32;
/** Looks at memory that a guest keeps writing. */
export const ATTEMPTS = 4;

interface Kept {
  readonly key: readonly unknown[];
  readonly reads: ReadSet;
  readonly value: unknown;
}

export interface Settled<T> {
  readonly value: T;
  /** The guest wrote to what was read at every look. */
  readonly torn: boolean;
}

/**
 * Answers of pure decoders, kept while what they were read from stands: a pane that looks thirty times a second at tables which nobody
 * changes costs a comparison, and gets the very same object.
 */
export class KeptAnswers {
  readonly #kept = new Map<string, Kept>();

  /**
   * @param name of the question: one answer is kept for each
   * @param key whatever the answer depends on beside memory
   * @param attempts how often memory is read again that changed meanwhile
   */
  answer<T>(
    memory: GuestMemory,
    name: string,
    key: readonly unknown[],
    decode: (memory: GuestMemory) => T,
    attempts = ATTEMPTS,
  ): Settled<T> {
    const known = this.#kept.get(name);
    if (known !== undefined && sameKey(known.key, key) && known.reads.standsIn(memory))
      return { value: known.value as T, torn: false };
    const { value, torn, reads } = settle(memory, decode, attempts);
    if (!torn && reads.isWhole) this.#keep(name, { key, reads, value });
    return { value, torn };
  }

  #keep(name: string, kept: Kept): void {
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > KEPT) this.#kept.delete(oldest);
  }
}

function sameKey(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((it, n) => it === b[n]);
}

/** Decodes memory that lies open until what was read stands, or so often. */
export function settle<T>(
  memory: GuestMemory,
  decode: (memory: GuestMemory) => T,
  attempts = ATTEMPTS,
): Settled<T> & { readonly reads: ReadSet } {
  for (let attempt = 1; ; attempt++) {
    const { value, reads } = readOnce(memory, decode);
    const torn = !reads.standsIn(memory);
    if (!torn || attempt >= attempts) return { value, torn, reads };
  }
}

export function readOnce<T>(memory: GuestMemory, decode: (memory: GuestMemory) => T) {
  const reads = new ReadSet(memory);
  return { value: decode(reads), reads };
}

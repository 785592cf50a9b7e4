import { create, type StoreApi, type UseBoundStore } from 'zustand';
import { formatAddress } from '../../app/base/address.ts';
import { messageOf, type Result } from '../../app/base/result.ts';
import { MAX_LOOK_BYTES, type MemorySpace, type MemoryWrite } from '../../app/contract/inspect/memory.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import { studio } from '../host/client.ts';
import { byteAt, type HexBytes } from './memory-view.ts';
import { notifyError } from './notifications.ts';

/** Bytes that a person has typed over memory, and what was written so far. */
export interface MemoryEdits {
  readonly pending: ReadonlyMap<bigint, number>;
  /** Writes that can be taken back. */
  readonly written: number;
  readonly edit: (address: bigint, value: number) => void;
  readonly discard: () => void;
  readonly write: (
    ref: SourceRef,
    space: MemorySpace,
    processor: number,
    memory: HexBytes,
    done: () => void,
  ) => Promise<void>;
  readonly undo: (ref: SourceRef | undefined, done: () => void) => Promise<void>;
}

interface Undo {
  readonly processor: number;
  readonly write: MemoryWrite;
}

interface EditState {
  readonly pending: ReadonlyMap<bigint, number>;
  readonly undos: readonly (readonly Undo[])[];
}

const stores = new Map<string, UseBoundStore<StoreApi<EditState>>>();

function storeOf(key: string) {
  const known = stores.get(key) ?? create<EditState>(() => ({ pending: new Map(), undos: [] }));
  stores.set(key, known);
  return known;
}

/** The edits of one machine. */
export function useMemoryEdits(key: string): MemoryEdits {
  const store = storeOf(key);
  const { pending, undos } = store();
  return {
    pending,
    written: undos.length,
    edit: (address, value) => store.setState(({ pending: now }) => ({ pending: new Map(now).set(address, value) })),
    discard: () => {
      if (store.getState().pending.size > 0) store.setState({ pending: new Map() });
    },
    async write(ref, space, processor, memory, done) {
      const made: Undo[] = [];
      for (const { address, bytes } of piecesOf(pending)) {
        const before = bytes.map((_, n) => byteAt(memory, address + BigInt(n)) ?? 0);
        const written = await put(ref, space, processor, formatAddress(address), hex(bytes), hex(before));
        if (!written.ok) {
          notifyError(written.error);
          break;
        }
        made.push({ processor, write: written.value });
      }
      store.setState(({ undos: all }) => ({ pending: new Map(), undos: made.length === 0 ? all : [...all, made] }));
      done();
    },
    async undo(ref, done) {
      const last = store.getState().undos.at(-1);
      if (last === undefined || ref === undefined) return;
      for (const { processor, write } of last.toReversed()) {
        const back = await put(ref, write.space, processor, write.address, write.before, write.after);
        if (!back.ok) {
          notifyError(back.error);
          return;
        }
      }
      store.setState(({ undos: all }) => ({ undos: all.slice(0, -1) }));
      done();
    },
  };
}

async function put(
  ref: SourceRef,
  space: MemorySpace,
  processor: number,
  address: string,
  bytes: string,
  expected: string,
): Promise<Result<MemoryWrite>> {
  try {
    return await studio.inspect.write({ ...ref, space, processor, address, bytes, expected });
  } catch (thrown) {
    return {
      ok: false,
      error: { code: 'not-written', what: 'Memory was not changed.', why: messageOf(thrown), fix: 'Try again.' },
    };
  }
}

/** Neighbouring bytes are one write. */
export function piecesOf(
  pending: ReadonlyMap<bigint, number>,
): { readonly address: bigint; readonly bytes: number[] }[] {
  const pieces: { address: bigint; bytes: number[] }[] = [];
  for (const [address, value] of [...pending].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const last = pieces.at(-1);
    if (last !== undefined && last.address + BigInt(last.bytes.length) === address && last.bytes.length < 4096)
      last.bytes.push(value);
    else pieces.push({ address, bytes: [value] });
  }
  return pieces;
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Saves a range as a file of the browser's; gives its name. */
export async function saveRange(
  ref: SourceRef,
  space: MemorySpace,
  processor: number,
  start: bigint,
  size: number,
): Promise<Result<string>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let done = 0; done < size; done += MAX_LOOK_BYTES) {
    const address = formatAddress(BigInt.asUintN(64, start + BigInt(done)));
    const view = await studio.inspect.memory({
      ...ref,
      space,
      processor,
      address,
      size: Math.min(size - done, MAX_LOOK_BYTES),
    });
    if (!view.ok) return view;
    const text = atob(view.value.data);
    parts.push(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
  const name = `memory-${formatAddress(start)}.bin`;
  const url = URL.createObjectURL(new Blob(parts, { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return { ok: true, value: name };
}

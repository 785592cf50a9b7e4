import type { ChainElement, ContentField, ContentLayer } from '../../contract/inspect/virtio.ts';
import type { Memory } from '../memory.ts';

/** A chain's buffers, to be decoded. */
export interface Buffers {
  readonly elements: readonly ChainElement[];
  readonly memory: Memory;
  /** Bytes that the device wrote; null while it has not given the chain back. */
  readonly written: number | null;
  readonly features: bigint;
}

export interface Content {
  /** One line; empty where the contents say nothing. */
  readonly summary: string;
  readonly layers: ContentLayer[];
}

export const NO_CONTENT: Content = { summary: '', layers: [] };

export function field(name: string, value: string | number | bigint, note = ''): ContentField {
  return { name, value: typeof value === 'string' ? value : String(value), note };
}

/** Most bytes that a decoder looks at: headers are short. */
const LOOK_BYTES = 512;

/**
 * The first bytes of those buffers that the device reads (or writes), as one run over element borders; shorter where a buffer is no
 * RAM.
 */
export function gather(buffers: Buffers, write: boolean, limit = LOOK_BYTES): Uint8Array {
  const out = new Uint8Array(limit);
  let length = 0;
  for (const element of buffers.elements) {
    if (element.write !== write || element.length === 0) continue;
    const wanted = Math.min(element.length, limit - length);
    const piece = buffers.memory.read(BigInt(element.address), wanted);
    if (piece === undefined) break;
    out.set(piece, length);
    length += wanted;
    if (length === limit) break;
  }
  return out.subarray(0, length);
}

/** 4096 → `4 KiB`: exact, so that odd lengths stay odd. */
export function byteCount(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const)
    if (bytes >= size && bytes % (size / 4) === 0) return `${bytes / size} ${unit}`;
  return `${bytes} B`;
}

/** Printable ASCII as it is, the rest as escapes; never more than `limit` characters. */
export function printable(bytes: Uint8Array, limit = 80): string {
  let text = '';
  for (const byte of bytes) {
    if (text.length >= limit) return `${text}…`;
    if (byte === 10) text += '\\n';
    else if (byte === 13) text += '\\r';
    else if (byte === 9) text += '\\t';
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/**
 * The base protocol of LSP 3.17: a header of lines, one of which says `Content-Length`, an empty line, and so many bytes of UTF-8.
 * Hostile-safe: a header without an end and a length beyond the limit throw.
 */

/** The longest header that is waited for. */
const MAX_HEADER = 4096;
/** The largest message; workspace symbols of a large project are some MB. */
const MAX_CONTENT = 64 << 20;

export class FrameError extends Error {}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeFrame(message: unknown): Uint8Array {
  const content = encoder.encode(JSON.stringify(message));
  const header = encoder.encode(`Content-Length: ${content.length}\r\n\r\n`);
  const frame = new Uint8Array(header.length + content.length);
  frame.set(header);
  frame.set(content, header.length);
  return frame;
}

/** Takes bytes as they come and gives the messages that are whole. */
export class FrameReader {
  #parts: Uint8Array[] = [];
  #size = 0;
  /** Bytes of the message whose header was read. */
  #wanted: number | null = null;

  push(bytes: Uint8Array): unknown[] {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    const messages: unknown[] = [];
    for (;;) {
      // Pieces are joined only when that can complete something: a large message comes in hundreds of them.
      if (this.#wanted !== null && this.#size < this.#wanted) return messages;
      const buffer = this.#join();
      if (this.#wanted === null) {
        const end = headerEnd(buffer);
        if (end === null) {
          if (buffer.length > MAX_HEADER) throw new FrameError(`no end of a header within ${MAX_HEADER} bytes`);
          return messages;
        }
        this.#wanted = lengthOf(decoder.decode(buffer.subarray(0, end)));
        this.#rest(buffer, end);
        continue;
      }
      messages.push(parse(decoder.decode(buffer.subarray(0, this.#wanted))));
      this.#rest(buffer, this.#wanted);
      this.#wanted = null;
    }
  }

  #join(): Uint8Array {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined) return only;
    const joined = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.#parts = [joined];
    return joined;
  }

  #rest(buffer: Uint8Array, from: number): void {
    this.#parts = [buffer.subarray(from)];
    this.#size = buffer.length - from;
  }
}

/** Where the content begins; null while the header has no end. */
function headerEnd(buffer: Uint8Array): number | null {
  const limit = Math.min(buffer.length, MAX_HEADER + 4);
  for (let at = 3; at < limit; at += 1) {
    if (buffer[at] === 10 && buffer[at - 1] === 13 && buffer[at - 2] === 10 && buffer[at - 3] === 13) return at + 1;
  }
  return null;
}

function lengthOf(header: string): number {
  const length = Number(/^content-length:\s*(\d{1,10})\s*$/im.exec(header)?.[1] ?? Number.NaN);
  if (!(length <= MAX_CONTENT))
    throw new FrameError(`no length up to ${MAX_CONTENT} in the header ${JSON.stringify(header)}`);
  return length;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FrameError(`a message is no JSON: ${text.slice(0, 200)}`);
  }
}

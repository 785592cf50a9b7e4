/** Bounded reading of hostile bytes, and UTF-8 without the platform's help. */

/** A read past the end. Decoders catch it at their border and return an error that names the offset. */
export class OutOfBounds extends Error {
  readonly offset: number;

  constructor(offset: number, wanted: number, available: number) {
    super(`${wanted} bytes wanted at offset ${offset}, ${Math.max(0, available)} there`);
    this.name = 'OutOfBounds';
    this.offset = offset;
  }
}

/** Little-endian fields at given offsets. Every access is checked; none wraps. */
export class ByteView {
  readonly #view: DataView;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  #check(offset: number, size: number): void {
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(size) ||
      offset < 0 ||
      size < 0 ||
      offset > this.length - size
    ) {
      throw new OutOfBounds(offset, size, this.length - offset);
    }
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  i64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigInt64(offset, true);
  }

  f32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getFloat32(offset, true);
  }

  f64(offset: number): number {
    this.#check(offset, 8);
    return this.#view.getFloat64(offset, true);
  }

  /** A window on the same memory. */
  slice(offset: number, size: number): Uint8Array {
    this.#check(offset, size);
    return this.bytes.subarray(offset, offset + size);
  }

  /** Text in a field of fixed size, up to the first zero byte. */
  paddedText(offset: number, size: number): string {
    const field = this.slice(offset, size);
    const end = field.indexOf(0);
    return decodeUtf8(end < 0 ? field : field.subarray(0, end));
  }
}

/** A cursor over a `ByteView`. */
export class ByteReader {
  offset = 0;
  readonly view: ByteView;

  constructor(bytes: Uint8Array, offset = 0) {
    this.view = new ByteView(bytes);
    this.offset = offset;
  }

  get remaining(): number {
    return this.view.length - this.offset;
  }

  #take(size: number): number {
    const at = this.offset;
    if (size > this.remaining) throw new OutOfBounds(at, size, this.remaining);
    this.offset = at + size;
    return at;
  }

  u8(): number {
    return this.view.u8(this.#take(1));
  }
  u16(): number {
    return this.view.u16(this.#take(2));
  }
  u32(): number {
    return this.view.u32(this.#take(4));
  }
  u64(): bigint {
    return this.view.u64(this.#take(8));
  }
  i64(): bigint {
    return this.view.i64(this.#take(8));
  }
  f32(): number {
    return this.view.f32(this.#take(4));
  }
  f64(): number {
    return this.view.f64(this.#take(8));
  }
  bytes(size: number): Uint8Array {
    return this.view.slice(this.#take(size), size);
  }
  skip(size: number): void {
    this.#take(size);
  }
}

/** Decodes UTF-8 (RFC 3629); each ill-formed byte becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  let points: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [point, size] = decodePoint(bytes, at);
    points.push(point);
    at += size;
    // `fromCodePoint` takes its characters as arguments, of which there may not be too many.
    if (points.length === 4096) {
      parts.push(String.fromCodePoint(...points));
      points = [];
    }
  }
  parts.push(String.fromCodePoint(...points));
  return parts.join('');
}

const REPLACEMENT = 0xfffd;

/** One code point and the bytes that it took; an ill-formed byte is one U+FFFD of one byte. */
function decodePoint(bytes: Uint8Array, at: number): [point: number, size: number] {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return [first, 1];
  const size =
    first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (size === 0 || at + size > bytes.length) return [REPLACEMENT, 1];
  let point = first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return [REPLACEMENT, 1];
    point = (point << 6) | (next & 0x3f);
  }
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < least || point > 0x10ffff || surrogate ? [REPLACEMENT, 1] : [point, size];
}

/** Encodes text as UTF-8; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const character of text) {
    let point = character.codePointAt(0) ?? REPLACEMENT;
    if (point >= 0xd800 && point <= 0xdfff) point = REPLACEMENT;
    if (point < 0x80) out.push(point);
    else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else
      out.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 0x3f),
        0x80 | ((point >> 6) & 0x3f),
        0x80 | (point & 0x3f),
      );
  }
  return Uint8Array.from(out);
}

import { ByteReader, decodeUtf8, OutOfBounds } from '../base/bytes.ts';
import { tensorType } from './types.ts';

/**
 * The header of a GGUF file (github.com/ggml-org/ggml, docs/gguf.md), versions 2 and 3: metadata and the list of tensors. Arrays
 * are stepped over, not kept: a vocabulary is of no use to a list of models.
 */
export interface GgufHeader {
  readonly version: number;
  /** Scalars as number, bigint, boolean or string; an array as its length. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the tensors' data begins in the file. */
  readonly dataOffset: number;
}

export type GgufValue = number | bigint | boolean | string | { readonly arrayLength: number };

export interface GgufTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly elements: number;
  /** Name of its type, `type N` for one that is not known. */
  readonly type: string;
  /** In the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** What came of a beginning of a file. */
export type GgufOutcome =
  | { readonly kind: 'header'; readonly header: GgufHeader }
  /** The header goes on: try again with more of the file. */
  | { readonly kind: 'more' }
  /** Not a file that anybody should load: the offset in bytes and the rule that is broken. */
  | { readonly kind: 'bad'; readonly offset: number; readonly rule: string };

const MAGIC = 0x46554747;
const MAX_KEYS = 65_536;
const MAX_TENSORS = 65_536;
const MAX_KEY_BYTES = 65_535;
const MAX_TEXT = 1 << 20;
const MAX_NAME_BYTES = 64;
const DEFAULT_ALIGNMENT = 32;
/** Sizes of the scalar types by their number; string and array have none. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const STRING = 8;
const ARRAY = 9;

class Broken extends Error {
  readonly offset: number;
  readonly rule: string;

  constructor(offset: number, rule: string) {
    super(rule);
    this.offset = offset;
    this.rule = rule;
  }
}

/** Reads the header from the beginning of a file of `fileBytes` bytes. */
export function readGgufHeader(beginning: Uint8Array, fileBytes: number): GgufOutcome {
  const reader = new ByteReader(beginning);
  try {
    return { kind: 'header', header: read(reader, fileBytes) };
  } catch (error) {
    if (error instanceof Broken) return { kind: 'bad', offset: error.offset, rule: error.rule };
    if (!(error instanceof OutOfBounds)) throw error;
    return beginning.length < fileBytes
      ? { kind: 'more' }
      : { kind: 'bad', offset: error.offset, rule: 'the file ends within its header' };
  }
}

function read(reader: ByteReader, fileBytes: number): GgufHeader {
  if (reader.u32() !== MAGIC) throw new Broken(0, 'the file does not begin with GGUF');
  const version = reader.u32();
  if (version !== 2 && version !== 3) throw new Broken(4, `version ${version} is not 2 or 3`);
  const tensorCount = count(reader, fileBytes, MAX_TENSORS, 'tensors');
  const keyCount = count(reader, fileBytes, MAX_KEYS, 'keys');
  const metadata = new Map<string, GgufValue>();
  for (let n = 0; n < keyCount; n++) {
    const at = reader.offset;
    const key = text(reader, fileBytes, MAX_KEY_BYTES, 'a key');
    if (key === '' || metadata.has(key))
      throw new Broken(at, key === '' ? 'a key is empty' : `key ${JSON.stringify(key)} comes twice`);
    metadata.set(key, value(reader, fileBytes));
  }
  const infos = Array.from({ length: tensorCount }, () => tensorInfo(reader, fileBytes));
  const alignment = alignmentOf(metadata);
  const dataOffset = Math.ceil(reader.offset / alignment) * alignment;
  const tensors = infos.map(({ at, offset, ...tensor }) => {
    const absolute = dataOffset + offset;
    if (offset % alignment !== 0)
      throw new Broken(at, `tensor ${tensor.name}: offset ${offset} is not a multiple of ${alignment}`);
    if (absolute + tensor.bytes > fileBytes)
      throw new Broken(at, `tensor ${tensor.name} ends at ${absolute + tensor.bytes}, the file at ${fileBytes}`);
    return { ...tensor, offset: absolute };
  });
  return { version, metadata, tensors, dataOffset };
}

/** A 64-bit count that cannot be larger than what the file could hold. */
function count(reader: ByteReader, fileBytes: number, limit: number, what: string): number {
  const at = reader.offset;
  const found = reader.u64();
  if (found > BigInt(Math.min(limit, fileBytes))) throw new Broken(at, `${found} ${what}; at most ${limit} are read`);
  return Number(found);
}

function text(reader: ByteReader, fileBytes: number, limit: number, what: string): string {
  const at = reader.offset;
  const length = reader.u64();
  if (length > BigInt(fileBytes)) throw new Broken(at, `${what} has ${length} bytes, the file ${fileBytes}`);
  const bytes = reader.bytes(Number(length));
  if (bytes.length > limit) throw new Broken(at, `${what} has ${length} bytes; at most ${limit} are read`);
  return decodeUtf8(bytes);
}

function value(reader: ByteReader, fileBytes: number): GgufValue {
  const at = reader.offset;
  const type = reader.u32();
  if (type === STRING) return text(reader, fileBytes, MAX_TEXT, 'a string');
  if (type === ARRAY) return { arrayLength: skipArray(reader, fileBytes) };
  switch (type) {
    case 0:
      return reader.u8();
    case 1:
      return (reader.u8() << 24) >> 24;
    case 2:
      return reader.u16();
    case 3:
      return (reader.u16() << 16) >> 16;
    case 4:
      return reader.u32();
    case 5:
      return reader.u32() | 0;
    case 6:
      return reader.f32();
    case 7: {
      const flag = reader.u8();
      if (flag > 1) throw new Broken(at, `a boolean is ${flag}`);
      return flag === 1;
    }
    case 10:
      return reader.u64();
    case 11:
      return reader.i64();
    case 12:
      return reader.f64();
    default:
      throw new Broken(at, `value type ${type} does not exist`);
  }
}

function skipArray(reader: ByteReader, fileBytes: number): number {
  const at = reader.offset;
  const type = reader.u32();
  const length = reader.u64();
  if (length > BigInt(fileBytes)) throw new Broken(at, `an array has ${length} elements, the file ${fileBytes} bytes`);
  const elements = Number(length);
  if (type === STRING) {
    for (let n = 0; n < elements; n++) {
      const bytes = reader.u64();
      if (bytes > BigInt(fileBytes))
        throw new Broken(reader.offset - 8, `a string has ${bytes} bytes, the file ${fileBytes}`);
      reader.skip(Number(bytes));
    }
    return elements;
  }
  const size = SCALAR_BYTES[type];
  if (size === undefined)
    throw new Broken(at, type === ARRAY ? 'an array holds arrays' : `element type ${type} does not exist`);
  if (elements * size > fileBytes) throw new Broken(at, `an array has ${elements * size} bytes, the file ${fileBytes}`);
  reader.skip(elements * size);
  return elements;
}

function tensorInfo(reader: ByteReader, fileBytes: number): GgufTensor & { readonly at: number } {
  const at = reader.offset;
  const name = text(reader, fileBytes, MAX_NAME_BYTES, 'the name of a tensor');
  const rank = reader.u32();
  if (rank < 1 || rank > 4) throw new Broken(at, `tensor ${name} has ${rank} dimensions, not 1 to 4`);
  const raw = Array.from({ length: rank }, () => reader.u64());
  const elements = raw.reduce((product, dimension) => product * dimension, 1n);
  if (elements === 0n || elements > 1n << 50n) throw new Broken(at, `tensor ${name} has ${raw.join(' × ')} elements`);
  const id = reader.u32();
  const type = tensorType(id);
  const offset = reader.u64();
  if (offset > BigInt(fileBytes))
    throw new Broken(at, `tensor ${name} begins at ${offset}, behind the end of the file`);
  const dimensions = raw.map(Number);
  const blocks = type === undefined ? 0 : Number(elements) / type.blockElements;
  if (type !== undefined && (dimensions[0] ?? 0) % type.blockElements !== 0) {
    throw new Broken(
      at,
      `tensor ${name}: rows of ${dimensions[0]} do not divide into blocks of ${type.blockElements} (${type.name})`,
    );
  }
  return {
    at,
    name,
    dimensions,
    elements: Number(elements),
    type: type?.name ?? `type ${id}`,
    offset: Number(offset),
    bytes: blocks * (type?.blockBytes ?? 0),
  };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment === 'number' && alignment >= 8 && alignment <= 1 << 20 && (alignment & (alignment - 1)) === 0)
    return alignment;
  throw new Broken(
    0,
    `general.alignment is ${typeof alignment === 'object' ? 'an array' : alignment}, not a power of two from 8 to 2^20`,
  );
}

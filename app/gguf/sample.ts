import { encodeUtf8 } from '../base/bytes.ts';

/** Writes small GGUF files, right ones and wrong ones, for tests. */

export type Entry = [key: string, type: number, value: number | string | string[]];

export interface Tensor {
  readonly name: string;
  readonly dimensions: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}

export interface Sample {
  readonly metadata: readonly Entry[];
  readonly tensors: readonly Tensor[];
  readonly dataBytes: number;
  readonly version?: number;
  /** What the header claims, where it is to lie. */
  readonly tensorCount?: bigint;
  readonly keyCount?: bigint;
}

export function gguf(sample: Sample): Uint8Array {
  const out: number[] = [];
  const u32 = (value: number) => out.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255);
  const u64 = (value: bigint) => {
    u32(Number(BigInt.asUintN(32, value)));
    u32(Number(BigInt.asUintN(32, value >> 32n)));
  };
  const text = (value: string) => {
    const bytes = encodeUtf8(value);
    u64(BigInt(bytes.length));
    out.push(...bytes);
  };
  u32(0x46554747);
  u32(sample.version ?? 3);
  u64(sample.tensorCount ?? BigInt(sample.tensors.length));
  u64(sample.keyCount ?? BigInt(sample.metadata.length));
  for (const [key, type, value] of sample.metadata) {
    text(key);
    u32(type);
    if (Array.isArray(value)) {
      u32(8);
      u64(BigInt(value.length));
      value.forEach(text);
    } else if (typeof value === 'string') text(value);
    else if (type === 7) out.push(value);
    else u32(value);
  }
  for (const tensor of sample.tensors) {
    text(tensor.name);
    u32(tensor.dimensions.length);
    tensor.dimensions.forEach(u64);
    u32(tensor.type);
    u64(tensor.offset);
  }
  while (out.length % 32 !== 0) out.push(0);
  return Uint8Array.from([...out, ...new Uint8Array(sample.dataBytes)]);
}

import { expect, test } from 'vitest';
import { stubCalls } from './stub.ts';

/** Code at 0x1000. */
const memory = (hex: string) => {
  const bytes = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return (address: bigint, size: number) =>
    address >= 0x1000n && address + BigInt(size) <= 0x1000n + BigInt(Math.max(bytes.length, 0x400))
      ? Uint8Array.from({ length: size }, (_, n) => bytes[Number(address - 0x1000n) + n] ?? 0x90)
      : undefined;
};

test('pushes, a jump, and the calls behind it that are functions', () => {
  // push 0; push 3; jmp 0x1010 … cld; call 0x1100; call 0x1203 (in the middle of something); call 0x1200
  const code = '6a00 6a03 e907000000 909090909090 90 fc e8ea000000 e8e8010000 e8e0010000';
  const functions = new Set([0x1100n, 0x1200n]);
  expect(stubCalls(memory(code), 0x1000n, (it) => functions.has(it))).toEqual([0x1100n, 0x1200n]);
});

test('a stub that jumps to itself, and one that is nowhere', () => {
  expect(stubCalls(memory('ebfe'), 0x1000n, () => true)).toEqual([]);
  expect(stubCalls(memory(''), 0x9000_0000n, () => true)).toEqual([]);
});

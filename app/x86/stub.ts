/**
 * Where an interrupt stub leads. Stubs are written in assembler and have no source lines: what a person wants to see is the function
 * that they call. Not a disassembler: it follows the pushes and the jump that stubs are made of, and then takes every CALL whose
 * target is the first byte of a function, which chance hardly makes (Intel SDM Vol. 2 CALL, JMP, PUSH).
 */

const MAX_STEPS = 16;
const MAX_BYTES = 512;
const MAX_CALLS = 4;

export type ReadBytes = (address: bigint, size: number) => Uint8Array | undefined;

/** @returns the functions, in the order of the code; empty where nothing like a stub is there */
export function stubCalls(read: ReadBytes, address: bigint, isFunction: (address: bigint) => boolean): bigint[] {
  const start = followJumps(read, address);
  const bytes = read(start, MAX_BYTES) ?? read(start, 64);
  if (bytes === undefined) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const calls: bigint[] = [];
  for (let at = 0; at + 5 <= bytes.length && calls.length < MAX_CALLS; at++) {
    if (bytes[at] !== 0xe8) continue;
    const target = BigInt.asUintN(64, start + BigInt(at + 5) + BigInt(view.getInt32(at + 1, true)));
    if (isFunction(target) && !calls.includes(target)) calls.push(target);
  }
  return calls;
}

/** Over ENDBR64, pushes and jumps. */
function followJumps(read: ReadBytes, address: bigint): bigint {
  let at = address;
  for (let step = 0; step < MAX_STEPS; step++) {
    const bytes = read(at, 5);
    if (bytes === undefined) return at;
    const [first = 0, second = 0] = bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, 5);
    if (first === 0xe9) at = BigInt.asUintN(64, at + 5n + BigInt(view.getInt32(1, true)));
    else if (first === 0xeb) at = BigInt.asUintN(64, at + 2n + BigInt(view.getInt8(1)));
    else if (first === 0x6a) at += 2n;
    else if (first === 0x68) at += 5n;
    else if (first === 0xf3 && second === 0x0f) at += 4n;
    else return at;
  }
  return at;
}

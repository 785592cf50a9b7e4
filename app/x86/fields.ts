/** The fields of descriptors and gates as bits of a number, to be changed one by one. Intel SDM Vol. 3A §3.4.5, §6.14.1. */
import { type BitField, bit, fieldOf } from './bits.ts';

/** Bits of a segment descriptor, or of the first half of a system one. */
export const DESCRIPTOR_FIELDS: readonly BitField[] = [
  bit('A', 40, 'Accessed; with S = 0 the lowest bit of the type'),
  bit('R/W', 41, 'Code: readable. Data: writable. TSS: busy'),
  bit('C/E', 42, 'Code: conforming. Data: expand-down'),
  bit('X', 43, 'Executable: code'),
  bit('S', 44, 'Segment: 1 code or data, 0 system'),
  bit('DPL', 45, 'Descriptor privilege level', 2),
  bit('P', 47, 'Present'),
  bit('AVL', 52, 'For software'),
  bit('L', 53, '64-bit code'),
  bit('D/B', 54, '32-bit default'),
  bit('G', 55, 'Granularity: limit in units of 4 KiB'),
];

/** Bits of a gate, and of a call gate. */
export const GATE_FIELDS: readonly BitField[] = [
  bit('selector', 16, 'Code segment of the handler', 16),
  bit('IST', 32, 'Interrupt stack; 0 keeps the stack or takes RSP0', 3),
  bit('type', 40, '14 interrupt gate, 15 trap gate', 4),
  bit('S', 44, 'Must be 0'),
  bit('DPL', 45, 'The least privileged ring that may use INT n', 2),
  bit('P', 47, 'Present'),
];

/** Bytes in the order of memory, as hex, to a number and back. */
export function numberOfBytes(hex: string): bigint {
  let value = 0n;
  for (let at = hex.length - 2; at >= 0; at -= 2) value = (value << 8n) | BigInt(`0x${hex.slice(at, at + 2)}`);
  return value;
}

export function bytesOfNumber(value: bigint, bytes: number): string {
  let text = '';
  for (let n = 0; n < bytes; n++) text += ((value >> BigInt(8 * n)) & 0xffn).toString(16).padStart(2, '0');
  return text;
}

/** The bytes with one field set; a value that is too large loses its upper bits. */
export function withField(hex: string, field: BitField, value: bigint): string {
  const all = numberOfBytes(hex);
  const mask = ((1n << BigInt(field.width)) - 1n) << BigInt(field.low);
  return bytesOfNumber((all & ~mask) | ((value << BigInt(field.low)) & mask), hex.length / 2);
}

export function fieldOfBytes(hex: string, field: BitField): bigint {
  return fieldOf(numberOfBytes(hex), field);
}

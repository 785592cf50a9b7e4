/** Which global system interrupts (GSIs, ACPI 6.5 §5.2.13) the pins of IOAPICs and the virtio-mmio devices of a machine have. */
import { ByteView } from '../base/bytes.ts';

export interface IoApicPlace {
  /** Guest-physical address of its registers. */
  readonly address: bigint;
  /** GSI of its first pin. */
  readonly firstInterrupt: number;
}

const MAX_IOAPICS = 16;
const MAX_DEVICES = 256;

/** The IOAPICs of a MADT (§5.2.12.3). An entry that says to be shorter than its own head ends the list. */
export function ioApicsOf(madt: Uint8Array): IoApicPlace[] {
  const view = new ByteView(madt);
  const found: IoApicPlace[] = [];
  for (let at = 44; at + 2 <= madt.length && found.length < MAX_IOAPICS; ) {
    const [kind, length] = [view.u8(at), view.u8(at + 1)];
    if (length < 2 || at + length > madt.length) break;
    if (kind === 1 && length >= 12) found.push({ address: BigInt(view.u32(at + 4)), firstInterrupt: view.u32(at + 8) });
    at += length;
  }
  return found;
}

/** `LNRO0005`. */
const ID = [...'LNRO0005'].map((letter) => letter.charCodeAt(0));
/** Bytes behind the id in which its descriptors are: QEMU needs 50. */
const REACH = 128;
const MEMORY32_FIXED = [0x86, 9, 0];
const EXTENDED_INTERRUPT = [0x89, 6, 0];

/**
 * GSIs of the virtio-mmio devices of a DSDT by the addresses of their registers. Its byte code is not run: behind each hardware id
 * `LNRO0005`, and before the next, a 32-bit fixed memory descriptor and an extended interrupt descriptor with one interrupt are looked for
 * (§6.4.3.4, §6.4.3.6), as our kernel does it.
 */
export function virtioMmioOf(dsdt: Uint8Array): ReadonlyMap<bigint, number> {
  const view = new ByteView(dsdt);
  const found = new Map<bigint, number>();
  for (let at = indexOf(dsdt, ID, 0, dsdt.length); at >= 0 && found.size < MAX_DEVICES; ) {
    const from = at + ID.length;
    const next = indexOf(dsdt, ID, from, dsdt.length);
    const end = Math.min(from + REACH, next < 0 ? dsdt.length : next);
    const memory = indexOf(dsdt, MEMORY32_FIXED, from, end - 9);
    const interrupt = indexOf(dsdt, EXTENDED_INTERRUPT, from, end - 6);
    if (memory >= 0 && interrupt >= 0 && view.u8(interrupt + 4) === 1)
      found.set(BigInt(view.u32(memory + 4)), view.u32(interrupt + 5));
    at = next;
  }
  return found;
}

/** Where a pattern begins that ends before `end`; -1 if nowhere. */
function indexOf(bytes: Uint8Array, pattern: ArrayLike<number>, from: number, end: number): number {
  for (let at = from; at + pattern.length <= end; at++) {
    let n = 0;
    while (n < pattern.length && bytes[at + n] === pattern[n]) n++;
    if (n === pattern.length) return at;
  }
  return -1;
}

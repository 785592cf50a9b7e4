/**
 * The first 256 bytes of a PCI function's configuration space (PCI Local Bus 3.0 §6.1). A guest and its devices have written them: a
 * field beyond the bytes that are there is zero, and a list of capabilities that goes in circles ends.
 */

export const CONFIGURATION_BYTES = 256;
/** 48 capabilities of four bytes fill the space: a longer list is a circle. */
const MAX_CAPABILITIES = 48;
const COMMAND = 4;
const FIRST_BAR = 0x10;
const BARS = 6;
const CAPABILITIES = 0x34;

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** The command register (§6.2.2). */
export interface PciCommand {
  readonly value: number;
  readonly memorySpace: boolean;
  readonly busMaster: boolean;
  readonly intxDisabled: boolean;
}

export function commandOf(space: Uint8Array): PciCommand {
  const value = u16(space, COMMAND);
  return {
    value,
    memorySpace: (value & 2) !== 0,
    busMaster: (value & 4) !== 0,
    intxDisabled: (value & 0x400) !== 0,
  };
}

/** Capabilities in the order of their list (§6.7). */
export function capabilities(space: Uint8Array): { readonly id: number; readonly at: number }[] {
  const found: { id: number; at: number }[] = [];
  for (let at = (space[CAPABILITIES] ?? 0) & ~3; at >= 0x40 && found.length < MAX_CAPABILITIES; ) {
    found.push({ id: space[at] ?? 0, at });
    at = (space[at + 1] ?? 0) & ~3;
  }
  return found;
}

export function capability(space: Uint8Array, id: number): number | undefined {
  return capabilities(space).find((it) => it.id === id)?.at;
}

/** Address of a memory BAR (§6.2.5.1); undefined for an I/O one, one that is not there, and one that was never given an address. */
export function memoryBar(space: Uint8Array, index: number): bigint | undefined {
  if (index >= BARS) return undefined;
  const low = u32(space, FIRST_BAR + 4 * index);
  if ((low & 1) !== 0) return undefined;
  const wide = ((low >> 1) & 3) === 2 && index < BARS - 1;
  const high = wide ? BigInt(u32(space, FIRST_BAR + 4 * (index + 1))) << 32n : 0n;
  const address = high | BigInt((low & ~15) >>> 0);
  return address === 0n ? undefined : address;
}

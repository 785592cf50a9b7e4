/** Message-signalled interrupts of a PCI function: PCI Local Bus 3.0 §6.8; addresses and data: Intel SDM Vol. 3A §11.11. */
import { capability, u16, u32 } from './config-space.ts';

export interface MsiMessage {
  /** Of the table; 0 of plain MSI. */
  readonly entry: number;
  readonly address: bigint;
  readonly data: number;
  readonly masked: boolean;
  /** A message waits for the mask to go (pending bit, §6.8.3.1); false where nobody looked. */
  readonly pending: boolean;
}

export interface MsixCapability {
  readonly enabled: boolean;
  /** Function mask: no entry is sent. */
  readonly masked: boolean;
  readonly entries: number;
  readonly tableBar: number;
  readonly tableOffset: number;
  /** The pending bits. */
  readonly pendingBar: number;
  readonly pendingOffset: number;
}

/** Entries of a table that are looked at: devices here have a handful. */
export const MAX_MSIX_ENTRIES = 64;
export const MSIX_ENTRY_BYTES = 16;

const MSI = 5;
const MSIX = 17;

export function msixOf(space: Uint8Array): MsixCapability | undefined {
  const at = capability(space, MSIX);
  if (at === undefined) return undefined;
  const control = u16(space, at + 2);
  const [table, pending] = [u32(space, at + 4), u32(space, at + 8)];
  return {
    enabled: (control & 0x8000) !== 0,
    masked: (control & 0x4000) !== 0,
    entries: (control & 0x7ff) + 1,
    tableBar: table & 7,
    tableOffset: table - (table & 7),
    pendingBar: pending & 7,
    pendingOffset: pending - (pending & 7),
  };
}

/** Bytes of the table and of the pending bits, as far as they are looked at. */
export function msixBytes({ entries }: Pick<MsixCapability, 'entries'>): {
  readonly table: number;
  readonly pending: number;
} {
  const seen = Math.min(entries, MAX_MSIX_ENTRIES);
  return { table: seen * MSIX_ENTRY_BYTES, pending: Math.ceil(seen / 64) * 8 };
}

/** The message of plain MSI, if it is enabled. */
export function msiOf(space: Uint8Array): MsiMessage | undefined {
  const at = capability(space, MSI);
  if (at === undefined) return undefined;
  const control = u16(space, at + 2);
  if ((control & 1) === 0) return undefined;
  const wide = (control & 0x80) !== 0;
  const high = wide ? BigInt(u32(space, at + 8)) << 32n : 0n;
  const data = u16(space, at + (wide ? 12 : 8));
  return { entry: 0, address: BigInt(u32(space, at + 4)) | high, data, masked: false, pending: false };
}

/** `pending`: the pending bits, as far as they were read. */
export function msixEntries(table: Uint8Array, pending: Uint8Array = new Uint8Array()): MsiMessage[] {
  return Array.from({ length: Math.floor(table.length / MSIX_ENTRY_BYTES) }, (_, entry) => {
    const at = entry * MSIX_ENTRY_BYTES;
    return {
      entry,
      address: BigInt(u32(table, at)) | (BigInt(u32(table, at + 4)) << 32n),
      data: u32(table, at + 8),
      masked: (u32(table, at + 12) & 1) !== 0,
      pending: (((pending[entry >> 3] ?? 0) >> (entry & 7)) & 1) !== 0,
    };
  });
}

/** Which processor and vector a message means; undefined for an address that is none of an interrupt message. */
export function messageOf({
  address,
  data,
}: Pick<MsiMessage, 'address' | 'data'>): { readonly vector: number; readonly destination: number } | undefined {
  if (address >> 20n !== 0xfeen) return undefined;
  return { vector: data & 0xff, destination: Number((address >> 12n) & 0xffn) };
}

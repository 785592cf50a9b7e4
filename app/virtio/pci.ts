/** A virtio device's PCI configuration space and its MSI-X table, as bytes and as meaning. */
import type { MsixEntry, VirtioPci } from '../contract/inspect/virtio.ts';
import { readU16, readU32, readU64 } from './memory.ts';

/** Bytes of a configuration space that `decodePci` wants, and of an MSI-X table. */
export const CONFIGURATION_BYTES = 256;
export const MAX_MSIX_ENTRIES = 64;
const VIRTIO_VENDOR = 0x1af4;

export interface PciPlaces {
  /** Guest-physical; null where it has none or memory space is off. */
  readonly msixTable: { readonly at: bigint; readonly entries: number; readonly pendingAt: bigint } | null;
  /** The common configuration structure (§4.1.4.3). */
  readonly commonAt: bigint | null;
}

/** Where the structures lie that the capabilities name: PCI Local Bus 3.0 §6.7, virtio 1.2 §4.1.4. */
export function pciPlaces(space: Uint8Array): PciPlaces | undefined {
  if (space.length < CONFIGURATION_BYTES || readU16(space, 0) !== VIRTIO_VENDOR) return undefined;
  let msixTable: PciPlaces['msixTable'] = null;
  let commonAt: bigint | null = null;
  for (const { id, at } of capabilities(space)) {
    if (id === 0x11) {
      const [table, pending] = [readU32(space, at + 4), readU32(space, at + 8)];
      const [tableBar, pendingBar] = [barOf(space, table & 7), barOf(space, pending & 7)];
      const entries = Math.min((readU16(space, at + 2) & 0x7ff) + 1, MAX_MSIX_ENTRIES);
      if (tableBar !== undefined && pendingBar !== undefined)
        msixTable = { at: tableBar + offsetOf(table), entries, pendingAt: pendingBar + offsetOf(pending) };
    }
    // cfg_type 1 is the common configuration.
    if (id === 0x09 && space[at + 3] === 1) {
      const bar = barOf(space, space[at + 4] ?? 0);
      if (bar !== undefined) commonAt = bar + BigInt(readU32(space, at + 8));
    }
  }
  return (readU16(space, 4) & 2) === 0 ? { msixTable: null, commonAt: null } : { msixTable, commonAt };
}

/** Where in its BAR a structure lies, of the word that also names the BAR (PCI Local Bus 3.0 §6.8.2.4). */
const offsetOf = (word: number) => BigInt((word & ~7) >>> 0);

function capabilities(space: Uint8Array): { id: number; at: number }[] {
  const found: { id: number; at: number }[] = [];
  // 48 capabilities of four bytes fill the space: a longer list is a circle.
  for (let at = (space[0x34] ?? 0) & ~3; at >= 0x40 && found.length < 48; at = (space[at + 1] ?? 0) & ~3)
    found.push({ id: space[at] ?? 0, at });
  return found;
}

/** Address of a memory BAR; undefined for an I/O one, one that is not there, and one that was never given an address. */
function barOf(space: Uint8Array, index: number): bigint | undefined {
  if (index > 5) return undefined;
  const low = readU32(space, 0x10 + 4 * index);
  if ((low & 1) !== 0) return undefined;
  const wide = ((low >> 1) & 3) === 2 && index < 5;
  const address = (wide ? BigInt(readU32(space, 0x14 + 4 * index)) << 32n : 0n) | BigInt((low & ~15) >>> 0);
  return address === 0n ? undefined : address;
}

/**
 * 16-bit fields of the common configuration (§4.1.4.3) that are read, each by itself: QEMU answers a wider read with one field alone.
 * None of these reads changes anything in the device.
 */
export const COMMON_FIELDS = { configVector: 16n, selectedQueue: 22n, selectedVector: 26n } as const;

export type CommonFields = { readonly [field in keyof typeof COMMON_FIELDS]: number | null };

export function decodePci(
  space: Uint8Array,
  table: Uint8Array | undefined,
  pending: Uint8Array | undefined,
  common: CommonFields | undefined,
): VirtioPci {
  const command = readU16(space, 4);
  const msix = capabilities(space).find(({ id }) => id === 0x11);
  const control = msix === undefined ? 0 : readU16(space, msix.at + 2);
  return {
    command,
    memorySpace: (command & 2) !== 0,
    busMaster: (command & 4) !== 0,
    intxDisabled: (command & 0x400) !== 0,
    msix:
      msix === undefined
        ? null
        : {
            enabled: (control & 0x8000) !== 0,
            functionMasked: (control & 0x4000) !== 0,
            entries: Array.from({ length: Math.floor((table?.length ?? 0) / 16) }, (_, index) =>
              decodeEntry(table ?? space, index, pending),
            ),
          },
    configVector: common?.configVector ?? null,
    selectedQueue: common?.selectedQueue ?? null,
    selectedVector: common?.selectedVector ?? null,
  };
}

/** Intel SDM Vol. 3A §11.11: the address says which processor, the data which vector. */
function decodeEntry(table: Uint8Array, index: number, pending: Uint8Array | undefined): MsixEntry {
  const at = index * 16;
  const address = readU64(table, at);
  const data = readU32(table, at + 8);
  const isMessage = address >> 20n === 0xfeen;
  return {
    index,
    masked: ((table[at + 12] ?? 0) & 1) !== 0,
    pending: (((pending?.[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
    address: `0x${address.toString(16)}`,
    data,
    vector: isMessage ? data & 0xff : null,
    destination: isMessage ? Number((address >> 12n) & 0xffn) : null,
  };
}

/** The bytes of HMP's `xp /Nxw ADDRESS`; undefined where it could not read them. */
export function parseWords(text: string, words: number): Uint8Array | undefined {
  const bytes = new Uint8Array(words * 4);
  let at = 0;
  for (const line of text.split('\n')) {
    const found = /^[0-9a-f]{8,16}:((?: 0x[0-9a-f]{8})+)\s*$/.exec(line.trim());
    for (const word of found?.[1]?.trim().split(' ') ?? []) {
      if (at + 4 > bytes.length) return undefined;
      new DataView(bytes.buffer).setUint32(at, Number(word), true);
      at += 4;
    }
  }
  return at === bytes.length ? bytes : undefined;
}

/** The value of HMP's `xp /1xh ADDRESS`. */
export function parseHalf(text: string): number | null {
  const digits = /^[0-9a-f]{8,16}: 0x([0-9a-f]{4})\s*$/.exec(text.trim())?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

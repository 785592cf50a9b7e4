/** A virtio device's PCI configuration space and its MSI-X table, as meaning. */
import type { MsixEntry, VirtioPci } from '../contract/inspect/virtio.ts';
import { CONFIGURATION_BYTES, capabilities, commandOf, memoryBar, u16, u32 } from '../pci/config-space.ts';
import { type MsiMessage, messageOf, msixBytes, msixEntries, msixOf } from '../pci/msix.ts';

export const VIRTIO_VENDOR = 0x1af4;
const VENDOR_SPECIFIC = 9;
/** `cfg_type` of the common configuration. */
const COMMON = 1;

export interface PciPlaces {
  /** Guest-physical; null where it has none or memory space is off. Sizes in bytes, as far as it is looked at. */
  readonly msixTable: {
    readonly at: bigint;
    readonly bytes: number;
    readonly pendingAt: bigint;
    readonly pendingBytes: number;
  } | null;
  /** The common configuration structure (§4.1.4.3). */
  readonly commonAt: bigint | null;
}

/** Where the structures lie that the capabilities name: PCI Local Bus 3.0 §6.7, virtio 1.2 §4.1.4. */
export function pciPlaces(space: Uint8Array): PciPlaces | undefined {
  if (space.length < CONFIGURATION_BYTES || u16(space, 0) !== VIRTIO_VENDOR) return undefined;
  if (!commandOf(space).memorySpace) return { msixTable: null, commonAt: null };
  const common = capabilities(space).find(({ id, at }) => id === VENDOR_SPECIFIC && space[at + 3] === COMMON);
  const commonBar = common === undefined ? undefined : memoryBar(space, space[common.at + 4] ?? 0);
  return {
    msixTable: tablePlace(space),
    commonAt: common === undefined || commonBar === undefined ? null : commonBar + BigInt(u32(space, common.at + 8)),
  };
}

function tablePlace(space: Uint8Array): PciPlaces['msixTable'] {
  const msix = msixOf(space);
  if (msix === undefined) return null;
  const [tableBar, pendingBar] = [memoryBar(space, msix.tableBar), memoryBar(space, msix.pendingBar)];
  if (tableBar === undefined || pendingBar === undefined) return null;
  const { table, pending } = msixBytes(msix);
  return {
    at: tableBar + BigInt(msix.tableOffset),
    bytes: table,
    pendingAt: pendingBar + BigInt(msix.pendingOffset),
    pendingBytes: pending,
  };
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
  from: VirtioPci['from'] = 'ecam',
): VirtioPci {
  const { value, ...command } = commandOf(space);
  const msix = msixOf(space);
  return {
    from,
    command: value,
    ...command,
    msix:
      msix === undefined
        ? null
        : {
            enabled: msix.enabled,
            functionMasked: msix.masked,
            entries: table === undefined ? [] : entriesOf(msixEntries(table, pending)),
          },
    configVector: common?.configVector ?? null,
    selectedQueue: common?.selectedQueue ?? null,
    selectedVector: common?.selectedVector ?? null,
    unknown: [],
  };
}

export function entriesOf(messages: readonly MsiMessage[]): MsixEntry[] {
  return messages.map((it) => ({
    index: it.entry,
    masked: it.masked,
    pending: it.pending,
    address: `0x${it.address.toString(16)}`,
    data: it.data,
    vector: messageOf(it)?.vector ?? null,
    destination: messageOf(it)?.destination ?? null,
    logical: messageOf(it) !== undefined && (it.address & 4n) !== 0n,
  }));
}

const either = (value: boolean | null, yes: string, no: string) => (value === null ? 'not known' : value ? yes : no);

/** What the command register lets the device do: `0x0107, bus master on, memory on, INTx allowed`. */
export function commandText({ command, busMaster, memorySpace, intxDisabled }: VirtioPci): string {
  return [
    ...(command === null ? [] : [`0x${command.toString(16).padStart(4, '0')}`]),
    `bus master ${either(busMaster, 'on', 'OFF')}`,
    `memory ${either(memorySpace, 'on', 'off')}`,
    `INTx ${either(intxDisabled, 'disabled', 'allowed')}`,
  ].join(', ');
}

export function msixText({ msix, from }: VirtioPci): string {
  if (msix === null) return from === 'map' ? 'no table in memory' : 'none';
  const whole = msix.functionMasked === true ? ', function masked' : '';
  return `${either(msix.enabled, 'enabled', 'disabled')}${whole}`;
}

/** Where it was read, where that is not what everybody expects. */
export function originText({ from }: VirtioPci): string {
  if (from === 'ports') return 'the ports 0xCF8 and 0xCFC';
  return from === 'map' ? "QEMU's memory map" : '';
}

/** What an entry sends, and to whom: `vector 0x24 to APIC 0`. */
export function messageText({ vector, destination, logical }: MsixEntry): string {
  if (vector === null || destination === null) return 'no message';
  const whom = logical ? `logical destination 0x${destination.toString(16)}` : `APIC ${destination}`;
  return `vector 0x${vector.toString(16)} to ${whom}`;
}

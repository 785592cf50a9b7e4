import type { VirtioPci } from '../../../../app/contract/inspect/virtio.ts';
import { placeText } from '../../../../app/pci/bridges.ts';
import { MAX_MSIX_ENTRIES, MSIX_ENTRY_BYTES, msixEntries } from '../../../../app/pci/msix.ts';
import { type CommonFields, entriesOf } from '../../../../app/virtio/pci.ts';
import { type PciFunction, parsePci, rangeOf } from '../../../../app/wire/qemu-irq.ts';
import { type FlatRange, parseBusMasters, parseFlatView } from '../../../../app/wire/qemu-mtree.ts';
import { readBytes } from '../pci-config.ts';
import type { InspectTarget } from '../target.ts';

/** What QEMU's memory map tells of PCI functions whose configuration space nobody shows: on i440fx, while the machine runs. */
export interface PciMap {
  readonly functions: readonly PciFunction[];
  readonly ranges: readonly FlatRange[];
  /** Which devices reach memory, by QEMU's names of their types: true, false, or null where some of a type do and others do not. */
  readonly masters: ReadonlyMap<string, boolean | null>;
}

export async function readPciMap(target: InspectTarget): Promise<PciMap> {
  const [pci, mtree] = await Promise.all([target.monitor('info pci'), target.monitor('info mtree -f')]);
  return {
    functions: pci.ok ? parsePci(pci.value) : [],
    ranges: mtree.ok ? parseFlatView(mtree.value) : [],
    masters: mtree.ok ? parseBusMasters(mtree.value) : new Map(),
  };
}

const NOT_MAPPED = [0xffff_ffffn, 0xffff_ffff_ffff_ffffn];
const UNKNOWN =
  'whether MSI-X is on, whether all of it is masked, and whether the pin is off: this machine shows configuration space through ports (0xCF8, 0xCFC) only, which are read while it stands still. Pause it and look again';

/** @param type of the device, as QEMU names it: `virtio-blk-pci` */
export async function pciOfMap(
  target: InspectTarget,
  { functions, ranges, masters }: PciMap,
  location: string,
  type: string,
  readCommon: (at: bigint) => Promise<CommonFields>,
): Promise<VirtioPci | null> {
  const own = functions.find((it) => placeText(it.bus, it) === location);
  if (own === undefined) return null;
  const named = (name: string) => rangeOf(ranges, own, functions, name);
  const [table, pending, common] = ['msix-table', 'msix-pba', 'virtio-pci-common'].map(named);
  const bytes = Math.min(Number(table?.bytes ?? 0n), MAX_MSIX_ENTRIES * MSIX_ENTRY_BYTES);
  const [entries, bits, fields] = await Promise.all([
    table === undefined ? undefined : readBytes(target, table.start, bytes),
    pending === undefined ? undefined : readBytes(target, pending.start, Math.min(Number(pending.bytes), 8)),
    common === undefined ? undefined : readCommon(common.start),
  ]);
  const isMapped = [...own.bars.values()].some((at) => !NOT_MAPPED.includes(at));
  return {
    from: 'map',
    command: null,
    memorySpace: isMapped ? true : null,
    busMaster: masters.get(type) ?? null,
    intxDisabled: null,
    msix:
      entries === undefined
        ? null
        : { enabled: null, functionMasked: null, entries: entriesOf(msixEntries(entries, bits)) },
    configVector: fields?.configVector ?? null,
    selectedQueue: fields?.selectedQueue ?? null,
    selectedVector: fields?.selectedVector ?? null,
    unknown: [UNKNOWN],
  };
}

/** The place that `00:04.0` names. */
export function placeOf(location: string) {
  const [, bus = '', device = '', part = ''] = /^([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(location) ?? [];
  return bus === ''
    ? undefined
    : { bus: Number.parseInt(bus, 16), device: Number.parseInt(device, 16), function: Number(part) };
}

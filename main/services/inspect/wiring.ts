import { findRootPointer, type ReadPhysical, readTables } from '../../../app/acpi/tables.ts';
import { type IoApicPlace, ioApicsOf, virtioMmioOf } from '../../../app/acpi/wiring.ts';
import { interruptWithoutAcpi, parseMmioTransports } from '../../../app/wire/qemu-mmio.ts';
import {
  ioApicPaths,
  MACHINE,
  parseQomList,
  parseQomNumber,
  parseQomText,
  UNATTACHED,
} from '../../../app/wire/qemu-qom.ts';
import { readBytes } from './pci-config.ts';
import type { InspectTarget } from './target.ts';

/** What leads where in a machine: set by QEMU and told by firmware, so it stays. */
export interface Wiring {
  /** In the order in which QEMU prints them; empty where it is not known which is where, or where there is one, which needs no place. */
  readonly ioapics: readonly (IoApicPlace & { readonly from: 'acpi' | 'order' })[];
  /** Devices without PCI by their global system interrupts. */
  readonly lines: ReadonlyMap<number, string>;
}

/** Firmware may not have written its tables yet: they are looked for again, but not forever. */
const MAX_TRIES = 8;

export class WiringReader {
  readonly #target: InspectTarget;
  #tables: Promise<ReadonlyMap<string, Uint8Array>> | undefined;
  #tries = 0;
  #addresses: readonly bigint[] = [];
  #isMicrovm: boolean | undefined;

  constructor(target: InspectTarget) {
    this.#target = target;
  }

  /** Devices on virtio-mmio, which a microvm alone has, and their interrupts. */
  async lines(): Promise<Wiring['lines']> {
    this.#isMicrovm ??= (await this.#text('type')) === 'microvm-machine';
    if (!this.#isMicrovm) return new Map();
    const tree = await this.#target.monitor('info qtree');
    const transports = tree.ok ? parseMmioTransports(tree.value).filter(({ device }) => device !== '') : [];
    if (transports.length === 0) return new Map();
    const acpi = await this.#text('acpi');
    const dsdt = acpi === 'off' ? undefined : (await this.#acpi()).get('DSDT');
    const told = dsdt === undefined ? undefined : virtioMmioOf(dsdt);
    return new Map(
      transports.flatMap(({ address, device }) => {
        const gsi = acpi === 'off' ? interruptWithoutAcpi(address) : told?.get(address);
        return gsi === undefined ? [] : [[gsi, device] as const];
      }),
    );
  }

  /** @param pins how many each of them has, as QEMU prints them */
  async ioapics(pins: readonly number[]): Promise<Wiring['ioapics']> {
    if (pins.length < 2) return [];
    if (this.#addresses.length !== pins.length) this.#addresses = await this.#findAddresses();
    const addresses = this.#addresses;
    // Others than those that were found: nobody knows then which is which.
    if (addresses.length !== pins.length) return [];
    const madt = (await this.#acpi()).get('APIC');
    const told = madt === undefined ? [] : ioApicsOf(madt);
    return addresses.map((address) => {
      const own = told.find((it) => it.address === address);
      if (own !== undefined) return { ...own, from: 'acpi' };
      // As QEMU wires them: those at lower addresses come first, without a gap.
      const firstInterrupt = pins.reduce((sum, count, n) => sum + ((addresses[n] ?? 0n) < address ? count : 0), 0);
      return { address, firstInterrupt, from: 'order' };
    });
  }

  /** Of all IOAPICs, in the order in which QEMU prints them; fewer if it does not tell of all. */
  async #findAddresses(): Promise<bigint[]> {
    const [machine, unattached] = await Promise.all([this.#list(MACHINE), this.#list(`${MACHINE}/${UNATTACHED}`)]);
    const paths = ioApicPaths(machine, unattached);
    const asked = await Promise.all(paths.map((path) => this.#target.monitor(`qom-get ${path}/ioapic[0] addr`)));
    return asked.flatMap((it) => (it.ok ? (parseQomNumber(it.value) ?? []) : []));
  }

  async #acpi(): Promise<ReadonlyMap<string, Uint8Array>> {
    if (this.#tables === undefined && this.#tries >= MAX_TRIES) return new Map();
    this.#tables ??= this.#findTables();
    const tables = await this.#tables;
    if (tables.size === 0) this.#tables = undefined;
    return tables;
  }

  async #findTables(): Promise<ReadonlyMap<string, Uint8Array>> {
    this.#tries += 1;
    const root = await findRootPointer(this.#read);
    return root === undefined ? new Map() : readTables(this.#read, root);
  }

  /** Through QEMU: a microvm shows its firmware where the RAM file has RAM. */
  readonly #read: ReadPhysical = async (address, bytes) => {
    const read = await readBytes(this.#target, address, bytes);
    return read.length === bytes ? read : undefined;
  };

  async #list(path: string) {
    const answer = await this.#target.monitor(`qom-list ${path}`);
    return answer.ok ? parseQomList(answer.value) : [];
  }

  async #text(property: string) {
    const answer = await this.#target.monitor(`qom-get ${MACHINE} ${property}`);
    return answer.ok ? parseQomText(answer.value) : undefined;
  }
}

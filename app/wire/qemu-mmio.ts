/** Devices on virtio-mmio, from QEMU's `info qtree` (7.2). */

const MAX_LINES = 20_000;
const MAX_TRANSPORTS = 256;

export interface MmioTransport {
  /** Guest-physical address of its registers. */
  readonly address: bigint;
  /** `net0, virtio-net-device`; empty where nothing is plugged in. */
  readonly device: string;
}

/** All transports of a machine, those without a device too. */
export function parseMmioTransports(text: string): MmioTransport[] {
  const transports: { address: bigint | undefined; device: string }[] = [];
  for (const line of text.split(/\r?\n/, MAX_LINES)) {
    const [, type = '', id = ''] = /^\s*dev: ([\w-]{1,64}), id "([^"]{0,64})"/.exec(line) ?? [];
    if (type === 'virtio-mmio' && transports.length < MAX_TRANSPORTS)
      transports.push({ address: undefined, device: '' });
    const current = transports.at(-1);
    const registers = /^\s*mmio ([0-9a-f]{1,16})\//.exec(line)?.[1];
    if (current === undefined) continue;
    if (registers !== undefined) current.address ??= BigInt(`0x${registers}`);
    if (/^virtio-.+-device$/.test(type) && current.device === '') current.device = id === '' ? type : `${id}, ${type}`;
  }
  return transports.flatMap(({ address, device }) => (address === undefined ? [] : [{ address, device }]));
}

/** Where `microvm` puts its transports, and the interrupt of the first if nobody tells: hw/i386/microvm.c. */
const MICROVM = { base: 0xfeb0_0000n, bytes: 512n, withoutAcpi: 5 };

/** The interrupt of a transport of a microvm without ACPI, which has eight of them and one IOAPIC. */
export function interruptWithoutAcpi(address: bigint): number | undefined {
  const offset = address - MICROVM.base;
  const number = Number(offset / MICROVM.bytes);
  return offset >= 0n && offset % MICROVM.bytes === 0n && number < 8 ? MICROVM.withoutAcpi + number : undefined;
}

import { CONFIGURATION_BYTES, u16 } from '../../../app/pci/config-space.ts';
import { configurationBytes, PCI_CONFIGURATION, type PciPlace } from '../../../app/pci/ports.ts';
import { parseWords } from '../../../app/wire/qemu-irq.ts';
import type { InspectTarget } from './target.ts';

export interface Configuration {
  readonly bytes: Uint8Array;
  readonly from: 'ecam' | 'ports';
}

/**
 * A function's configuration space: from memory where the machine shows it there (ECAM), else through ports, which QEMU's monitor can use
 * while the machine stands still. Undefined where there is neither.
 * @param ecam where the machine shows it, if it does
 * @param vendor whose function it is: elsewhere there is something else at that address, or nothing
 */
export async function readConfiguration(
  target: InspectTarget,
  { bus, device, function: part }: PciPlace,
  ecam: bigint | null,
  vendor: number,
): Promise<Configuration | undefined> {
  const shown =
    ecam === null
      ? undefined
      : await readBytes(target, ecam + BigInt((bus << 20) | (device << 15) | (part << 12)), CONFIGURATION_BYTES);
  if (shown?.length === CONFIGURATION_BYTES && u16(shown, 0) === vendor) return { bytes: shown, from: 'ecam' };
  const answer = await target.query(PCI_CONFIGURATION, { bus, device, function: part });
  const bytes = answer.ok ? configurationBytes(answer.value) : undefined;
  return bytes === undefined || u16(bytes, 0) !== vendor ? undefined : { bytes, from: 'ports' };
}

/** As many of the bytes as QEMU can read; of device memory too, which nothing else here reads. */
export async function readBytes(target: InspectTarget, address: bigint, bytes: number): Promise<Uint8Array> {
  const answer = await target.monitor(`xp /${bytes >> 2}xw 0x${address.toString(16)}`);
  return answer.ok ? parseWords(answer.value) : new Uint8Array();
}

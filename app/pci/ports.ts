/**
 * Configuration space through the ports 0xCF8 and 0xCFC (PCI Local Bus 3.0 §3.2.2.3.2, mechanism #1), which a machine without ECAM has
 * alone. The address port is the guest's: whoever reads this way does so while no processor runs, and puts back what stood there.
 */
import { fail, ok, type Result } from '../base/result.ts';
import { CONFIGURATION_BYTES, u16, u32 } from './config-space.ts';

/** The question as the targets of `inspect` know it; its arguments are a `PciPlace`, its answer a `PciConfiguration`. */
export const PCI_CONFIGURATION = 'pci-configuration';

export interface PciPlace {
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

export interface PciConfiguration {
  /** `CONFIGURATION_BYTES` in hex. What was not read is zero: see `WORDS`. */
  readonly bytes: string;
}

export function isPciPlace(args: Readonly<Record<string, unknown>>): args is Readonly<Record<keyof PciPlace, number>> {
  const { bus, device, function: part, ...rest } = args;
  const fits = (value: unknown, most: number) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most;
  return fits(bus, 255) && fits(device, 31) && fits(part, 7) && Object.keys(rest).length === 0;
}

const ADDRESS_PORT = '0xcf8';
const DATA_PORT = '0xcfc';
const ENABLE = 0x8000_0000;
/** Identity, command and status, header type, BARs, the list of capabilities. */
const HEADER = [0, 4, 0xc, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x34];
const HAS_LIST = 0x10;
const MAX_CAPABILITIES = 48;
/**
 * Words of a capability that are read beyond its first, by its id. No others: behind some of them is a window into a BAR, where reading is
 * doing (virtio 1.2 §4.1.4.9, `pci_cfg_data` at offset 16).
 */
const WORDS: Readonly<Record<number, readonly number[]>> = { 5: [4, 8, 12], 9: [4, 8, 12], 17: [4, 8] };

/** What is asked of QEMU's monitor, one line after the other. */
export type AskLine = (line: string) => Promise<Result<string>>;

/** The line that puts the address port back. */
export function restoreLine(address: number): string {
  return `o /w ${ADDRESS_PORT} 0x${address.toString(16)}`;
}

/** What stands in the address port. */
export async function addressPort(ask: AskLine): Promise<Result<number>> {
  return port(await ask(`i /w ${ADDRESS_PORT}`));
}

/** Reads what is decoded here of a function's first 256 bytes. The address port is put back whatever happens. */
export async function readThroughPorts(ask: AskLine, place: PciPlace): Promise<Result<PciConfiguration>> {
  const before = await addressPort(ask);
  if (!before.ok) return before;
  // Where there is no such port, nobody answers: all ones. Its lowest bits are always zero (§3.2.2.3.2).
  if ((before.value & 3) !== 0)
    return fail('no-ports', 'This machine has no ports for PCI.', `0xcf8 reads as 0x${before.value.toString(16)}`, '');
  try {
    return await readWords(ask, place);
  } finally {
    await ask(restoreLine(before.value));
  }
}

async function readWords(ask: AskLine, { bus, device, function: part }: PciPlace): Promise<Result<PciConfiguration>> {
  const space = new Uint8Array(CONFIGURATION_BYTES);
  const base = (ENABLE | (bus << 16) | (device << 11) | (part << 8)) >>> 0;
  const read = async (offset: number): Promise<Result<void>> => {
    // The monitor answers in order: nobody waits in between.
    const [chosen, data] = await Promise.all([ask(restoreLine((base | offset) >>> 0)), ask(`i /w ${DATA_PORT}`)]);
    if (!chosen.ok) return chosen;
    const value = port(data);
    if (!value.ok) return value;
    for (let n = 0; n < 4; n++) space[offset + n] = (value.value >>> (8 * n)) & 0xff;
    return ok();
  };
  for (const offset of HEADER) {
    const done = await read(offset);
    if (!done.ok) return done;
    if (offset === 0 && u32(space, 0) === 0xffff_ffff)
      return fail('no-function', 'There is no PCI function.', 'nobody answers at its place', '');
  }
  let at = (u16(space, 6) & HAS_LIST) === 0 ? 0 : (space[0x34] ?? 0) & ~3;
  for (let n = 0; at >= 0x40 && n < MAX_CAPABILITIES; n++) {
    const done = await read(at);
    if (!done.ok) return done;
    for (const offset of WORDS[space[at] ?? 0] ?? []) {
      if (at + offset >= CONFIGURATION_BYTES) break;
      const more = await read(at + offset);
      if (!more.ok) return more;
    }
    at = (space[at + 1] ?? 0) & ~3;
  }
  return ok({ bytes: Array.from(space, (byte) => byte.toString(16).padStart(2, '0')).join('') });
}

/** `portl[0x0cf8] = 0x80002054` (monitor/misc.c of QEMU 7.2). */
function port(answer: Result<string>): Result<number> {
  if (!answer.ok) return answer;
  const digits = /^portl\[0x[0-9a-f]{4}\] = 0x([0-9a-f]{8})$/.exec(answer.value.trim())?.[1];
  return digits === undefined
    ? fail('no-ports', 'QEMU does not show its ports.', answer.value.trim().slice(0, 80), '')
    : ok(Number.parseInt(digits, 16));
}

/** The bytes of an answer; undefined if it is none. */
export function configurationBytes(answer: unknown): Uint8Array | undefined {
  const text = typeof answer === 'object' && answer !== null && 'bytes' in answer ? answer.bytes : undefined;
  if (typeof text !== 'string' || !/^[0-9a-f]*$/.test(text) || text.length !== 2 * CONFIGURATION_BYTES)
    return undefined;
  return Uint8Array.from({ length: CONFIGURATION_BYTES }, (_, n) => Number.parseInt(text.slice(2 * n, 2 * n + 2), 16));
}

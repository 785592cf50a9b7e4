import { ByteView } from '../../../app/base/bytes.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import { ABI_VERSION, HEADER_BYTES, RECORDS, type RecordKind } from '../../../app/wire/abi/index.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import type { GuestRam } from './guest-ram.ts';

/** Copies of a record that are looked at: firmware leaves the image file lying about in memory. */
const MAX_COPIES = 64;
/** Offset of `entry_tsc` in the boot report: zero in an image that never ran. */
const ENTRY_TSC = 24;

/** Where the kernel's image lies in guest-physical memory, told by a virtual address. */
export interface KernelPlace {
  /** Guest-physical address of a virtual address of the image. */
  readonly physicalOf: (address: bigint) => bigint | undefined;
}

/**
 * Finds the running kernel's image. QEMU loads it where the ELF file says; firmware loads it anywhere. There the boot report is
 * found by its magic, and of several copies the one that runs is the one whose entry is stamped and whose other records lie at
 * the same distances as in the ELF file.
 */
export function locateKernel(ram: GuestRam, elf: Elf): Result<KernelPlace> {
  const boot = elf.symbol(RECORDS.boot.symbol)?.address;
  if (boot === undefined) {
    return fail(
      'no-records',
      'This kernel publishes no records.',
      `the image has no symbol ${RECORDS.boot.symbol}`,
      'Inspect a kernel that was built with `ring0 build`.',
    );
  }
  const loaded = elf.physicalOf(boot);
  if (loaded !== undefined && isLive(ram, elf, boot, loaded))
    return ok({ physicalOf: (address) => elf.physicalOf(address) });
  // Firmware loads images at whole pages: the place within the page stays.
  const magic = Buffer.from(RECORDS.boot.magic, 'latin1');
  let copies = 0;
  for (const copy of ram.findInPages(magic, Number(boot & 0xfffn))) {
    if (isLive(ram, elf, boot, copy)) return ok({ physicalOf: (address) => copy + (address - boot) });
    if (++copies >= MAX_COPIES) break;
  }
  return fail(
    'kernel-not-found',
    'The kernel is not in memory yet.',
    'no stamped boot report was found in guest RAM',
    'Wait until the kernel has started; if it runs, build it again so that image and studio agree.',
  );
}

/** Whether all records lie around a boot report at `physical`, and whether that one has been entered. */
function isLive(ram: GuestRam, elf: Elf, boot: bigint, physical: bigint): boolean {
  const report = ram.read(physical, ENTRY_TSC + 8);
  if (report === undefined || new ByteView(report).u64(ENTRY_TSC) === 0n) return false;
  return Object.values(RECORDS).every(({ symbol, magic }) => {
    const address = elf.symbol(symbol)?.address;
    if (address === undefined) return true;
    const header = ram.read(physical + (address - boot), HEADER_BYTES);
    if (header === undefined) return false;
    const view = new ByteView(header);
    return view.paddedText(0, 8) === magic && view.u32(8) === ABI_VERSION;
  });
}

/** The bytes of a record: `size` of them, or what `sizeOf` makes of its header. */
export function readRecord(
  ram: GuestRam,
  elf: Elf,
  place: KernelPlace,
  kind: RecordKind,
  size: number,
  sizeOf?: (header: Uint8Array) => Result<number>,
): Result<Uint8Array> {
  const { symbol } = RECORDS[kind];
  const address = elf.symbol(symbol)?.address;
  const physical = address === undefined ? undefined : place.physicalOf(address);
  const header = physical === undefined ? undefined : ram.read(physical, size);
  if (physical === undefined || header === undefined) {
    return fail(
      'no-record',
      `The kernel's ${kind} record cannot be found.`,
      `symbol ${symbol} leads to no memory`,
      'Build the kernel again and start it.',
    );
  }
  if (sizeOf === undefined) return ok(header);
  const whole = sizeOf(header);
  if (!whole.ok) return whole;
  const bytes = ram.read(physical, whole.value);
  return bytes === undefined
    ? fail(
        'no-record',
        `The kernel's ${kind} record is cut off.`,
        `${whole.value} bytes at 0x${physical.toString(16)} are not all RAM`,
        'Build the kernel again and start it.',
      )
    : ok(bytes);
}

import { formatAddress, parseAddress } from '../../../app/base/address.ts';
import { ByteView } from '../../../app/base/bytes.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import { HEADER_BYTES, isRecord, RECORDS, type RecordKind } from '../../../app/wire/abi/index.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import type { GuestMemory } from '../../../app/x86/memory.ts';
import { type PagingRegisters, pagingRegisters, readLinear } from '../../../app/x86/paging.ts';
import type { ScannableMemory } from './target.ts';

/** Copies of a record that are looked at: firmware leaves the image file lying about in memory. */
const MAX_COPIES = 64;
/** Records by which the image is looked for: the second where the first is broken. */
const ANCHORS = ['boot', 'drivers'] as const;
/** Offset of `entry_tsc` in the boot report: zero in an image that never ran. */
const ENTRY_TSC = 24;

/** What the first processor tells about where the kernel is. */
export interface ProcessorPlace extends PagingRegisters {
  readonly rip: bigint;
}

/** Undefined if one of the registers is not there. */
export function processorPlace(processor: ProcessorRegisters | undefined): ProcessorPlace | undefined {
  const values = processor?.values ?? {};
  const paging = pagingRegisters(values);
  const rip = parseAddress(values.rip ?? values.eip ?? '');
  return paging === undefined || rip === undefined ? undefined : { ...paging, rip };
}

/** The running kernel's memory by the addresses of its ELF file. */
export interface KernelMemory {
  /** Undefined if not all of the bytes are there. */
  readonly read: (address: bigint, size: number) => Uint8Array | undefined;
}

/**
 * Finds the running kernel's image: where the processor itself finds it, by its page tables. Where these lead nowhere although the
 * processor runs the kernel (it died of them), or where the processor cannot be asked, the image is looked for in memory: first where
 * QEMU loads the ELF file, then everywhere, as firmware loads it anywhere. A boot report is found by its magic, and of several copies
 * the one that ran is the one whose entry is stamped and most of whose records lie at the same distances as in the ELF file.
 */
export async function locateKernel(
  ram: ScannableMemory,
  elf: Elf,
  processor: ProcessorPlace | undefined,
): Promise<Result<KernelMemory>> {
  const known = knownKernel(ram, elf, processor);
  if (known.ok || known.error.code !== 'kernel-elsewhere') return known;
  for (const kind of ANCHORS) {
    const linked = elf.symbol(RECORDS[kind].symbol)?.address;
    if (linked === undefined) continue;
    // Firmware loads images at whole pages: the place within the page stays.
    const magic = new TextEncoder().encode(RECORDS[kind].magic);
    let copies = 0;
    for await (const copy of ram.findInPages(magic, Number(linked & 0xfffn))) {
      const memory = physicalMemory(ram, (address) => copy + (address - linked));
      if (isLive(memory, elf)) return ok(memory);
      if (++copies >= MAX_COPIES) break;
    }
  }
  return overwrittenKernel(ram, elf, processor) ?? notFound('no stamped boot report was found in guest RAM');
}

/** The same without the search, which needs memory that can be read through. */
export function locateKnownKernel(
  ram: GuestMemory,
  elf: Elf,
  processor: ProcessorPlace | undefined,
): Result<KernelMemory> {
  const known = knownKernel(ram, elf, processor);
  if (known.ok || known.error.code !== 'kernel-elsewhere') return known;
  return overwrittenKernel(ram, elf, processor) ?? known;
}

/** A kernel that its records show to be where it should be; `kernel-elsewhere` where it may still lie somewhere else. */
function knownKernel(ram: GuestMemory, elf: Elf, processor: ProcessorPlace | undefined): Result<KernelMemory> {
  const boot = elf.symbol(RECORDS.boot.symbol)?.address;
  if (boot === undefined) {
    return fail(
      'no-records',
      'This kernel publishes no records.',
      `the image has no symbol ${RECORDS.boot.symbol}`,
      'Inspect a kernel that was built with `ring0 build`.',
    );
  }
  if (processor !== undefined) {
    const mapped = mappedMemory(ram, processor);
    if (isLive(mapped, elf, 1)) return ok(mapped);
    // After a reset the image of the guest's earlier life is still in memory: it is not what runs.
    if (elf.physicalOf(processor.rip) === undefined)
      return notFound(`the first processor runs at ${formatAddress(processor.rip)}, outside of the kernel`);
  }
  const loaded = loadedMemory(ram, elf);
  if (isLive(loaded, elf)) return ok(loaded);
  return notFound('the boot report is not where the image says', 'kernel-elsewhere');
}

/**
 * Where every header should be and none is, but not for want of a kernel: what has not been loaded is zero. Each record then says itself
 * what stands in place of its magic.
 */
function overwrittenKernel(ram: GuestMemory, elf: Elf, processor: ProcessorPlace | undefined) {
  const places = [...(processor === undefined ? [] : [mappedMemory(ram, processor)]), loadedMemory(ram, elf)];
  const memory = places.find((place) => {
    const headers = headersOf(place, elf);
    return headers.every((it) => !it.whole) && headers.some(({ bytes }) => bytes?.some((byte) => byte !== 0));
  });
  return memory === undefined ? undefined : ok(memory);
}

function notFound(why: string, code = 'kernel-not-found') {
  return fail(
    code,
    'The kernel is not in memory yet.',
    why,
    'Wait until the kernel has started; if it runs, build it again so that image and studio agree.',
  );
}

/** What the processor itself reads. */
function mappedMemory(ram: GuestMemory, processor: ProcessorPlace): KernelMemory {
  return { read: (address, size) => readLinear(processor, (at, bytes) => ram.read(at, bytes), address, size) };
}

/** Where QEMU loads the ELF file. */
function loadedMemory(ram: GuestMemory, elf: Elf): KernelMemory {
  return physicalMemory(ram, (address) => elf.physicalOf(address));
}

/** An image that lies in one piece. */
function physicalMemory(ram: GuestMemory, physicalOf: (address: bigint) => bigint | undefined): KernelMemory {
  return {
    read: (address, size) => {
      const physical = physicalOf(address);
      return physical === undefined ? undefined : ram.read(physical, size);
    },
  };
}

/**
 * Whether this is the kernel that runs: records lie where the ELF file says, and the boot report, unless its header is broken, has been
 * entered. A guest may write over any of its records: one that is broken says so when it is read, and hides no other.
 * @param least how many must be whole; by default most of them, since copies of the image lie about, and parts of copies
 */
function isLive(memory: KernelMemory, elf: Elf, least?: number): boolean {
  const headers = headersOf(memory, elf);
  const whole = headers.filter((it) => it.whole);
  if (whole.length < (least ?? Math.floor(headers.length / 2) + 1)) return false;
  if (!whole.some(({ kind }) => kind === 'boot')) return true;
  const stamp = memory.read((elf.symbol(RECORDS.boot.symbol)?.address ?? 0n) + BigInt(ENTRY_TSC), 8);
  return stamp !== undefined && new ByteView(stamp).u64(0) !== 0n;
}

interface FoundHeader {
  readonly kind: RecordKind;
  /** Undefined where there is no memory. */
  readonly bytes: Uint8Array | undefined;
  readonly whole: boolean;
}

/** What stands where the headers of the image's records should be. */
function headersOf(memory: KernelMemory, elf: Elf): FoundHeader[] {
  return (Object.keys(RECORDS) as RecordKind[]).flatMap((kind) => {
    const address = elf.symbol(RECORDS[kind].symbol)?.address;
    if (address === undefined) return [];
    const bytes = memory.read(address, HEADER_BYTES);
    return [{ kind, bytes, whole: bytes !== undefined && isRecord(new ByteView(bytes), kind) }];
  });
}

/** The bytes of a record: `size` of them, or what `sizeOf` makes of its header. */
export function readRecord(
  memory: KernelMemory,
  elf: Elf,
  kind: RecordKind,
  size: number,
  sizeOf?: (header: Uint8Array) => Result<number>,
): Result<Uint8Array> {
  const { symbol } = RECORDS[kind];
  const address = elf.symbol(symbol)?.address;
  const header = address === undefined ? undefined : memory.read(address, size);
  if (address === undefined || header === undefined) {
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
  const bytes = memory.read(address, whole.value);
  return bytes === undefined
    ? fail(
        'no-record',
        `The kernel's ${kind} record is cut off.`,
        `${whole.value} bytes at ${formatAddress(address)} are not all RAM`,
        'Build the kernel again and start it.',
      )
    : ok(bytes);
}

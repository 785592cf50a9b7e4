/**
 * ACPI tables of a guest, as far as they tell how interrupts are wired (ACPI 6.5 chapter 5). A guest may have written over them: what
 * does not sum to zero is no table, and no length is believed beyond what is read here.
 */
import { ByteView } from '../base/bytes.ts';

/** Physical memory as processors see it, ROM included; undefined if not all of it can be read. Addresses and sizes are multiples of four. */
export type ReadPhysical = (address: bigint, bytes: number) => Promise<Uint8Array | undefined>;

const HEADER_BYTES = 36;
const RSDP_BYTES = 20;
/** QEMU's tables have some KiB. */
const MAX_TABLE_BYTES = 64 << 10;
const MAX_TABLES = 64;
/** Where firmware that is no UEFI leaves the root pointer (§5.2.5.1). The first KiB of the EBDA, which is also allowed, QEMU's do not use. */
const BIOS_AREA = { start: 0xe_0000n, end: 0x10_0000n };
const CHUNK_BYTES = 8192;

const RSDP2_BYTES = 36;

/** Where the root table is, and how wide its entries are. */
export interface RootTable {
  readonly at: bigint;
  readonly entryBytes: 4 | 8;
}

/** Looks for the root pointer on 16-byte boundaries of the BIOS area, from its upper half on, where SeaBIOS puts it. */
export async function findRootPointer(read: ReadPhysical): Promise<RootTable | undefined> {
  const half = (BIOS_AREA.end - BIOS_AREA.start) / 2n;
  for (let n = 0n; n < 2n * half; n += BigInt(CHUNK_BYTES)) {
    const at = BIOS_AREA.start + ((n + half) % (2n * half));
    // It may begin in one piece and end in the next.
    const wanted = Math.min(CHUNK_BYTES + RSDP2_BYTES, Number(BIOS_AREA.end - at));
    const piece = await read(at, wanted);
    if (piece === undefined) continue;
    for (let offset = 0; offset < CHUNK_BYTES && offset + RSDP_BYTES <= piece.length; offset += 16)
      if (isRootPointer(piece.subarray(offset))) return rootOf(piece.subarray(offset, offset + RSDP2_BYTES));
  }
  return undefined;
}

/** The XSDT of a pointer that has one (§5.2.5.3), else the RSDT. */
function rootOf(pointer: Uint8Array): RootTable {
  const view = new ByteView(pointer);
  const isLong = view.u8(15) >= 2 && view.length === RSDP2_BYTES && sumsToZero(pointer) && view.u64(24) !== 0n;
  return isLong ? { at: view.u64(24), entryBytes: 8 } : { at: BigInt(view.u32(16)), entryBytes: 4 };
}

/** The tables that the root names by their signatures, the DSDT of the FADT among them; of several of one name the first. */
export async function readTables(
  read: ReadPhysical,
  { at: rootAt, entryBytes }: RootTable,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const root = await readTable(read, rootAt);
  if (root === undefined || signatureOf(root) !== (entryBytes === 8 ? 'XSDT' : 'RSDT')) return found;
  const view = new ByteView(root);
  for (let n = 0; n < MAX_TABLES; n++) {
    const at = HEADER_BYTES + entryBytes * n;
    if (at + entryBytes > root.length) break;
    const table = await readTable(read, entryBytes === 8 ? view.u64(at) : BigInt(view.u32(at)));
    if (table !== undefined && !found.has(signatureOf(table))) found.set(signatureOf(table), table);
  }
  const fadt = found.get('FACP');
  const dsdt = fadt === undefined ? undefined : await readTable(read, dsdtAt(fadt));
  if (dsdt !== undefined) found.set('DSDT', dsdt);
  return found;
}

/** §5.2.9: the long address where there is one; 0 if the table is too short for either. */
function dsdtAt(fadt: Uint8Array): bigint {
  const long = fadt.length >= 148 ? new ByteView(fadt).u64(140) : 0n;
  return long !== 0n || fadt.length < 44 ? long : BigInt(u32(fadt, 40));
}

async function readTable(read: ReadPhysical, at: bigint): Promise<Uint8Array | undefined> {
  if (at === 0n) return undefined;
  const header = await read(at, HEADER_BYTES);
  if (header === undefined) return undefined;
  const length = u32(header, 4);
  if (length < HEADER_BYTES || length > MAX_TABLE_BYTES) return undefined;
  const bytes = (await read(at, (length + 3) & ~3))?.subarray(0, length);
  return bytes !== undefined && sumsToZero(bytes) ? bytes : undefined;
}

function isRootPointer(bytes: Uint8Array): boolean {
  return text(bytes, 8) === 'RSD PTR ' && sumsToZero(bytes.subarray(0, RSDP_BYTES));
}

const signatureOf = (table: Uint8Array) => text(table, 4);
const text = (bytes: Uint8Array, length: number) => String.fromCharCode(...bytes.subarray(0, length));
const sumsToZero = (bytes: Uint8Array) => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;
const u32 = (bytes: Uint8Array, at: number) => new ByteView(bytes).u32(at);

import { parseAddress } from '../base/address.ts';

/**
 * Linear to physical addresses by the processor's own page tables, read from guest memory: Intel SDM Vol. 3A §4.3 (32-bit), §4.4 (PAE)
 * and §4.5 (4-level and 5-level). Everything that is read is the guest's and may be nonsense: a walk reads at most five entries,
 * wherever they point, and says at which level it ended.
 */

/** The registers that decide how addresses are translated, as 64-bit values. */
export interface PagingRegisters {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

/** SDM Vol. 3A §4.1.1. */
export type PagingMode = 'none' | '32-bit' | 'pae' | '4-level' | '5-level';

/** `size` bytes of guest-physical memory, or undefined if not all of them are RAM. */
export type ReadPhysical = (address: bigint, size: number) => Uint8Array | undefined;

/** One entry that a walk has read. */
export interface PageStep {
  /** 5: PML5E, 4: PML4E, 3: PDPTE, 2: PDE, 1: PTE. */
  readonly level: number;
  /** Guest-physical address of the entry. */
  readonly address: bigint;
  readonly entry: bigint;
}

/** How a walk ended; `steps` are the entries from the root on, the deciding one last. */
export type Translation =
  | {
      readonly kind: 'mapped';
      readonly physical: bigint;
      /** 4 KiB, 2 MiB (4 MiB in 32-bit paging) or 1 GiB. */
      readonly pageBytes: bigint;
      /** Access rights of all levels together (SDM Vol. 3A §4.6). */
      readonly writable: boolean;
      readonly user: boolean;
      readonly executable: boolean;
      readonly steps: readonly PageStep[];
    }
  /** An entry's present bit is clear. */
  | { readonly kind: 'absent'; readonly level: number; readonly steps: readonly PageStep[] }
  /** An entry has reserved bits set: the processor would fault. */
  | { readonly kind: 'reserved'; readonly level: number; readonly steps: readonly PageStep[] }
  /** A table lies outside of RAM. */
  | { readonly kind: 'unreadable'; readonly address: bigint; readonly steps: readonly PageStep[] }
  /** The address is none in this mode: not canonical, or beyond 32 bits. */
  | { readonly kind: 'not-an-address' };

const CR0_PG = 1n << 31n;
const CR4_PSE = 1n << 4n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LME = 1n << 8n;
const EFER_NXE = 1n << 11n;

/** Bits of an entry, SDM Vol. 3A §4.5.4. */
export const PRESENT = 1n << 0n;
export const WRITABLE = 1n << 1n;
export const USER = 1n << 2n;
/** In a PDPTE or PDE: it maps a page. Reserved above. */
export const PAGE_SIZE = 1n << 7n;
export const NO_EXECUTE = 1n << 63n;
/** Bits 51:12. Bits above the processor's own width are reserved too, and lead outside of RAM here. */
const ADDRESS = 0x000f_ffff_ffff_f000n;
const PAGE_BYTES = 4096n;

/** Out of registers by QEMU's names, as hex; undefined if one is not there. */
export function pagingRegisters(values: Readonly<Record<string, string>>): PagingRegisters | undefined {
  const [cr0, cr3, cr4, efer] = ['cr0', 'cr3', 'cr4', 'efer'].map((name) => parseAddress(values[name] ?? ''));
  return cr0 === undefined || cr3 === undefined || cr4 === undefined || efer === undefined
    ? undefined
    : { cr0, cr3, cr4, efer };
}

export function pagingMode({ cr0, cr4, efer }: PagingRegisters): PagingMode {
  if ((cr0 & CR0_PG) === 0n) return 'none';
  if ((cr4 & CR4_PAE) === 0n) return '32-bit';
  if ((efer & EFER_LME) === 0n) return 'pae';
  return (cr4 & CR4_LA57) === 0n ? '4-level' : '5-level';
}

/** How tables lie in a mode. */
export interface PagingShape {
  readonly levels: 2 | 3 | 4 | 5;
  readonly entryBytes: 4 | 8;
  /** Bits of the address that each level takes; the root of PAE paging takes two. */
  readonly indexBits: 9 | 10;
  readonly entriesAtRoot: number;
  readonly addressBits: 32 | 48 | 57;
  /** The root table's guest-physical address. */
  readonly root: bigint;
  readonly noExecute: boolean;
  /** 32-bit paging: whether CR4.PSE lets a PDE map 4 MiB. */
  readonly largePages: boolean;
}

/** Undefined without paging. */
export function pagingShape(registers: PagingRegisters): PagingShape | undefined {
  const mode = pagingMode(registers);
  const noExecute = (registers.efer & EFER_NXE) !== 0n;
  switch (mode) {
    case 'none':
      return undefined;
    case '32-bit': {
      const largePages = (registers.cr4 & CR4_PSE) !== 0n;
      const root = registers.cr3 & 0xffff_f000n;
      const rest = { levels: 2, entryBytes: 4, indexBits: 10, entriesAtRoot: 1024, addressBits: 32 } as const;
      return { ...rest, root, noExecute: false, largePages };
    }
    case 'pae': {
      // Four entries at 32-byte alignment; a processor reads them when CR3 is loaded (§4.4.1).
      const root = registers.cr3 & 0xffff_ffe0n;
      const rest = { levels: 3, entryBytes: 8, indexBits: 9, entriesAtRoot: 4, addressBits: 32 } as const;
      return { ...rest, root, noExecute, largePages: true };
    }
    default: {
      const five = mode === '5-level';
      const rest = { entryBytes: 8, indexBits: 9, entriesAtRoot: 512, root: registers.cr3 & ADDRESS } as const;
      return { ...rest, levels: five ? 5 : 4, addressBits: five ? 57 : 48, noExecute, largePages: true };
    }
  }
}

/** log2 of what one entry of a level spans. */
export function levelShift(shape: PagingShape, level: number): number {
  return 12 + shape.indexBits * (level - 1);
}

/** What one entry says, in its place. */
export type EntryMeaning =
  | { readonly kind: 'absent' }
  | { readonly kind: 'reserved'; readonly why: string }
  | { readonly kind: 'table'; readonly table: bigint }
  | { readonly kind: 'page'; readonly page: bigint; readonly pageBytes: bigint };

/** Reads an entry of a level by the rules of the mode. */
export function readEntry(shape: PagingShape, level: number, entry: bigint): EntryMeaning {
  if ((entry & PRESENT) === 0n) return { kind: 'absent' };
  const reserved = (why: string): EntryMeaning => ({ kind: 'reserved', why });
  if (shape.entryBytes === 4) return readEntry32(shape, level, entry);
  if (shape.levels === 3 && level === 3) {
    // A PDPTE of PAE paging has no rights of its own (§4.4.1, table 4-8).
    if ((entry & 0x1e6n) !== 0n || entry >> 52n !== 0n) return reserved('bits 8:5, 2:1 or 63:52 are set');
    return { kind: 'table', table: entry & ADDRESS };
  }
  if (!shape.noExecute && (entry & NO_EXECUTE) !== 0n) return reserved('bit 63 is set without EFER.NXE');
  if (level > 1 && (entry & PAGE_SIZE) === 0n) return { kind: 'table', table: entry & ADDRESS };
  if (level > 3 || (shape.levels === 3 && level === 3)) return reserved('bit 7 is set where no page can be');
  const pageBytes = 1n << BigInt(levelShift(shape, level));
  // Bit 12 of a large page is PAT.
  if (level > 1 && (entry & (pageBytes - 1n) & ~0x1fffn) !== 0n) return reserved('address bits below the page are set');
  return { kind: 'page', page: entry & ADDRESS & ~(pageBytes - 1n), pageBytes };
}

/** SDM Vol. 3A §4.3; a PDE of 4 MiB has address bits 39:32 at 20:13 (PSE-36). */
function readEntry32(shape: PagingShape, level: number, entry: bigint): EntryMeaning {
  if (level === 1) return { kind: 'page', page: entry & 0xffff_f000n, pageBytes: PAGE_BYTES };
  if ((entry & PAGE_SIZE) === 0n || !shape.largePages) return { kind: 'table', table: entry & 0xffff_f000n };
  if ((entry & (1n << 21n)) !== 0n) return { kind: 'reserved', why: 'bit 21 of a 4 MiB page is set' };
  return { kind: 'page', page: (entry & 0xffc0_0000n) | (((entry >> 13n) & 0xffn) << 32n), pageBytes: 1n << 22n };
}

/** Whether an entry of this level has rights of its own; the PDPTEs of PAE paging have none. */
export function hasRights(shape: PagingShape, level: number): boolean {
  return !(shape.levels === 3 && level === 3);
}

/** Translates one linear address. */
export function translate(registers: PagingRegisters, read: ReadPhysical, linear: bigint): Translation {
  const shape = pagingShape(registers);
  if (shape === undefined) {
    if (linear < 0n || linear > 0xffff_ffffn) return { kind: 'not-an-address' };
    const all = { writable: true, user: true, executable: true };
    return { kind: 'mapped', physical: linear, pageBytes: PAGE_BYTES, ...all, steps: [] };
  }
  if (!isAddress(shape, linear)) return { kind: 'not-an-address' };
  const steps: PageStep[] = [];
  let table = shape.root;
  let rights = WRITABLE | USER;
  let executable = true;
  for (let level: number = shape.levels; ; level--) {
    const shift = levelShift(shape, level);
    const mask = level === shape.levels ? shape.entriesAtRoot - 1 : (1 << shape.indexBits) - 1;
    const address = table + BigInt(shape.entryBytes) * ((linear >> BigInt(shift)) & BigInt(mask));
    const bytes = read(address, shape.entryBytes);
    if (bytes === undefined) return { kind: 'unreadable', address, steps };
    const view = new DataView(bytes.buffer, bytes.byteOffset, shape.entryBytes);
    const entry = shape.entryBytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
    steps.push({ level, address, entry });
    const meaning = readEntry(shape, level, entry);
    if (meaning.kind === 'absent' || meaning.kind === 'reserved') return { kind: meaning.kind, level, steps };
    if (hasRights(shape, level)) {
      rights &= entry;
      executable &&= (entry & NO_EXECUTE) === 0n || !shape.noExecute;
    }
    if (meaning.kind === 'table') {
      table = meaning.table;
      continue;
    }
    return {
      kind: 'mapped',
      physical: meaning.page | (linear & (meaning.pageBytes - 1n)),
      pageBytes: meaning.pageBytes,
      writable: (rights & WRITABLE) !== 0n,
      user: (rights & USER) !== 0n,
      executable,
      steps,
    };
  }
}

/** Whether the bits above the address width are copies of its highest bit (SDM Vol. 1 §3.3.7.1); of 32-bit modes, zero. */
export function isAddress({ addressBits }: PagingShape, linear: bigint): boolean {
  if (linear < 0n || linear > 0xffff_ffff_ffff_ffffn) return false;
  if (addressBits === 32) return linear <= 0xffff_ffffn;
  const top = linear >> BigInt(addressBits - 1);
  return top === 0n || top === (1n << BigInt(65 - addressBits)) - 1n;
}

/** The linear address of a position in the tables: its highest bit is copied upwards where the mode does so. */
export function toLinear({ addressBits }: PagingShape, position: bigint): bigint {
  return addressBits === 32 ? position : BigInt.asUintN(64, BigInt.asIntN(addressBits, position));
}

/** The most bytes that `readLinear` gives: tables can map one page everywhere, so they bound nothing. */
export const MAX_LINEAR_BYTES = 64 << 20;

/** `size` bytes at a linear address, page by page; undefined if any of them is not mapped to RAM, or if they are too many. */
export function readLinear(
  registers: PagingRegisters,
  read: ReadPhysical,
  linear: bigint,
  size: number,
): Uint8Array | undefined {
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_LINEAR_BYTES) return undefined;
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; ) {
    const page = translate(registers, read, linear + BigInt(done));
    if (page.kind !== 'mapped') return undefined;
    const left = page.pageBytes - (page.physical & (page.pageBytes - 1n));
    const part = Math.min(size - done, Number(left));
    const piece = read(page.physical, part);
    if (piece === undefined) return undefined;
    bytes.set(piece, done);
    done += part;
  }
  return bytes;
}

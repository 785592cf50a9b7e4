import { parseAddress } from '../base/address.ts';

/**
 * Linear to physical addresses by the processor's own page tables, read from guest memory: Intel SDM Vol. 3A §4.5, "4-Level Paging
 * and 5-Level Paging". Everything that is read is the guest's and may be nonsense: a walk reads at most five entries, wherever they
 * point, and says at which level it ended.
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
      /** 4 KiB, 2 MiB or 1 GiB. */
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
  | { readonly kind: 'not-an-address' }
  /** A mode that is not read here. */
  | { readonly kind: 'unsupported'; readonly mode: PagingMode };

const CR0_PG = 1n << 31n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LME = 1n << 8n;
const EFER_NXE = 1n << 11n;

/** Bits of an entry, SDM Vol. 3A §4.5.4. */
const PRESENT = 1n << 0n;
const WRITABLE = 1n << 1n;
const USER = 1n << 2n;
/** In a PDPTE or PDE: it maps a page. Reserved above. */
const PAGE_SIZE = 1n << 7n;
const NO_EXECUTE = 1n << 63n;
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

/** Translates one linear address. */
export function translate(registers: PagingRegisters, read: ReadPhysical, linear: bigint): Translation {
  const mode = pagingMode(registers);
  if (mode === 'none') {
    if (linear < 0n || linear > 0xffff_ffffn) return { kind: 'not-an-address' };
    const all = { writable: true, user: true, executable: true };
    return { kind: 'mapped', physical: linear, pageBytes: PAGE_BYTES, ...all, steps: [] };
  }
  if (mode !== '4-level' && mode !== '5-level') return { kind: 'unsupported', mode };
  const levels = mode === '5-level' ? 5 : 4;
  if (!isCanonicalFor(linear, levels)) return { kind: 'not-an-address' };
  const noExecute = (registers.efer & EFER_NXE) !== 0n;
  const steps: PageStep[] = [];
  let table = registers.cr3 & ADDRESS;
  let rights = WRITABLE | USER;
  let executable = true;
  for (let level = levels; ; level--) {
    const shift = BigInt(12 + 9 * (level - 1));
    const address = table + 8n * ((linear >> shift) & 0x1ffn);
    const bytes = read(address, 8);
    if (bytes === undefined) return { kind: 'unreadable', address, steps };
    const entry = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
    steps.push({ level, address, entry });
    if ((entry & PRESENT) === 0n) return { kind: 'absent', level, steps };
    const isPage = level === 1 || (entry & PAGE_SIZE) !== 0n;
    if (isReserved(entry, level, noExecute)) return { kind: 'reserved', level, steps };
    rights &= entry;
    executable &&= (entry & NO_EXECUTE) === 0n;
    if (!isPage) {
      table = entry & ADDRESS;
      continue;
    }
    const pageBytes = 1n << shift;
    return {
      kind: 'mapped',
      physical: (entry & ADDRESS & ~(pageBytes - 1n)) | (linear & (pageBytes - 1n)),
      pageBytes,
      writable: (rights & WRITABLE) !== 0n,
      user: (rights & USER) !== 0n,
      executable,
      steps,
    };
  }
}

/** Reserved bits of a present entry: bit 63 without EFER.NXE, bit 7 above a PDPTE, address bits below a large page (but 12, PAT). */
function isReserved(entry: bigint, level: number, noExecute: boolean): boolean {
  if (!noExecute && (entry & NO_EXECUTE) !== 0n) return true;
  if (level === 1 || (entry & PAGE_SIZE) === 0n) return false;
  if (level > 3) return true;
  const pageBytes = 1n << BigInt(12 + 9 * (level - 1));
  return (entry & (pageBytes - 1n) & ~0x1fffn) !== 0n;
}

/** Whether the bits above the address width are copies of its highest bit (SDM Vol. 1 §3.3.7.1). */
function isCanonicalFor(linear: bigint, levels: number): boolean {
  if (linear < 0n || linear > 0xffff_ffff_ffff_ffffn) return false;
  const width = 12 + 9 * levels;
  const top = linear >> BigInt(width - 1);
  return top === 0n || top === (1n << BigInt(65 - width)) - 1n;
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

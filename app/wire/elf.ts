import { ByteView, OutOfBounds } from '../base/bytes.ts';
import { fail, ok, type Result } from '../base/result.ts';

/** ELF64 little-endian (System V gABI, chapters 4 and 5), as far as a kernel image needs it. */

export interface ElfSegment {
  /** `PT_LOAD` is 1, `PT_NOTE` 4. */
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: bigint;
}

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  /** `SHF_ALLOC` is 2, `SHF_COMPRESSED` 0x800. */
  readonly flags: bigint;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: bigint;
  readonly kind: 'function' | 'object' | 'other';
}

/** Offsets: gABI figures 4-3, 4-8, 4-16 and 5-1. */
const EHDR = {
  machine: 18,
  entry: 24,
  phoff: 32,
  shoff: 40,
  phentsize: 54,
  phnum: 56,
  shentsize: 58,
  shnum: 60,
  shstrndx: 62,
} as const;
const PHDR = { bytes: 56, type: 0, flags: 4, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40 } as const;
const SHDR = { bytes: 64, name: 0, type: 4, flags: 8, address: 16, offset: 24, size: 32, link: 40 } as const;
const SYM = { bytes: 24, name: 0, info: 4, shndx: 6, value: 8, size: 16 } as const;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const EM_X86_64 = 62;
const MAX_SYMBOLS = 2_000_000;
const MAX_NAME = 4096;

/** A parsed image. Symbols are read when first asked for. */
export class Elf {
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  readonly #byName: ReadonlyMap<string, ElfSymbol>;
  readonly #functions: readonly ElfSymbol[];

  constructor(
    entry: bigint,
    segments: readonly ElfSegment[],
    sections: readonly ElfSection[],
    symbols: readonly ElfSymbol[],
  ) {
    this.entry = entry;
    this.segments = segments;
    this.sections = sections;
    this.symbols = symbols;
    this.#byName = new Map(symbols.map((symbol) => [symbol.name, symbol]));
    this.#functions = symbols
      .filter((symbol) => symbol.kind === 'function')
      .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  symbol(name: string): ElfSymbol | undefined {
    return this.#byName.get(name);
  }

  /** Where the image says that `address` is loaded in physical memory; undefined outside of its loaded segments. */
  physicalOf(address: bigint): bigint | undefined {
    const segment = this.segments.find(
      (it) => it.type === 1 && address >= it.virtualAddress && address - it.virtualAddress < it.memoryBytes,
    );
    return segment === undefined ? undefined : segment.physicalAddress + (address - segment.virtualAddress);
  }

  /** `function+0x12` for an address within a function, or for a return address, which may lie just behind one. */
  symbolise(address: bigint, isReturn = false): string | undefined {
    const within = isReturn ? address - 1n : address;
    let low = 0;
    let high = this.#functions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#functions[middle]?.address ?? 0n) <= within) low = middle + 1;
      else high = middle;
    }
    const found = this.#functions[low - 1];
    if (found === undefined) return undefined;
    const offset = within - found.address;
    // Assembler symbols have no size: they reach to the next, but not for ever.
    if (offset >= (found.size === 0n ? 0x1000n : found.size)) return undefined;
    return `${demangle(found.name)}+0x${(address - found.address).toString(16)}`;
  }
}

/** Reads an x86-64 ELF file. Hostile-safe: every offset is checked, and a refusal names it. */
export function readElf(bytes: Uint8Array): Result<Elf> {
  try {
    return read(new ByteView(bytes));
  } catch (error) {
    if (error instanceof OutOfBounds) return refuse(`offset ${error.offset}: ${error.message}`);
    throw error;
  }
}

function refuse(why: string) {
  return fail(
    'bad-elf',
    'The kernel image is not an ELF file that can be read.',
    why,
    'Build the kernel again: `ring0 build`.',
  );
}

function read(view: ByteView): Result<Elf> {
  if (view.u32(0) !== 0x464c457f) return refuse('offset 0: no ELF magic');
  if (view.u8(4) !== 2 || view.u8(5) !== 1) return refuse('offset 4: not 64-bit little-endian');
  if (view.u16(EHDR.machine) !== EM_X86_64)
    return refuse(`offset ${EHDR.machine}: machine ${view.u16(EHDR.machine)} is not x86-64`);
  const segments = table(view, EHDR.phoff, EHDR.phentsize, EHDR.phnum, PHDR.bytes).map((at) => ({
    type: view.u32(at + PHDR.type),
    flags: view.u32(at + PHDR.flags),
    offset: size(view.u64(at + PHDR.offset), at + PHDR.offset),
    virtualAddress: view.u64(at + PHDR.vaddr),
    physicalAddress: view.u64(at + PHDR.paddr),
    fileBytes: size(view.u64(at + PHDR.filesz), at + PHDR.filesz),
    memoryBytes: view.u64(at + PHDR.memsz),
  }));
  const headers = table(view, EHDR.shoff, EHDR.shentsize, EHDR.shnum, SHDR.bytes);
  const raw = headers.map((at) => ({
    nameAt: view.u32(at + SHDR.name),
    type: view.u32(at + SHDR.type),
    flags: view.u64(at + SHDR.flags),
    address: view.u64(at + SHDR.address),
    offset: size(view.u64(at + SHDR.offset), at + SHDR.offset),
    size: size(view.u64(at + SHDR.size), at + SHDR.size),
    link: view.u32(at + SHDR.link),
  }));
  const names = raw[view.u16(EHDR.shstrndx)];
  const sections = raw.map(({ nameAt, ...section }) => ({
    ...section,
    name: names === undefined ? '' : stringAt(view, names, nameAt),
  }));
  const symbols = sections
    .filter((it) => it.type === SHT_SYMTAB)
    .flatMap((it) => readSymbols(view, it, sections[it.link]));
  return ok(new Elf(view.u64(EHDR.entry), segments, sections, symbols));
}

/** Offsets of a table's entries. */
function table(view: ByteView, offsetAt: number, sizeAt: number, countAt: number, minimum: number): number[] {
  const count = view.u16(countAt);
  if (count === 0) return [];
  const offset = size(view.u64(offsetAt), offsetAt);
  const stride = view.u16(sizeAt);
  if (stride < minimum) throw new OutOfBounds(sizeAt, minimum, stride);
  view.slice(offset, count * stride);
  return Array.from({ length: count }, (_, n) => offset + n * stride);
}

/** A 64-bit file offset or size as a number; no file is larger than 2^53. */
function size(value: bigint, at: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new OutOfBounds(at, Number.MAX_SAFE_INTEGER, 0);
  return Number(value);
}

function readSymbols(view: ByteView, section: ElfSection, strings: ElfSection | undefined): ElfSymbol[] {
  if (strings === undefined || strings.type === SHT_NOBITS) return [];
  view.slice(section.offset, section.size);
  const count = Math.min(Math.floor(section.size / SYM.bytes), MAX_SYMBOLS);
  const symbols: ElfSymbol[] = [];
  for (let n = 0; n < count; n++) {
    const at = section.offset + n * SYM.bytes;
    const type = view.u8(at + SYM.info) & 15;
    // Files and sections are named too, undefined symbols have no place.
    if (type > 2 || view.u16(at + SYM.shndx) === 0) continue;
    const name = stringAt(view, strings, view.u32(at + SYM.name));
    if (name === '') continue;
    const kind = type === 2 ? 'function' : type === 1 ? 'object' : 'other';
    symbols.push({ name, address: view.u64(at + SYM.value), size: view.u64(at + SYM.size), kind });
  }
  return symbols;
}

function stringAt(view: ByteView, strings: { offset: number; size: number }, at: number): string {
  if (at >= strings.size) return '';
  return view.paddedText(strings.offset + at, Math.min(strings.size - at, MAX_NAME));
}

/**
 * Names of Rust functions as paths: legacy mangling (`_ZN4core9panicking5panic17h0123456789abcdefE`) and plain paths of v0
 * (`_RNvNtCs…_4core9panicking5panic`, rust-lang RFC 2603). Names with generics and all others stay as they are.
 */
export function demangle(name: string): string {
  const body = /^_ZN(.*)E(?:\.llvm\.\d+)?$/.exec(name)?.[1];
  if (body === undefined) return demangleV0(name);
  const parts: string[] = [];
  let rest = body;
  while (rest !== '') {
    const length = /^\d{1,4}/.exec(rest)?.[0];
    if (length === undefined) return name;
    const part = rest.slice(length.length, length.length + Number(length));
    if (part.length !== Number(length)) return name;
    rest = rest.slice(length.length + part.length);
    if (!/^h[0-9a-f]{16}$/.test(part)) parts.push(unescapePart(part));
  }
  return parts.join('::');
}

/** A path of nested names: as many `N` with their namespaces as names follow the crate's. */
function demangleV0(name: string): string {
  const path = /^_R((?:N[a-zA-Z]){0,32})C((?:s[0-9a-zA-Z]*_)?\d.*)$/.exec(name);
  if (path === null) return name;
  const wanted = (path[1]?.length ?? 0) / 2 + 1;
  const parts: string[] = [];
  let rest = path[2] ?? '';
  while (parts.length < wanted) {
    // An identifier: disambiguator, length, an underscore where the name begins with a digit or underscore, the name.
    const head = /^(?:s[0-9a-zA-Z]*_)?(\d{1,4})_?/.exec(rest);
    if (head === null) return name;
    const length = Number(head[1]);
    const part = rest.slice(head[0].length, head[0].length + length);
    if (part.length !== length) return name;
    parts.push(part);
    rest = rest.slice(head[0].length + length);
  }
  // What may follow is the crate that an instance was made for.
  return /^(?:C(?:s[0-9a-zA-Z]*_)?\d+\w*)?(?:\.llvm\.\d+)?$/.test(rest) ? parts.join('::') : name;
}

const ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

function unescapePart(part: string): string {
  return part
    .replace(/^_\$/, '$')
    .replace(/\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,5})\$/g, (whole, code: string) => {
      if (!code.startsWith('u')) return ESCAPES[code] ?? whole;
      const point = Number.parseInt(code.slice(1), 16);
      return String.fromCodePoint(point);
    })
    .replaceAll('..', '::');
}

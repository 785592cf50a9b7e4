import type { ImageSize, SizeSection, SizeSymbol } from '../contract/build.ts';
import { demangle, type Elf, type ElfSection, type ElfSymbol } from './elf.ts';

/** `SHF_WRITE`, `SHF_ALLOC`, `SHF_EXECINSTR`; `SHT_NOBITS` (System V gABI, figures 4-9 and 4-11). */
const WRITE = 1n;
const ALLOC = 2n;
const EXECUTE = 4n;
const SHT_NOBITS = 8;

/** Symbols that go to a page: what is smaller than so many others is nobody's concern. */
const MAX_SYMBOLS = 1000;

/** What an image is made of: its sections, and its symbols from the largest on. */
export function imageSize(elf: Elf, fileBytes: number): ImageSize {
  const sections = elf.sections.filter(({ size, name }) => size > 0 && name !== '').map(describe);
  const loaded = elf.sections.filter(({ flags }) => (flags & ALLOC) !== 0n);
  const symbols = unique(elf.symbols)
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.size > b.size ? -1 : a.size < b.size ? 1 : a.address < b.address ? -1 : 1));
  const sum = (list: readonly SizeSection[]) => list.reduce((total, { bytes }) => total + bytes, 0);
  return {
    fileBytes,
    /** In memory when it runs. */
    memoryBytes: sum(sections.filter(({ kind }) => kind !== 'debug')),
    debugBytes: sum(sections.filter(({ kind }) => kind === 'debug')),
    sections,
    symbols: symbols.slice(0, MAX_SYMBOLS).map((symbol) => describeSymbol(symbol, loaded)),
    symbolCount: symbols.length,
  };
}

function describe({ name, size, type, flags }: ElfSection): SizeSection {
  const kind =
    (flags & ALLOC) === 0n
      ? 'debug'
      : (flags & EXECUTE) !== 0n
        ? 'code'
        : type === SHT_NOBITS
          ? 'zeroed'
          : (flags & WRITE) !== 0n
            ? 'data'
            : 'constant';
  return { name, bytes: size, kind };
}

function describeSymbol(symbol: ElfSymbol, loaded: readonly ElfSection[]): SizeSymbol {
  const section = loaded.find(
    ({ address, size }) => symbol.address >= address && symbol.address - address < BigInt(size),
  );
  return {
    name: readable(demangle(symbol.name)),
    bytes: Number(symbol.size),
    kind: symbol.kind,
    section: section?.name ?? '',
    crate: crateOf(symbol.name),
  };
}

/** Several names of one place, as identical functions get them, take its bytes once. */
function unique(symbols: readonly ElfSymbol[]): ElfSymbol[] {
  const seen = new Map<bigint, ElfSymbol>();
  for (const symbol of symbols) {
    const there = seen.get(symbol.address);
    if (there === undefined || there.size < symbol.size) seen.set(symbol.address, symbol);
  }
  return [...seen.values()];
}

/** Legacy mangling ends every path in a place-holder for an instance's parameters: `{impl#3}` and `<…>` say enough. */
function readable(name: string): string {
  return name.length <= 300 ? name : `${name.slice(0, 299)}…`;
}

/** The crate that a symbol came from; empty where its name does not say so. */
export function crateOf(name: string): string {
  const path = demangle(name);
  // `<impl ring0_simd::isa::Isa>::matmul` and `<ring0_engine::scheduler::Scheduler as …>::step` belong to the type's crate.
  const plain = /^(?:_?<(?:impl )?&?(?:mut )?(?:dyn )?)?([A-Za-z_]\w*)::/.exec(path)?.[1];
  if (plain !== undefined) return plain;
  // v0 names the crate before everything else: `C`, a disambiguator, a length, the name (RFC 2603).
  const v0 = /^_R.*?C(?:s[0-9a-zA-Z]*_)?(\d{1,3})_?([A-Za-z_]\w*)/.exec(name);
  return v0?.[2]?.slice(0, Number(v0[1])) ?? '';
}

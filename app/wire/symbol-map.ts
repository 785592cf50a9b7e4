import { demangle, type Elf } from './elf.ts';

/** A symbol that has a place: function, object, or a label of the assembler, which reaches to the next one. */
export interface SymbolPlace {
  readonly symbol: string;
  readonly start: bigint;
  readonly size: bigint;
}

const SHF_EXECINSTR = 4n;
/** A label without a size reaches to the next symbol, but not further than this. */
const MAX_LABEL_BYTES = 0x1_0000n;

/** What an image says about addresses: code and data alike. */
export class SymbolMap {
  readonly #sorted: readonly SymbolPlace[];
  readonly #code: readonly { readonly start: bigint; readonly end: bigint }[];

  constructor(elf: Elf) {
    const symbols = elf.symbols.filter(({ address }) => elf.physicalOf(address) !== undefined);
    symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.size < b.size ? -1 : 1));
    this.#sorted = symbols.map(({ name, address, size }, n) => {
      const next = symbols[n + 1]?.address ?? address + MAX_LABEL_BYTES;
      const reach = next - address < MAX_LABEL_BYTES ? next - address : MAX_LABEL_BYTES;
      return { symbol: name, start: address, size: size === 0n ? reach : size };
    });
    this.#code = elf.sections
      .filter(({ flags }) => (flags & SHF_EXECINSTR) !== 0n)
      .map(({ address, size }) => ({ start: address, end: address + BigInt(size) }));
  }

  /** The symbol in which an address lies. */
  at(address: bigint): SymbolPlace | undefined {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.start ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.#sorted[low - 1];
    return found === undefined || address - found.start >= found.size
      ? undefined
      : { ...found, symbol: demangle(found.symbol) };
  }

  /** Whether an address is in an executable section. */
  isCode(address: bigint): boolean {
    return this.#code.some(({ start, end }) => address >= start && address < end);
  }
}

import { formatAddress, parseAddress } from '../../../app/base/address.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { Resolved, SymbolEntry } from '../../../app/contract/index.ts';
import { demangle, type Elf, type ElfSymbol } from '../../../app/wire/elf.ts';
import { type InspectTarget, processorOf } from './target.ts';

/** `NAME`, `path::NAME`, either with `+0x10`; `$rsp` for a register. */
export async function resolveAddress(
  target: InspectTarget,
  text: string,
  processor: number,
): Promise<Result<Resolved>> {
  const [, base = '', offsetText] = /^(.*?)(?:\+(0x[0-9a-fA-F]{1,16}|\d{1,10}))?$/s.exec(text.trim()) ?? [];
  const offset = offsetText === undefined ? 0n : BigInt(offsetText);
  const add = (address: bigint) => formatAddress(BigInt.asUintN(64, address + offset));
  const literal = parseAddress(base);
  if (literal !== undefined) return ok({ address: add(literal), name: '', size: null });
  if (base.startsWith('$')) {
    const registers = await processorOf(target, processor);
    if (!registers.ok) return registers;
    const { values } = registers.value;
    const name = base.slice(1).toLowerCase();
    const value = parseAddress(values[name] ?? values[`${name}.base`] ?? '');
    return value === undefined
      ? fail(
          'no-register',
          `There is no register ${name}.`,
          `known are ${Object.keys(values).join(' ')}`,
          'Use one of them.',
        )
      : ok({ address: add(value), name: `$${name}`, size: null });
  }
  const image = await target.image();
  if (!image.ok) return image;
  const found = findSymbol(image.value.elf, base);
  if (!found.ok) return found;
  const { address, size, name } = found.value;
  return ok({ address: add(address), name: demangle(name), size: Number(size) });
}

/** A symbol by its whole name, its path, or the end of its path if only one ends so. */
export function findSymbol(elf: Elf, name: string): Result<ElfSymbol> {
  const exact = elf.symbol(name);
  if (exact !== undefined) return ok(exact);
  const named = elf.symbols.map((symbol) => ({ symbol, path: demangle(symbol.name) }));
  const whole = named.filter(({ path }) => path === name);
  const found = whole.length > 0 ? whole : named.filter(({ path }) => path.endsWith(`::${name}`));
  const [first, second] = found;
  if (first !== undefined && (second === undefined || second.symbol.address === first.symbol.address))
    return ok(first.symbol);
  if (first !== undefined)
    return fail(
      'several-symbols',
      `Several symbols are called ${name}.`,
      found
        .slice(0, 8)
        .map(({ path, symbol }) => `${path} at ${formatAddress(symbol.address)}`)
        .join('\n'),
      'Write more of its path, or its address.',
    );
  const near = searchSymbols(elf, name, 5).map((it) => it.name);
  return fail(
    'no-symbol',
    `The image has no symbol ${name}.`,
    near.length === 0 ? `${elf.symbols.length} symbols are known` : `there are ${near.join(', ')}`,
    'Addresses are written 0x…, registers $rsp.',
  );
}

/** Symbols with all words of a query in their paths: statics first, then the shorter names. */
export function searchSymbols(elf: Elf, query: string, limit: number): SymbolEntry[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return elf.symbols
    .map((symbol) => ({ symbol, path: demangle(symbol.name) }))
    .filter(({ path }) => words.every((word) => path.toLowerCase().includes(word)))
    .sort(
      (a, b) =>
        Number(b.symbol.kind === 'object') - Number(a.symbol.kind === 'object') ||
        a.path.length - b.path.length ||
        (a.path < b.path ? -1 : 1),
    )
    .slice(0, limit)
    .map(({ symbol, path }) => ({
      name: path,
      address: formatAddress(symbol.address),
      size: Number(symbol.size),
      kind: symbol.kind,
    }));
}

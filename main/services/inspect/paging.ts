import { formatAddress } from '../../../app/base/address.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import type { AddressSpace, PageWalk, PagingQuestion } from '../../../app/contract/index.ts';
import { demangle, type Elf } from '../../../app/wire/elf.ts';
import { addressSpace, type SpaceNames } from '../../../app/x86/address-space-view.ts';
import { pageWalk } from '../../../app/x86/page-walk.ts';
import type { PagingRegisters } from '../../../app/x86/paging.ts';
import { type InspectTarget, lookSettled, pagingOf } from './target.ts';

/** The walk of one address. */
export async function readPageWalk(
  target: InspectTarget,
  question: PagingQuestion,
  address: bigint,
): Promise<Result<PageWalk>> {
  const registers = await registersOf(target, question);
  if (!registers.ok) return registers;
  const { cr0, cr3, cr4, efer } = registers.value;
  const looked = await lookSettled(target, 'walk', [cr0, cr3, cr4, efer, address], (memory) =>
    pageWalk(registers.value, memory, address),
  );
  if (!looked.ok) return looked;
  const image = await target.image();
  const symbol = image.ok ? (image.value.elf.symbolise(address) ?? objectAt(image.value.elf, address) ?? null) : null;
  return ok({ ...looked.value.value, symbol, torn: looked.value.torn });
}

/** Everything that is mapped. */
export async function readAddressSpace(target: InspectTarget, question: PagingQuestion): Promise<Result<AddressSpace>> {
  const registers = await registersOf(target, question);
  if (!registers.ok) return registers;
  const image = await target.image();
  const elf = image.ok ? image.value.elf : null;
  const { cr0, cr3, cr4, efer } = registers.value;
  const looked = await lookSettled(
    target,
    `space ${question.processor}`,
    [cr0, cr3, cr4, efer, elf],
    (memory) => addressSpace(registers.value, memory, elf === null ? NO_NAMES : namesOf(elf)),
    2,
  );
  if (!looked.ok) return looked;
  const { value, torn } = looked.value;
  return ok(torn ? { ...value, torn } : value);
}

async function registersOf(
  target: InspectTarget,
  { processor, cr3 }: PagingQuestion,
): Promise<Result<PagingRegisters>> {
  const registers = await pagingOf(target, processor);
  return registers.ok && cr3 !== null ? ok({ ...registers.value, cr3 }) : registers;
}

const NO_NAMES: SpaceNames = { label: () => '', symbol: () => undefined };

/** Names of an image: sections for ranges, symbols for addresses. */
export function namesOf(elf: Elf): SpaceNames {
  const sections = elf.sections.filter((it) => it.address !== 0n && it.size > 0);
  return {
    label(start, bytes) {
      const inside = sections.filter((it) => it.address < start + bytes && it.address + BigInt(it.size) > start);
      const names = inside.map(({ name }) => name);
      return names.length > 4 ? `${names[0]} … ${names.at(-1)}` : names.join(' ');
    },
    symbol: (address) => objectAt(elf, address) ?? elf.symbolise(address),
  };
}

/** `STACKS+0x4000` for an address within an object of the image. */
export function objectAt(elf: Elf, address: bigint): string | undefined {
  const found = elf.symbols.find(
    (it) => it.kind === 'object' && address >= it.address && address - it.address < (it.size === 0n ? 1n : it.size),
  );
  if (found === undefined) return undefined;
  const offset = address - found.address;
  return `${demangle(found.name)}${offset === 0n ? '' : `+${formatAddress(offset)}`}`;
}

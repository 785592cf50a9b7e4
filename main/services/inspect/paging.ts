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
  const looked = await lookSettled(
    target,
    (memory) => pageWalk(registers.value, memory, address),
    (a, b) => a.steps.every((step, n) => step.entry === b.steps[n]?.entry),
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
  const names = image.ok ? namesOf(image.value.elf) : NO_NAMES;
  const looked = await lookSettled(
    target,
    (memory) => addressSpace(registers.value, memory, names),
    (a, b) => sameRanges(a, b),
    1,
  );
  return looked.ok ? ok({ ...looked.value.value, torn: looked.value.torn }) : looked;
}

async function registersOf(
  target: InspectTarget,
  { processor, cr3 }: PagingQuestion,
): Promise<Result<PagingRegisters>> {
  const registers = await pagingOf(target, processor);
  return registers.ok && cr3 !== null ? ok({ ...registers.value, cr3 }) : registers;
}

function sameRanges(a: AddressSpace, b: AddressSpace): boolean {
  return (
    a.ranges.length === b.ranges.length &&
    a.ranges.every((range, n) => {
      const other = b.ranges[n];
      return (
        range.start === other?.start &&
        range.bytes === other.bytes &&
        range.target === other.target &&
        range.writable === other.writable
      );
    })
  );
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

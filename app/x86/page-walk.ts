import { formatAddress } from '../base/address.ts';
import type { PageWalk, PageWalkStep } from '../contract/inspect/paging.ts';
import { type GuestMemory, isInRegion } from './memory.ts';
import {
  levelShift,
  type PageStep,
  type PagingRegisters,
  type PagingShape,
  pagingMode,
  pagingShape,
  readEntry,
  type Translation,
  translate,
} from './paging.ts';
import { entryFlags, entryName } from './paging-flags.ts';

/** The walk of one address as it is shown. */
export function pageWalk(registers: PagingRegisters, memory: GuestMemory, linear: bigint): PageWalk {
  const shape = pagingShape(registers);
  const translation = translate(registers, (at, size) => memory.read(at, size), linear);
  const steps =
    shape === undefined || !('steps' in translation)
      ? []
      : translation.steps.map((step) => viewStep(shape, step, linear));
  const mapped = translation.kind === 'mapped' ? translation : null;
  return {
    address: formatAddress(BigInt.asUintN(64, linear)),
    mode: pagingMode(registers),
    cr3: formatAddress(registers.cr3),
    outcome: translation.kind,
    explanation: explain(translation, shape, memory),
    physical: mapped === null ? null : formatAddress(mapped.physical),
    pageBytes: mapped === null ? null : Number(mapped.pageBytes),
    rights: mapped === null ? null : { writable: mapped.writable, user: mapped.user, executable: mapped.executable },
    ram: mapped !== null && isInRegion(memory.regions, mapped.physical, 1),
    steps,
    symbol: null,
    torn: false,
  };
}

function viewStep(shape: PagingShape, { level, address, entry }: PageStep, linear: bigint): PageWalkStep {
  const meaning = readEntry(shape, level, entry);
  const count = level === shape.levels ? shape.entriesAtRoot : 1 << shape.indexBits;
  const target = meaning.kind === 'table' ? meaning.table : meaning.kind === 'page' ? meaning.page : null;
  return {
    level,
    name: entryName(level),
    index: Number((linear >> BigInt(levelShift(shape, level))) & BigInt(count - 1)),
    address: formatAddress(address),
    entry: formatAddress(entry),
    kind: meaning.kind,
    target: target === null ? null : formatAddress(target),
    flags: entryFlags(shape, level, entry, meaning),
  };
}

function explain(translation: Translation, shape: PagingShape | undefined, memory: GuestMemory): string {
  switch (translation.kind) {
    case 'mapped': {
      if (shape === undefined) return 'Paging is off: linear addresses are physical ones.';
      const { physical, pageBytes, writable, user, executable } = translation;
      const rights = [
        writable ? 'read and write' : 'read only',
        executable ? 'execute' : 'no execute',
        user ? 'user' : 'supervisor only',
      ];
      const ram = isInRegion(memory.regions, physical, 1)
        ? ''
        : ', which is not RAM: a device or nothing answers there';
      return `Mapped by a page of ${pageSize(pageBytes)} to ${formatAddress(physical)}${ram}; ${rights.join(', ')}.`;
    }
    case 'absent':
      return `Not mapped: the ${entryName(translation.level)} is not present. An access raises #PF with P=0 in its error code.`;
    case 'reserved': {
      const last = translation.steps.at(-1);
      const meaning = shape === undefined || last === undefined ? undefined : readEntry(shape, last.level, last.entry);
      const why = meaning?.kind === 'reserved' ? `: ${meaning.why}` : '';
      return `The ${entryName(translation.level)} has reserved bits set${why}. An access raises #PF with RSVD=1 in its error code.`;
    }
    case 'unreadable':
      return `The table at ${formatAddress(translation.address & ~0xfffn)} lies outside of RAM: what the processor reads there, nobody knows.`;
    case 'not-an-address':
      return shape?.addressBits === 32 || shape === undefined
        ? 'The address has more than 32 bits, which this mode cannot reach.'
        : `The address is not canonical: bits 63 to ${shape.addressBits - 1} differ. An access raises #GP(0), on the stack #SS(0).`;
  }
}

/** `4 KiB`, `2 MiB`, `1 GiB`. */
export function pageSize(bytes: bigint | number): string {
  const count = BigInt(bytes);
  if (count >= 1n << 30n) return `${count >> 30n} GiB`;
  return count >= 1n << 20n ? `${count >> 20n} MiB` : `${count >> 10n} KiB`;
}

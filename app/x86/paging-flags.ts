import type { PageWalkStep } from '../contract/inspect/paging.ts';
import { type EntryMeaning, hasRights, type PagingShape } from './paging.ts';

type EntryFlag = PageWalkStep['flags'][number];

const NAMES: Readonly<Record<number, string>> = { 5: 'PML5E', 4: 'PML4E', 3: 'PDPTE', 2: 'PDE', 1: 'PTE' };

export function entryName(level: number): string {
  return NAMES[level] ?? `level ${level}`;
}

/** Every bit of an entry that says something in its place, in order (SDM Vol. 3A, tables 4-14 to 4-20). */
export function entryFlags(shape: PagingShape, level: number, entry: bigint, meaning: EntryMeaning): EntryFlag[] {
  const flags: EntryFlag[] = [];
  const add = (bit: number, name: string, whenSet: string, whenClear: string) => {
    const set = ((entry >> BigInt(bit)) & 1n) === 1n;
    flags.push({ bit, name, set, meaning: set ? whenSet : whenClear });
  };
  add(0, 'P', 'present', 'not present: the rest is free for software');
  if (meaning.kind === 'absent') return flags;
  const page = meaning.kind === 'page';
  const what = page ? 'the page' : 'what lies below';
  if (hasRights(shape, level)) {
    add(1, 'R/W', `${what} may be written`, `${what} may only be read`);
    add(2, 'U/S', `${what} is for user mode too`, `${what} is for the supervisor only`);
  }
  add(3, 'PWT', 'write-through', 'write-back');
  add(4, 'PCD', 'caching disabled', 'cached');
  if (hasRights(shape, level)) add(5, 'A', 'used for a translation', 'not used yet');
  if (page) add(6, 'D', 'written to', 'not written to yet');
  if (level > 1 && (level <= 3 || meaning.kind === 'reserved') && hasRights(shape, level))
    add(7, 'PS', 'maps a page', 'leads to a table');
  if (page && level === 1)
    add(7, 'PAT', 'memory type from the upper half of the PAT', 'memory type from the lower half of the PAT');
  if (page) add(8, 'G', 'global: stays in the TLB when CR3 changes (with CR4.PGE)', 'not global');
  if (page && level > 1)
    add(12, 'PAT', 'memory type from the upper half of the PAT', 'memory type from the lower half of the PAT');
  if (shape.entryBytes === 8 && hasRights(shape, level))
    add(
      63,
      'XD',
      shape.noExecute ? `${what} cannot be executed` : 'reserved without EFER.NXE',
      shape.noExecute ? `${what} may be executed` : 'EFER.NXE is off: everything may be executed',
    );
  return flags;
}

import { formatAddress } from '../../../app/base/address.ts';
import type { CodePlace, CodePlaces } from '../../../app/contract/index.ts';
import type { LineTable } from '../../../app/wire/dwarf/line.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import type { KernelImage } from './images.ts';

/** What an image says about addresses. `startedAt` is when the machine was started, null of a dump, which knows its own image. */
export function readPlaces(
  { elf, modifiedMs, lines }: KernelImage,
  startedAt: number | null,
  addresses: readonly bigint[],
  root: string,
  returns: boolean,
): CodePlaces {
  const table = lines();
  return {
    places: codePlaces(elf, table.ok ? table.value : undefined, addresses, root, returns),
    rebuilt: startedAt !== null && modifiedMs > startedAt,
    problem: table.ok ? '' : table.error.why,
  };
}

/** Names and source of addresses. Without a table there are names only. */
export function codePlaces(
  elf: Elf,
  table: LineTable | undefined,
  addresses: readonly bigint[],
  root: string,
  returns: boolean,
): CodePlace[] {
  const isOwn = (file: string) => pathInside(root, file) !== null;
  return addresses.map((address) => {
    const source = table?.lookup(address, returns);
    const path = source === undefined ? null : pathInside(root, source.file);
    const caller = source === undefined || path !== null ? undefined : table?.lookupNear(address, isOwn, returns);
    const callerPath = caller === undefined ? null : pathInside(root, caller.file);
    return {
      address: formatAddress(address),
      symbol: elf.symbolise(address, returns) ?? null,
      source: source === undefined ? null : { ...source, path },
      caller:
        caller === undefined || callerPath === null
          ? null
          : { path: callerPath, line: caller.line, column: caller.column },
    };
  });
}

/** A compiler's path as one of the workspace, with `/` on every system; null if it lies outside. */
export function pathInside(root: string, file: string): string | null {
  const plain = file.replaceAll('\\', '/');
  const folder = `${root.replaceAll('\\', '/').replace(/\/$/, '')}/`;
  return plain.startsWith(folder) && plain.length > folder.length ? plain.slice(folder.length) : null;
}

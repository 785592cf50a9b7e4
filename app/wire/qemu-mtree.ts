/** Memory as QEMU's `info mtree -f` prints it (softmmu/memory.c, held against 7.2): what is where for a processor. */

export interface FlatRange {
  readonly start: bigint;
  readonly bytes: bigint;
  /** `ram`, `rom`, `i/o`, `romd`, `ramd`. */
  readonly kind: string;
  /** `pc.ram`, `msix-table`. */
  readonly name: string;
}

const MAX_RANGES = 65_536;

/** The ranges of the first view whose address space is `memory` or a processor's own. */
export function parseFlatView(text: string): FlatRange[] {
  const ranges: FlatRange[] = [];
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('FlatView #')) {
      if (ranges.length > 0) break;
      inside = false;
    }
    if (/^ AS "(memory|cpu-memory-0)"/.test(line)) inside = true;
    const row = /^ {2}([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d{1,10}, ([a-z/]{2,8})\): (\S{1,64})/.exec(line);
    if (row === null || !inside || ranges.length === MAX_RANGES) continue;
    const [start, last] = [BigInt(`0x${row[1]}`), BigInt(`0x${row[2]}`)];
    if (last >= start) ranges.push({ start, bytes: last - start + 1n, kind: row[3] ?? '', name: row[4] ?? '' });
  }
  return ranges;
}

/** RAM, with the pieces of it that firmware has locked and that are ROM since. Neighbours are one piece. */
export function ramOfFlatView(ranges: readonly FlatRange[]): { readonly start: bigint; readonly bytes: bigint }[] {
  const regions: { start: bigint; bytes: bigint }[] = [];
  const ram = new Set(ranges.filter(({ kind }) => kind === 'ram').map(({ name }) => name));
  for (const { start, bytes, kind, name } of ranges) {
    if (kind !== 'ram' && !(kind === 'rom' && ram.has(name))) continue;
    const last = regions.at(-1);
    if (last !== undefined && last.start + last.bytes === start) last.bytes += bytes;
    else regions.push({ start, bytes });
  }
  return regions;
}

/**
 * Whether PCI devices reach memory (bit 2 of their command registers), by QEMU's names of their types: one that may not has an address
 * space with nothing in it (hw/pci/pci.c, "bus master container"). Null where some of a type may and others may not, or where the map says
 * neither, as behind an IOMMU.
 */
export function parseBusMasters(text: string): ReadonlyMap<string, boolean | null> {
  const masters = new Map<string, boolean | null>();
  let names: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('FlatView #')) names = [];
    const name = /^ AS "([\w.-]{1,64})", root: bus master container\s*$/.exec(line)?.[1];
    if (name !== undefined && names.length < MAX_RANGES) names.push(name);
    const root = /^ Root memory region: (.*?)\s*$/.exec(line)?.[1];
    if (root === undefined) continue;
    for (const it of names) {
      const reaches = root !== '(none)';
      masters.set(it, !masters.has(it) || masters.get(it) === reaches ? reaches : null);
    }
    names = [];
  }
  return masters;
}

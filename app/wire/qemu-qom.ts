/** QEMU's object tree as its monitor prints it (`qom-list`, `qom-get`; qom/qom-hmp-cmds.c), held against 7.2. */

export interface QomEntry {
  readonly name: string;
  /** `child<ioapic>`, `bool`. */
  readonly type: string;
}

const MAX_ENTRIES = 4096;
export const MACHINE = '/machine';
/** Holds the devices of a machine that have no name. */
export const UNATTACHED = 'unattached';

export function parseQomList(text: string): QomEntry[] {
  const entries: QomEntry[] = [];
  for (const line of text.split(/\r?\n/, MAX_ENTRIES)) {
    const [, name = '', type = ''] = /^([\w.[\]-]{1,128}) \(([^()]{1,128})\)$/.exec(line) ?? [];
    if (name !== '') entries.push({ name, type });
  }
  return entries;
}

const IOAPIC = /^child<(kvm-)?ioapic>$/;

/**
 * The IOAPICs of a machine in the order in which `info pic` and `info irq` print them. These walk the tree (hw/core or monitor,
 * `object_child_foreach_recursive`), and `qom-list` prints the same walk backwards, since it puts each entry before the last
 * (`qmp_qom_list`).
 * @param machine what `/machine` has
 * @param unattached what `/machine/unattached` has
 */
export function ioApicPaths(machine: readonly QomEntry[], unattached: readonly QomEntry[]): string[] {
  const pathsIn = (parent: string, entries: readonly QomEntry[], inside: readonly QomEntry[]): string[] =>
    entries.toReversed().flatMap(({ name, type }) => {
      if (name === UNATTACHED) return pathsIn(`${parent}/${name}`, inside, []);
      return IOAPIC.test(type) ? [`${parent}/${name}`] : [];
    });
  return pathsIn(MACHINE, machine, unattached);
}

/** A number that `qom-get` prints. */
export function parseQomNumber(text: string): bigint | undefined {
  const digits = /^\d{1,20}$/.exec(text.trim())?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

/** A text that `qom-get` prints: `"microvm-machine"`. */
export function parseQomText(text: string): string | undefined {
  return /^"([\w.-]{0,128})"$/.exec(text.trim())?.[1];
}

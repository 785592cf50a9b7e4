import { formatAddress, parseAddress } from '../base/address.ts';
import { Recent } from '../base/recent.ts';
import type { CpuView, MsrsView, MsrView, RegisterView, WrittenDown } from '../contract/inspect/cpu.ts';
import type { MsrRecord, WrittenCore } from '../contract/records.ts';
import { decodeBits } from './bits.ts';
import type { RegisterValues } from './machine-state.ts';
import { MSR, msrName, msrOf, msrsAgree } from './msrs.ts';
import { CR0, REGISTER_BITS } from './registers.ts';

/** Registers that QEMU tells, by number and by its own names; it tells KERNEL_GS_BASE through its gdb stub only. */
const TOLD: Readonly<Record<number, string>> = {
  [MSR.EFER]: 'efer',
  [MSR.FS_BASE]: 'fs.base',
  [MSR.GS_BASE]: 'gs.base',
  [MSR.KERNEL_GS_BASE]: 'kernel_gs.base',
};
/** Problems that are shown: a hostile record has room for hundreds. */
const MAX_PROBLEMS = 20;
export const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/** What the kernel has written down, or why there is nothing. */
export type Written = { readonly record: MsrRecord; readonly torn: boolean } | { readonly why: string };

export interface SeenMsrs {
  readonly view: Omit<MsrsView, 'revision'>;
  /** What the kernel has written down of each processor, by the processor's index. */
  readonly cores: ReadonlyMap<number, WrittenCore>;
  readonly differences: CpuView['differences'];
  readonly unknown: readonly string[];
}

/** All of the processors that the view depends on: for whoever keeps it. */
export function msrsKey(dumps: readonly RegisterValues[]): string {
  return dumps
    .map(({ index, values }) => [index, isStarted(values), ...Object.values(TOLD).map((it) => values[it])])
    .join(';');
}

/**
 * Model-specific registers: what QEMU tells of them now, else what the kernel has written down. The kernel numbers its cores in the order
 * in which they came up, QEMU otherwise; what joins them is GS_BASE, which is another on each.
 */
export function msrsView(
  { record, torn }: Extract<Written, { record: unknown }>,
  dumps: readonly RegisterValues[],
  place: (address: bigint) => string | null,
): SeenMsrs {
  const cores = new Map<number, WrittenCore>();
  const unknown: string[] = [];
  for (const { index, values } of dumps) {
    const gs = parseAddress(values['gs.base'] ?? '');
    const found = record.cores.filter((core) => gs !== undefined && writtenOf(core, MSR.GS_BASE) === gs);
    const [core] = found;
    if (core !== undefined && found.length === 1) cores.set(index, core);
    else if (isStarted(values))
      unknown.push(
        `Most model-specific registers of processor ${index}: the kernel has written down ${found.length === 0 ? 'no core' : `${found.length} cores`} with its GS_BASE (${values['gs.base'] ?? 'not told'}).`,
      );
  }
  const all = [
    ...record.problems,
    ...record.cores.flatMap(({ core, dropped }) =>
      dropped > 0 ? [`core ${core}: ${dropped} more registers found no room in the record`] : [],
    ),
    ...(torn ? ['the record changed at every look'] : []),
  ];
  const problems = all.slice(0, MAX_PROBLEMS);
  if (all.length > MAX_PROBLEMS) problems.push(`and ${all.length - MAX_PROBLEMS} more`);
  return {
    view: {
      processors: dumps.flatMap(({ index, values }) => {
        const core = cores.get(index);
        return core === undefined
          ? []
          : [{ index, core: core.core, readMs: core.readMs, registers: registersOf(core, values, place) }];
      }),
      problems,
    },
    cores,
    differences: differences(cores, dumps),
    unknown,
  };
}

/** What the kernel has written down of a register that has a place among the others, such as EFER. */
export function writtenDown(core: WrittenCore | undefined, number: number): WrittenDown | null {
  const found = core?.registers.find((it) => it.number === formatAddress(BigInt(number)));
  return found === undefined ? null : { value: found.value, readMs: found.readMs, changes: found.changes };
}

/** XCR0 of a processor of which QEMU says what it is at least, if anything. */
export function xcr0View(core: WrittenCore | undefined, atLeast: { value: bigint; known: bigint } | undefined) {
  const whole = core?.xcr0 === undefined || core.xcr0 === null ? undefined : (parseAddress(core.xcr0) ?? 0n);
  const written: WrittenDown | null =
    core === undefined || whole === undefined ? null : { value: formatAddress(whole), readMs: core.readMs, changes: 0 };
  if (whole === undefined || written === null)
    return atLeast === undefined ? undefined : registerView('xcr0', atLeast.value, atLeast.known, null);
  // What is seen now wins.
  if (atLeast !== undefined && ((whole ^ atLeast.value) & atLeast.known) !== 0n)
    return registerView('xcr0', atLeast.value, atLeast.known, written);
  return { ...registerView('xcr0', whole, ALL_BITS, null), from: 'kernel' as const, written };
}

/** A register that was asked for. `written` is dropped where it says the same. */
export function registerView(name: string, value: bigint, known: bigint, written: WrittenDown | null): RegisterView {
  const plain = views.get(`${name} ${value} ${known}`, () => plainView(name, value, known));
  return written === null || parseAddress(written.value) === value ? plain : { ...plain, written };
}

/** Most registers are at the next look what they were at the last. */
const views = new Recent<RegisterView>(512);

function plainView(name: string, value: bigint, known: bigint): RegisterView {
  const table = REGISTER_BITS[name];
  return {
    ...{ name, value: formatAddress(value), known: formatAddress(known) },
    bits: (table === undefined ? [] : decodeBits(value, table))
      .filter(({ low }) => ((known >> BigInt(low)) & 1n) === 1n)
      .map((it) => ({ ...it, value: formatAddress(it.value) })),
    from: 'now',
    written: null,
  };
}

function isStarted(values: RegisterValues['values']): boolean {
  return ((parseAddress(values.cr0 ?? '') ?? 0n) & CR0.PE) !== 0n;
}

function writtenOf(core: WrittenCore, number: number): bigint | undefined {
  const written = writtenDown(core, number);
  return written === null ? undefined : parseAddress(written.value);
}

/** What a register holds now, if it is told, else what was written down. */
function heldBy(core: WrittenCore, values: RegisterValues['values'], number: number): bigint | undefined {
  return parseAddress(values[TOLD[number] ?? ''] ?? '') ?? writtenOf(core, number);
}

function registersOf(core: WrittenCore, values: RegisterValues['values'], place: (address: bigint) => string | null) {
  const context = { value: (number: number) => heldBy(core, values, number), place };
  return core.registers.flatMap(({ number, value: text, readMs, changes }): MsrView[] => {
    const n = Number(number);
    // Among the control registers.
    if (n === MSR.EFER) return [];
    const written = { value: text, readMs, changes };
    const told = parseAddress(values[TOLD[n] ?? ''] ?? '');
    const value = told ?? parseAddress(text) ?? 0n;
    const msr = msrOf(n);
    return [
      {
        ...{ name: msrName(n), number, value: formatAddress(value), known: formatAddress(ALL_BITS) },
        bits: (msr === undefined ? [] : decodeBits(value, msr)).map((it) => ({
          ...it,
          value: formatAddress(it.value),
        })),
        says: msr?.says?.(value, context) ?? null,
        from: told === undefined ? 'kernel' : 'now',
        written: told === undefined || formatAddress(told) !== text ? written : null,
      },
    ];
  });
}

/** Registers that are not the same on all cores that have them, and should be. EFER is compared with the control registers. */
function differences(
  cores: ReadonlyMap<number, WrittenCore>,
  dumps: readonly RegisterValues[],
): CpuView['differences'] {
  const seen = dumps.flatMap(({ index, values }) => {
    const core = cores.get(index);
    return core === undefined ? [] : [{ index, core, values }];
  });
  const numbers = new Set(seen.flatMap(({ core }) => core.registers.map(({ number }) => Number(number))));
  numbers.delete(MSR.EFER);
  const rows = [...numbers].map((number) => ({
    name: msrName(number),
    agree: (a: bigint, b: bigint) => msrsAgree(number, a, b),
    held: seen.flatMap(({ index, core, values }) => {
      const value = heldBy(core, values, number);
      return value === undefined ? [] : [{ processor: index, value }];
    }),
  }));
  const xcr0 = seen.map(({ index, core }) => ({ processor: index, value: parseAddress(core.xcr0 ?? '0x0') ?? 0n }));
  rows.push({ name: 'xcr0', agree: (a, b) => a === b, held: xcr0 });
  return rows.flatMap(({ name, agree, held }) => {
    const [first] = held;
    return first === undefined || held.every(({ value }) => agree(first.value, value))
      ? []
      : [{ name, values: held.map(({ processor, value }) => ({ processor, value: formatAddress(value) })) }];
  });
}

/** What the linter, the what-if and the views look at: processors, their linear memory, and what is known of the code. */
import { parseAddress } from '../base/address.ts';
import { Recent } from '../base/recent.ts';
import {
  type Descriptor,
  decodeDescriptors,
  decodeGates,
  decodeHidden,
  decodeTss,
  type Gate,
  TSS64,
  type Tss,
  tableBytes,
} from './descriptors.ts';
import { type PagingRegisters, type ReadPhysical, readLinear, type Translation, translate } from './paging.ts';
import { CR4, EFER } from './registers.ts';
import { isNull, ldtOf } from './selectors.ts';

export const SEGMENT_NAMES = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const;
export type SegmentName = (typeof SEGMENT_NAMES)[number];
export type SelectorName = SegmentName | 'ldt' | 'tr';

/** A segment register: selector and cache. */
export interface SegmentState {
  readonly selector: number;
  readonly hidden: Descriptor;
  readonly base: bigint;
  readonly limit: bigint;
}

export interface TableState {
  readonly base: bigint;
  readonly limit: bigint;
}

export interface ProcessorState extends PagingRegisters {
  readonly index: number;
  readonly halted: boolean;
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rflags: bigint;
  readonly cpl: number;
  /** IA-32e mode is active (EFER.LMA): tables have their long form. */
  readonly long: boolean;
  readonly segments: Readonly<Record<SelectorName, SegmentState>>;
  readonly gdt: TableState;
  readonly idt: TableState;
}

/** `info registers` of one processor (app/wire/qemu-registers). */
export interface RegisterValues {
  readonly index: number;
  readonly halted: boolean;
  readonly values: Readonly<Record<string, string>>;
}

const states = new WeakMap<RegisterValues, ProcessorState>();
/** Segments and tables stay while everything else moves. */
const segmentStates = new Recent<SegmentState>(512);

/** A register that is missing counts as zero: QEMU tells all of them of an x86 processor. Read once for all who share one look. */
export function processorState(registers: RegisterValues): ProcessorState {
  let state = states.get(registers);
  if (state === undefined) {
    state = readState(registers);
    states.set(registers, state);
  }
  return state;
}

function readState({ index, halted, values }: RegisterValues): ProcessorState {
  const get = (name: string, other = '') => parseAddress(values[name] ?? '') ?? parseAddress(values[other] ?? '') ?? 0n;
  const efer = get('efer');
  const long = (efer & EFER.LMA) !== 0n;
  const segment = (name: SelectorName): SegmentState => {
    const parts = [name, `${name}.base`, `${name}.limit`, `${name}.flags`];
    const key = `${name} ${parts.map((it) => values[it]).join(' ')} ${long}`;
    return segmentStates.get(key, () => {
      const [selector, base, limit] = [Number(get(name)), get(`${name}.base`), get(`${name}.limit`)];
      return { selector, base, limit, hidden: decodeHidden(selector, base, limit, get(`${name}.flags`), long) };
    });
  };
  const segments = {
    ...{
      cs: segment('cs'),
      ss: segment('ss'),
      ds: segment('ds'),
      es: segment('es'),
      fs: segment('fs'),
      gs: segment('gs'),
    },
    ...{ ldt: segment('ldt'), tr: segment('tr') },
  };
  return {
    ...{ index, halted, efer, long, segments },
    ...{ cr0: get('cr0'), cr3: get('cr3'), cr4: get('cr4') },
    ...{ rip: get('rip', 'eip'), rsp: get('rsp', 'esp'), rflags: get('rfl', 'efl') },
    // The SS cache's DPL is the CPL (SDM Vol. 3A §5.5); QEMU keeps it so.
    cpl: segments.ss.hidden.dpl,
    gdt: { base: get('gdt.base'), limit: get('gdt.limit') },
    idt: { base: get('idt.base'), limit: get('idt.limit') },
  };
}

/** A symbol, and where its first instruction is in the source, if that is known. */
export interface CodePlace {
  readonly symbol: string;
  readonly start: bigint;
  readonly size: bigint;
}

/** What an image tells about addresses. Without one, page tables alone say what is code. */
export interface CodeMap {
  /** The symbol in which an address lies. */
  readonly at: (address: bigint) => CodePlace | undefined;
  /** Whether it is in an executable section. */
  readonly isCode: (address: bigint) => boolean;
}

/** The tables of one processor as memory has them. */
export interface ProcessorTables {
  readonly processor: ProcessorState;
  /** Null where not all of the table is mapped to RAM; then only what there is up to the first hole is decoded. */
  readonly gdtBytes: Uint8Array | null;
  readonly idtBytes: Uint8Array | null;
  readonly tssBytes: Uint8Array | null;
  /** Null also where LDTR is null: no LDT is in use. */
  readonly ldtBytes: Uint8Array | null;
  /** Of the GDT. */
  readonly descriptors: readonly Descriptor[];
  /** Of the LDT. */
  readonly ldt: readonly Descriptor[];
  readonly gates: readonly Gate[];
  readonly tss: Tss | null;
  readonly read: (linear: bigint, size: number) => Uint8Array | undefined;
  readonly translate: (linear: bigint) => Translation;
  /** Whether there is RAM behind the page of an address. */
  readonly isBacked: (linear: bigint) => boolean;
}

export interface MachineTables {
  readonly processors: readonly ProcessorTables[];
  readonly code: CodeMap | null;
}

/** A change to linear memory that has not happened. */
export interface Edit {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Reads the tables of a processor. `edits` lie over memory: for the question what would be. */
export function readTables(
  processor: ProcessorState,
  physical: ReadPhysical,
  edits: readonly Edit[] = [],
): ProcessorTables {
  const read = (linear: bigint, size: number) => overlay(readLinear(processor, physical, linear, size), linear, edits);
  const walk = pageByPage((linear) => translate(processor, physical, linear));
  const backed = new Map<bigint, boolean>();
  const gdtBytes = readTable(processor.gdt, read);
  const idtBytes = readTable(processor.idt, read);
  const ldt = ldtOf(processor);
  const ldtBytes = ldt === undefined ? null : readTable(ldt, read);
  const { tr } = processor.segments;
  const tssSize = Math.min(tableBytes(tr.limit), TSS64.bytes);
  const tssBytes = isNull(tr.selector) || !processor.long ? null : (read(tr.base, tssSize) ?? null);
  return {
    ...{ processor, gdtBytes, idtBytes, tssBytes, ldtBytes, read },
    descriptors: gdtBytes === null ? [] : decodeDescriptors(gdtBytes, processor.long, tableBytes(processor.gdt.limit)),
    ldt:
      ldt === undefined || ldtBytes === null ? [] : decodeDescriptors(ldtBytes, processor.long, tableBytes(ldt.limit)),
    gates: idtBytes === null ? [] : decodeGates(idtBytes, processor.long),
    tss: tssBytes === null ? null : decodeTss(tssBytes),
    translate: walk,
    isBacked: (linear) => {
      const page = linear - (linear & (PAGE - 1n));
      let known = backed.get(page);
      if (known === undefined) {
        const found = walk(page);
        known = found.kind === 'mapped' && physical(found.physical, 1) !== undefined;
        backed.set(page, known);
      }
      return known;
    },
  };
}

/** Gates lead to few pages: each is walked once. What is not canonical shares no page with anything that is. */
function pageByPage(walk: (linear: bigint) => Translation): (linear: bigint) => Translation {
  const pages = new Map<bigint, Translation>();
  return (linear) => {
    const offset = linear & (PAGE - 1n);
    const page = linear - offset;
    let found = pages.get(page);
    if (found === undefined) {
      found = walk(page);
      pages.set(page, found);
    }
    return found.kind === 'mapped' ? { ...found, physical: found.physical + offset } : found;
  };
}

const PAGE = 4096n;

/** The table, or as much of it as is mapped; null if its first byte is not. */
function readTable({ base, limit }: TableState, read: ProcessorTables['read']): Uint8Array | null {
  const size = tableBytes(limit);
  const whole = read(base, size);
  if (whole !== undefined) return whole;
  let got: Uint8Array | null = null;
  for (let end = (base / PAGE + 1n) * PAGE; end - base < BigInt(size); end += PAGE) {
    const more = read(base, Number(end - base));
    if (more === undefined) break;
    got = more;
  }
  return got;
}

function overlay(bytes: Uint8Array | undefined, linear: bigint, edits: readonly Edit[]): Uint8Array | undefined {
  if (bytes === undefined || edits.length === 0) return bytes;
  const copy = bytes.slice();
  for (const { address, bytes: changed } of edits) {
    for (const [n, byte] of changed.entries()) {
      const at = address + BigInt(n) - linear;
      if (at >= 0n && at < BigInt(copy.length)) copy[Number(at)] = byte;
    }
  }
  return copy;
}

/** Vectors that no processor raises: 9 was for the 80386, 15, 22 to 27 and 31 are reserved (SDM Vol. 3A table 6-1). */
const NEVER_RAISED = new Set([9, 15, 22, 23, 24, 25, 26, 27, 31]);
/** #VE is of VMX guests, #HV, #VC and #SX of SEV guests and SVM: QEMU's machines are neither. */
const OF_SPECIAL_GUESTS = new Set([20, 28, 29, 30]);

/** Whether an exception can come of itself. Kernels leave old gates where it cannot: nothing goes through them. */
export function canBeRaised(vector: number, { cr4 }: Pick<ProcessorState, 'cr4'>): boolean {
  if (vector === 18) return (cr4 & CR4.MCE) !== 0n;
  if (vector === 21) return (cr4 & CR4.CET) !== 0n;
  return !NEVER_RAISED.has(vector) && !OF_SPECIAL_GUESTS.has(vector);
}

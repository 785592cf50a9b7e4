import { formatAddress, parseAddress } from '../base/address.ts';
import type { CpuView, ProcessorView, SegmentView } from '../contract/inspect/cpu.ts';
import type { WrittenCore } from '../contract/records.ts';
import { type Descriptor, descriptorTypeName } from './descriptors.ts';
import { type ProcessorState, processorState, type RegisterValues, type SegmentState } from './machine-state.ts';
import { MSR } from './msrs.ts';
import { ALL_BITS, registerView, type SeenMsrs, writtenDown, xcr0View } from './msrs-view.ts';
import { pagingMode } from './paging.ts';
import { CR0, RFLAGS } from './registers.ts';
import { isNull } from './selectors.ts';

const GENERAL = [
  'rip',
  'rsp',
  'rbp',
  'rax',
  'rbx',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
/** Outside of long mode QEMU has only these. */
const GENERAL_32 = ['eip', 'esp', 'ebp', 'eax', 'ebx', 'ecx', 'edx', 'esi', 'edi'];
const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldt', 'tr'] as const;
const BITWISE = ['cr0', 'cr3', 'cr4', 'efer', 'xcr0', 'rfl', 'dr6', 'dr7'];
/** The last two are told by a gdb stub only. */
const ADDRESSES = ['cr2', 'dr0', 'dr1', 'dr2', 'dr3', 'cr8', 'kernel_gs.base'];
/** What is the same on every started processor of a sane kernel. Bases differ where each has its own tables. */
const COMPARED = [
  'cr0',
  'cr3',
  'cr4',
  'efer',
  'xcr0',
  'gdt.limit',
  'idt.base',
  'idt.limit',
  'cs',
  'ss',
  'tr',
  'tr.limit',
];
/** What XCR0 is at least, by the vector registers that QEMU shows; it does not tell XCR0 itself. */
const XCR0_BY_VECTORS = { xmm: [0x1n, 0x1n], ymm: [0x7n, 0x7n], zmm: [0xe7n, 0xe7n] } as const;

/** Registers as QEMU gives them, and the widest vector registers that it shows. */
export interface ProcessorDump extends RegisterValues {
  readonly vectors?: keyof typeof XCR0_BY_VECTORS | undefined;
}

/** Model-specific registers that are in the view, or why there are none. */
export type CpuMsrs = (SeenMsrs & { readonly revision: string }) | { readonly why: string };

/** @param place names an instruction pointer */
export function cpuView(
  dumps: readonly ProcessorDump[],
  place: (rip: bigint) => string | null,
  msrs: CpuMsrs,
): CpuView {
  const cores: ReadonlyMap<number, WrittenCore> = 'cores' in msrs ? msrs.cores : new Map();
  const processors = dumps.map((dump) => processorView(dump, place, cores.get(dump.index)));
  const isWhole = ({ registers }: ProcessorView) =>
    registers.some(({ name, known }) => name === 'xcr0' && known === formatAddress(ALL_BITS));
  return {
    processors,
    differences: [...differences(dumps), ...('cores' in msrs ? msrs.differences : [])],
    msrs: 'cores' in msrs ? { revision: msrs.revision, ...msrs.view } : null,
    unknown: [
      ...unknownMsrs(dumps, msrs),
      ...(processors.every(isWhole)
        ? []
        : dumps.some(({ vectors }) => vectors !== undefined)
          ? ['XCR0 as a whole: its bits follow from which vector registers QEMU shows.']
          : ['XCR0.']),
      ...(dumps.some(({ values }) => !tellsHidden(values))
        ? [
            'Hidden parts of segment registers (base, limit, type), GDTR, IDTR, TR and debug registers: this source tells selectors only. That code is 64-bit is taken from EFER.',
          ]
        : []),
    ],
  };
}

function unknownMsrs(dumps: readonly ProcessorDump[], msrs: CpuMsrs): string[] {
  const nobody = 'QEMU 7.2 shows them to nobody while the guest runs';
  if ('cores' in msrs)
    return [
      ...msrs.unknown,
      `Model-specific registers that our kernel does not write down: ${nobody}. Those it does are as of the time that is said.`,
    ];
  const more = dumps.some(({ values }) => values['kernel_gs.base'] !== undefined) ? ' and KERNEL_GS_BASE' : '';
  return [
    `Model-specific registers but EFER, FS_BASE and GS_BASE (the bases of FS and GS)${more}: ${nobody}, and ${msrs.why}.`,
  ];
}

/** Whether segments have their hidden parts: a gdb stub without a monitor and plain cores know none. */
function tellsHidden(values: RegisterValues['values']): boolean {
  return values['cs.flags'] !== undefined;
}

function processorView(
  dump: ProcessorDump,
  place: (rip: bigint) => string | null,
  core: WrittenCore | undefined,
): ProcessorView {
  const state = processorState(dump);
  const value = (name: string) => dump.values[name] ?? dump.values[name === 'rfl' ? 'efl' : name];
  const list = (names: readonly string[]) =>
    names.flatMap((name) => {
      const it = value(name);
      return it === undefined ? [] : [{ name, value: it }];
    });
  const general = list(GENERAL);
  return {
    index: dump.index,
    halted: dump.halted,
    mode: modeOf(state, tellsHidden(dump.values)),
    paging: pagingMode(state),
    cpl: state.cpl,
    general: general.length > 0 ? general : list(GENERAL_32),
    place: place(state.rip),
    segments: SEGMENTS.map((name) => segmentView(name, state, tellsHidden(dump.values))),
    gdt: { base: formatAddress(state.gdt.base), limit: formatAddress(state.gdt.limit) },
    idt: { base: formatAddress(state.idt.base), limit: formatAddress(state.idt.limit) },
    registers: [
      ...list(BITWISE).map(({ name, value: text }) =>
        registerView(name, parseAddress(text) ?? 0n, ALL_BITS, name === 'efer' ? writtenDown(core, MSR.EFER) : null),
      ),
      ...xcr0(dump, core),
    ],
    addresses: list(core === undefined ? ADDRESSES : ADDRESSES.filter((name) => name !== 'kernel_gs.base')),
  };
}

function xcr0({ vectors, values }: ProcessorDump, core: WrittenCore | undefined) {
  if (values.xcr0 !== undefined) return [];
  const [value, known] = vectors === undefined ? [0n, 0n] : XCR0_BY_VECTORS[vectors];
  const view = xcr0View(core, vectors === undefined ? undefined : { value, known });
  return view === undefined ? [] : [view];
}

/** A segment that stays what it was is the same object at every look; so is its view. */
const segmentViews = new WeakMap<SegmentState, SegmentView>();

function segmentView(name: (typeof SEGMENTS)[number], { segments }: ProcessorState, told: boolean): SegmentView {
  const state = segments[name];
  const view = segmentViews.get(state) ?? viewOf(name, state, told);
  segmentViews.set(state, view);
  return view;
}

function viewOf(name: string, { selector, base, limit, hidden }: SegmentState, told: boolean): SegmentView {
  const code = hidden.kind === 'segment';
  return {
    name,
    selector: formatAddress(BigInt(selector)),
    base: formatAddress(base),
    limit: formatAddress(limit),
    type: told ? descriptorTypeName(hidden) : 'not told',
    present: !told || hidden.present,
    dpl: hidden.dpl,
    ...{ long: code && hidden.long, big: code && hidden.big, accessed: code && hidden.accessed },
    granular: 'granular' in hidden && hidden.granular,
    note: noteOf(name, selector, hidden),
  };
}

/** Where the hidden part is other than the manual lets one expect. */
function noteOf(name: string, selector: number, hidden: Descriptor): string | null {
  if (name === 'ldt' && isNull(selector)) return 'LDTR is null: no LDT is in use, whatever base and limit are';
  if (name === 'tr' && isNull(selector)) return 'TR is null: no TSS is loaded, whatever stands here since the reset';
  // QEMU's LTR copies the descriptor, and sets the busy bit in memory only; hardware and KVM have it in TR too.
  if (name === 'tr' && hidden.kind === 'tss' && !hidden.busy)
    return "the copy in QEMU's TR, taken before LTR marks the TSS busy: whether it is busy, its descriptor in the GDT says";
  return null;
}

function modeOf({ cr0, rflags, long, segments }: ProcessorState, told: boolean): ProcessorView['mode'] {
  if ((cr0 & CR0.PE) === 0n) return 'real';
  if ((rflags & RFLAGS.VM) !== 0n) return 'virtual-8086';
  if (!told) return long ? '64-bit' : 'protected 32-bit';
  const { hidden } = segments.cs;
  const big = hidden.kind === 'segment' && hidden.big;
  if (!long) return big ? 'protected 32-bit' : 'protected 16-bit';
  if (hidden.kind === 'segment' && hidden.long) return '64-bit';
  return big ? 'compatibility 32-bit' : 'compatibility 16-bit';
}

/** Between processors that have left real mode: the others still wait for their start. */
function differences(dumps: readonly ProcessorDump[]): CpuView['differences'] {
  const started = dumps.filter(({ values }) => ((parseAddress(values.cr0 ?? '') ?? 0n) & CR0.PE) !== 0n);
  return COMPARED.flatMap((name) => {
    const values = started.flatMap(({ index, values: all }) => {
      const value = all[name];
      // In 64-bit mode SS is null in a handler that has another stack (SDM Vol. 3A §6.14.4): that is no setting of the processor.
      const passing = name === 'ss' && isNull(Number(value));
      return value === undefined || passing ? [] : [{ processor: index, value }];
    });
    return new Set(values.map(({ value }) => value)).size > 1 ? [{ name, values }] : [];
  });
}

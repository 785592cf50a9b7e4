// biome-ignore-all lint/complexity/useSimpleNumberKeys: the manuals number these registers in hexadecimal
import { formatAddress } from '../base/address.ts';
import { type BitField, type BitTable, bit } from './bits.ts';
import { pageSize } from './page-walk.ts';
import { EFER, REGISTER_BITS } from './registers.ts';

/** What is known of a core when one of its registers is explained. */
export interface MsrContext {
  /** The other registers, by number. */
  readonly value: (number: number) => bigint | undefined;
  /** Names a linear address of code. */
  readonly place: (address: bigint) => string | null;
}

export interface Msr extends BitTable {
  /** The manual's name without IA32_, in lower case. */
  readonly name: string;
  /** Whether processors of a sane system have the same: what is not an address of a core's own. */
  readonly isShared: boolean;
  /** Bits in which cores differ nevertheless. */
  readonly ownBits?: bigint;
  /** What it comes to, in words; null where its fields say all. */
  readonly says?: (value: bigint, context: MsrContext) => string | null;
}

export const MSR = {
  APIC_BASE: 0x1b,
  MTRR_CAP: 0xfe,
  MTRR_PHYSBASE0: 0x200,
  PAT: 0x277,
  EFER: 0xc000_0080,
  FS_BASE: 0xc000_0100,
  GS_BASE: 0xc000_0101,
  KERNEL_GS_BASE: 0xc000_0102,
} as const;
/** Base and mask of each variable range follow one another (SDM Vol. 3A §12.11.2.3); no more than this many are explained. */
const MAX_RANGES = 32;

/** SDM Vol. 3A table 12-8, and table 12-10 for the PAT. */
const MEMORY_TYPES: Readonly<Record<string, string>> = {
  0: 'UC, uncacheable',
  1: 'WC, write-combining',
  4: 'WT, write-through',
  5: 'WP, write-protected',
  6: 'WB, write-back',
};
const memoryType = (value: bigint) => MEMORY_TYPES[String(value)] ?? 'reserved';
const patType = (value: bigint) => (value === 7n ? 'UC-, uncacheable unless an MTRR says WC' : memoryType(value));

/** Bits of a physical page frame. */
const FRAME = 0x000f_ffff_ffff_f000n;

const address = (meaning: string): BitField => bit('address', 0, meaning, 64);
const shared = { isShared: true } as const;
const own = { isShared: false } as const;

const SYSCALL_OFF = 'off: EFER.SCE is 0';
const SYSENTER_OFF = 'off: SYSENTER_CS is 0';

/** Fields of SYSCALL say nothing while the instruction is off. */
const ifSyscall =
  (says: (value: bigint, context: MsrContext) => string | null): Msr['says'] =>
  (value, context) =>
    ((context.value(MSR.EFER) ?? EFER.SCE) & EFER.SCE) === 0n ? SYSCALL_OFF : says(value, context);
const ifSysenter: Msr['says'] = (value, context) =>
  ((context.value(0x174) ?? 4n) & 0xfffcn) === 0n ? SYSENTER_OFF : context.place(value);
const place: NonNullable<Msr['says']> = (value, context) => context.place(value);

const selectors = (pairs: readonly (readonly [string, bigint])[]) =>
  pairs.map(([name, selector]) => `${name} ${selector.toString(16).padStart(4, '0')}`).join(', ');

/** What ring 0 is entered with; nothing for a null selector. */
const entered = (it: bigint) =>
  (it & 0xfffcn) === 0n
    ? ''
    : selectors([
        ['CS', it & 0xfffcn],
        ['SS', (it & 0xfffcn) + 8n],
      ]);

const STAR: readonly BitField[] = [
  bit('EIP', 0, 'Where SYSCALL goes outside of long mode (AMD)', 32),
  {
    ...bit('SYSCALL', 32, 'Selectors that SYSCALL loads: CS is this, SS this plus 8', 16),
    says: entered,
  },
  {
    ...bit(
      'SYSRET',
      48,
      'Selectors that SYSRET loads, for ring 3: 32-bit CS is this, SS this plus 8, 64-bit CS this plus 16',
      16,
    ),
    says: (it) =>
      it === 0n
        ? ''
        : selectors([
            ['CS', it | 3n],
            ['SS', (it + 8n) | 3n],
            ['64-bit CS', (it + 16n) | 3n],
          ]),
  },
];

const PAT_ENTRIES = [
  'pages with none of PAT, PCD and PWT',
  'pages with PWT',
  'pages with PCD',
  'pages with PCD and PWT',
  'pages with PAT',
  'pages with PAT and PWT',
  'pages with PAT and PCD',
  'pages with PAT, PCD and PWT',
];
/** SDM Vol. 3A §12.12.4. */
const PAT_AT_RESET = 0x0007_0406_0007_0406n;

const TABLE: Readonly<Record<number, Msr>> = {
  [MSR.APIC_BASE]: {
    ...{ name: 'apic_base', section: 'SDM Vol. 3A §11.4.4, §11.12.1', ...shared, ownBits: 1n << 8n },
    fields: [
      bit('BSP', 8, 'This is the processor that booted'),
      bit('EXTD', 10, 'x2APIC mode: its registers are MSRs'),
      bit('EN', 11, 'The local APIC is on'),
      bit('base', 12, 'Page frame of its registers: the physical address is this times 4096', 40),
    ],
    says(value) {
      if (((value >> 11n) & 1n) === 0n) return 'the local APIC is off';
      const where =
        ((value >> 10n) & 1n) === 1n ? 'registers are MSRs' : `registers at ${formatAddress(value & FRAME)}`;
      return `${((value >> 8n) & 1n) === 1n ? 'the processor that booted; ' : ''}${where}`;
    },
  },
  0x3b: {
    ...{ name: 'tsc_adjust', section: 'SDM Vol. 3B §18.17.3', ...shared },
    fields: [bit('ticks', 0, 'What was added to the TSC since reset; cores that differ do not agree on the time', 64)],
    says: (value) => (value === 0n ? null : `${BigInt.asIntN(64, value)} ticks`),
  },
  0x48: {
    ...{ name: 'spec_ctrl', section: 'SDM Vol. 4 table 2-2', ...shared },
    fields: [
      bit('IBRS', 0, 'Indirect branches are not steered by less privileged code'),
      bit('STIBP', 1, 'Nor by the other thread of the core'),
      bit('SSBD', 2, 'Loads do not pass older stores whose address is unknown'),
      bit('IPRED_DIS_U', 3, 'No prediction of indirect branches in ring 3'),
      bit('IPRED_DIS_S', 4, 'No prediction of indirect branches in ring 0'),
      bit('RRSBA_DIS_U', 5, 'Returns in ring 3 do not fall back to other predictors'),
      bit('RRSBA_DIS_S', 6, 'Returns in ring 0 do not fall back to other predictors'),
      bit('PSFD', 7, 'Stores are not forwarded to loads by a guess'),
      bit('DDPD_U', 8, 'No data-dependent prefetcher in ring 3'),
      bit('BHI_DIS_S', 10, 'The history of branches in ring 3 does not steer those of ring 0'),
    ],
  },
  [MSR.MTRR_CAP]: {
    ...{ name: 'mtrr_cap', section: 'SDM Vol. 3A §12.11.1', ...shared },
    fields: [
      bit('VCNT', 0, 'How many variable ranges there are', 8),
      bit('FIX', 8, 'There are fixed ranges, for the first MiB'),
      bit('WC', 10, 'Write-combining exists'),
      bit('SMRR', 11, 'There is a range for system management mode'),
    ],
  },
  0x10a: {
    ...{ name: 'arch_capabilities', section: 'SDM Vol. 4 table 2-2', ...shared },
    fields: [
      bit('RDCL_NO', 0, 'Not open to Meltdown'),
      bit('IBRS_ALL', 1, 'IBRS may stay on for good'),
      bit('RSBA', 2, 'Returns may fall back to other predictors'),
      bit('SKIP_L1DFL', 3, 'A hypervisor need not flush the L1 cache before it enters a guest'),
      bit('SSB_NO', 4, 'Not open to Speculative Store Bypass'),
      bit('MDS_NO', 5, 'Not open to Microarchitectural Data Sampling'),
      bit('PSCHANGE_NO', 6, 'Changing the size of a page of code raises no machine check'),
      bit('TSX_CTRL', 7, 'TSX can be switched off'),
      bit('TAA_NO', 8, 'Not open to TSX Asynchronous Abort'),
      bit('MCU_CONTROL', 9, 'Microcode updates can be forbidden'),
      bit('PKG_CTLS', 10, 'MISC_PACKAGE_CTLS exists'),
      bit('ENERGY', 11, 'Energy readings can be blurred'),
      bit('DOITM', 12, 'Timing can be made independent of data'),
      bit('SBDR_NO', 13, 'Not open to Shared Buffers Data Read'),
      bit('FBSDP_NO', 14, 'Not open to Fill Buffer Stale Data Propagator'),
      bit('PSDP_NO', 15, 'Not open to Primary Stale Data Propagator'),
      bit('FB_CLEAR', 17, 'VERW overwrites fill buffers'),
      bit('FB_CLEAR_CTRL', 18, 'That can be switched off'),
      bit('RRSBA', 19, 'Returns may fall back to other predictors unless SPEC_CTRL forbids it'),
      bit('BHI_NO', 20, 'Not open to Branch History Injection'),
      bit('XAPIC_DIS', 21, 'x2APIC mode may be locked'),
      bit('OVERCLOCKING', 23, 'The OVERCLOCKING_STATUS register exists'),
      bit('PBRSB_NO', 24, 'Not open to Post-Barrier Return Stack Buffer prediction'),
      bit('GDS_CTRL', 25, 'The cure of Gather Data Sampling can be switched off'),
      bit('GDS_NO', 26, 'Not open to Gather Data Sampling'),
      bit('RFDS_NO', 27, 'Not open to Register File Data Sampling'),
      bit('RFDS_CLEAR', 28, 'VERW clears the register file'),
    ],
  },
  0x174: {
    ...{ name: 'sysenter_cs', section: 'SDM Vol. 3A §5.8.7', ...shared },
    fields: [
      {
        ...bit('selector', 0, 'Selector that SYSENTER loads into CS; SS is 8 more', 16),
        says: entered,
      },
    ],
    says: (value) => ((value & 0xfffcn) === 0n ? SYSENTER_OFF : null),
  },
  0x175: {
    ...{ name: 'sysenter_esp', section: 'SDM Vol. 3A §5.8.7', ...own },
    ...{ fields: [address('Stack that SYSENTER switches to')], says: ifSysenter },
  },
  0x176: {
    ...{ name: 'sysenter_eip', section: 'SDM Vol. 3A §5.8.7', ...shared },
    ...{ fields: [address('Where SYSENTER goes')], says: ifSysenter },
  },
  0x1a0: {
    ...{ name: 'misc_enable', section: 'SDM Vol. 4 table 2-2', ...shared },
    fields: [
      bit('FAST_STRINGS', 0, 'REP MOVS and REP STOS move whole lines'),
      bit('TCC', 3, 'The processor slows down when it gets hot'),
      bit('PERFMON', 7, 'Performance monitoring is there'),
      bit('BTS_UNAVAIL', 11, 'There is no branch trace store'),
      bit('PEBS_UNAVAIL', 12, 'There is no precise event-based sampling'),
      bit('EIST', 16, 'Enhanced SpeedStep is on'),
      bit('MONITOR', 18, 'MONITOR and MWAIT exist'),
      bit('LIMIT_CPUID', 22, 'CPUID tells leaves up to 3 only'),
      bit('XTPR_DIS', 23, 'No messages about task priority on the bus'),
      bit('XD_DIS', 34, 'No-execute is hidden: EFER.NXE raises #GP'),
    ],
  },
  [MSR.PAT]: {
    ...{ name: 'pat', section: 'SDM Vol. 3A §12.12.2', ...shared },
    fields: PAT_ENTRIES.map((which, n) => ({ ...bit(`PA${n}`, 8 * n, `Memory type of ${which}`, 3), says: patType })),
    says: (value) => (value === PAT_AT_RESET ? 'as after reset' : null),
  },
  0x2ff: {
    ...{ name: 'mtrr_def_type', section: 'SDM Vol. 3A §12.11.2.1', ...shared },
    fields: [
      { ...bit('type', 0, 'Memory type where no range says another', 8), says: memoryType },
      bit('FE', 10, 'Fixed ranges are on'),
      bit('E', 11, 'MTRRs are on'),
    ],
    says: (value) =>
      ((value >> 11n) & 1n) === 0n
        ? 'MTRRs are off: all memory is uncacheable'
        : `elsewhere ${memoryType(value & 0xffn)}`,
  },
  0xc000_0081: {
    ...{ name: 'star', section: 'SDM Vol. 3A §5.8.8; AMD APM Vol. 2 §6.1.1', ...shared },
    ...{ fields: STAR, says: ifSyscall(() => null) },
  },
  0xc000_0082: {
    ...{ name: 'lstar', section: 'SDM Vol. 3A §5.8.8', ...shared },
    ...{ fields: [address('Where SYSCALL goes from 64-bit code')], says: ifSyscall(place) },
  },
  0xc000_0083: {
    ...{ name: 'cstar', section: 'AMD APM Vol. 2 §6.1.1', ...shared },
    ...{
      fields: [address('Where SYSCALL goes from 32-bit code (AMD; Intel raises #UD there)')],
      says: ifSyscall(place),
    },
  },
  0xc000_0084: {
    ...{ name: 'sfmask', section: 'SDM Vol. 3A §5.8.8', ...shared },
    fields: (REGISTER_BITS.rfl?.fields ?? [])
      .filter(({ name }) => name !== '1')
      .map(({ name, low, width }) => bit(name, low, `SYSCALL clears RFLAGS.${name}`, width)),
    says: ifSyscall(() => null),
  },
  [MSR.FS_BASE]: {
    ...{ name: 'fs_base', section: 'SDM Vol. 3A §3.4.4', ...own },
    fields: [address('Base of FS')],
  },
  [MSR.GS_BASE]: {
    ...{ name: 'gs_base', section: 'SDM Vol. 3A §3.4.4', ...own },
    fields: [address("Base of GS: a kernel's data of this core")],
  },
  [MSR.KERNEL_GS_BASE]: {
    ...{ name: 'kernel_gs_base', section: 'SDM Vol. 3A §5.8.8', ...own },
    fields: [address('What SWAPGS exchanges with the base of GS')],
  },
  0xc000_0103: {
    ...{ name: 'tsc_aux', section: 'SDM Vol. 3B §18.17.2', ...own },
    fields: [bit('aux', 0, 'What RDTSCP and RDPID give beside the TSC: the number of the core, by custom', 32)],
  },
};

/** A variable range's base or mask; undefined if `number` is another register's. */
function rangeRegister(number: number): Msr | undefined {
  const n = number - MSR.MTRR_PHYSBASE0;
  if (n < 0 || n >= 2 * MAX_RANGES) return undefined;
  const section = 'SDM Vol. 3A §12.11.2.3';
  if (n % 2 === 1)
    return {
      ...{ name: `mtrr_physmask${n >> 1}`, section, ...shared },
      fields: [
        bit('V', 11, 'The range is on'),
        bit(
          'mask',
          12,
          'An address is in the range if it has the same bits as the base under this mask, times 4096',
          40,
        ),
      ],
    };
  return {
    ...{ name: `mtrr_physbase${n >> 1}`, section, ...shared },
    fields: [
      { ...bit('type', 0, 'Memory type of the range', 8), says: memoryType },
      bit('base', 12, 'Where the range begins, times 4096', 40),
    ],
    says: (base, { value }) => rangeText(base, value(number + 1)),
  };
}

/** What a variable range covers: SDM Vol. 3A §12.11.3. */
export function rangeText(base: bigint, mask: bigint | undefined): string | null {
  if (mask === undefined) return null;
  if (((mask >> 11n) & 1n) === 0n) return 'off';
  const type = memoryType(base & 0xffn);
  const bits = (mask & FRAME) >> 12n;
  if (bits === 0n) return `all memory: ${type}`;
  const lowest = bits & -bits;
  const run = bits / lowest;
  const start = base & mask & FRAME;
  if ((run & (run + 1n)) !== 0n)
    return `addresses that have ${formatAddress(start)} under ${formatAddress(mask & FRAME)}: ${type}`;
  const bytes = lowest << 12n;
  return `${formatAddress(start)} to ${formatAddress(start + bytes - 1n)}, ${pageSize(bytes)}: ${type}`;
}

/** What is known of a register; undefined if this studio does not know it. */
export function msrOf(number: number): Msr | undefined {
  return TABLE[number] ?? rangeRegister(number);
}

/** Its name as JSON has it. */
export function msrName(number: number): string {
  return msrOf(number)?.name ?? `msr_${number.toString(16)}`;
}

/** What a field means; the words of a reserved bit where the table has none. */
export function fieldMeaning(table: BitTable | undefined, low: number): string {
  return table?.fields.find((field) => field.low === low)?.meaning ?? 'Reserved: it should be 0';
}

/** Whether cores that have these values have the same, as far as they should. */
export function msrsAgree(number: number, a: bigint, b: bigint): boolean {
  const msr = msrOf(number);
  return msr === undefined || !msr.isShared || ((a ^ b) & ~(msr.ownBits ?? 0n)) === 0n;
}

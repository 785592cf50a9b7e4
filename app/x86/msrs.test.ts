import { describe, expect, it, test } from 'vitest';
import type { MsrRecord } from '../contract/records.ts';
import { decodeBits } from './bits.ts';
import { cpuView, type ProcessorDump } from './cpu-view.ts';
import { msrName, msrOf, rangeText } from './msrs.ts';
import { bitLabel, foldRanges, isOdd, isTelling, provenance, writtenWhen } from './msrs-text.ts';
import { msrsKey, msrsView } from './msrs-view.ts';

const hex = (value: bigint | number) => `0x${value.toString(16)}`;

/** What a register comes to, with others of its core beside it. */
function says(number: number, value: bigint, others: Readonly<Record<number, bigint>> = {}) {
  return msrOf(number)?.says?.(value, {
    value: (other) => others[other],
    place: (address) => (address === 0x1000n ? 'entry' : null),
  });
}
const fieldsOf = (number: number, value: bigint) =>
  decodeBits(value, msrOf(number) ?? { section: '', fields: [] })
    .filter((it) => it.value !== 0n)
    .map((it) => `${it.name}=${it.says ?? it.value.toString(16)}`);

describe('a model-specific register is explained', () => {
  it('by every name that Intel and AMD give it', () => {
    const numbers = [0x1b, 0x3b, 0x48, 0xfe, 0x10a, 0x174, 0x175, 0x176, 0x1a0, 0x277, 0x2ff, 0xc000_0084, 0xc000_0103];
    expect(numbers.map(msrName)).toEqual([
      ...['apic_base', 'tsc_adjust', 'spec_ctrl', 'mtrr_cap', 'arch_capabilities', 'sysenter_cs', 'sysenter_esp'],
      ...['sysenter_eip', 'misc_enable', 'pat', 'mtrr_def_type', 'sfmask', 'tsc_aux'],
    ]);
    expect([0x200, 0x201, 0x20f, 0x23f, 0x240].map(msrName)).toEqual([
      ...['mtrr_physbase0', 'mtrr_physmask0', 'mtrr_physmask7', 'mtrr_physmask31', 'msr_240'],
    ]);
    expect(msrOf(0x10)).toBeUndefined();
  });

  it('APIC_BASE: whose it is, and where its registers are', () => {
    expect(fieldsOf(0x1b, 0xfee0_0900n)).toEqual(['BSP=1', 'EN=1', 'base=fee00']);
    expect(says(0x1b, 0xfee0_0900n)).toBe('the processor that booted; registers at 0xfee00000');
    expect(says(0x1b, 0xfee0_0c00n)).toBe('registers are MSRs');
    expect(says(0x1b, 0n)).toBe('the local APIC is off');
    // A bit that no processor has is named as such.
    expect(fieldsOf(0x1b, (1n << 60n) | 1n)).toEqual(['reserved 0=1', 'reserved 60=1']);
  });

  it('PAT: a memory type for each entry', () => {
    expect(fieldsOf(0x277, 0x0007_0501_0007_0406n)).toEqual([
      'PA0=WB, write-back',
      'PA1=WT, write-through',
      'PA2=UC-, uncacheable unless an MTRR says WC',
      'PA4=WC, write-combining',
      'PA5=WP, write-protected',
      'PA6=UC-, uncacheable unless an MTRR says WC',
    ]);
    expect(fieldsOf(0x277, 2n)).toEqual(['PA0=reserved']);
    expect([says(0x277, 0x0007_0406_0007_0406n), says(0x277, 6n)]).toEqual(['as after reset', null]);
  });

  it('STAR, LSTAR and their like: selectors and a symbol, while SYSCALL is on', () => {
    expect(fieldsOf(0xc000_0081, 0x0023_0010_0000_0000n)).toEqual([
      'SYSCALL=CS 0010, SS 0018',
      'SYSRET=CS 0023, SS 002b, 64-bit CS 0033',
    ]);
    const on = { 3221225600: 0xd01n };
    expect(says(0xc000_0082, 0x1000n, on)).toBe('entry');
    expect(says(0xc000_0082, 0x2000n, on)).toBeNull();
    expect(says(0xc000_0082, 0x1000n, { 3221225600: 0xd00n })).toMatch(/EFER.SCE is 0/);
    expect(fieldsOf(0xc000_0084, 0x4_7700n).map((it) => it.split('=')[0])).toEqual([
      'TF',
      'IF',
      'DF',
      'IOPL',
      'NT',
      'AC',
    ]);
    expect(says(0x176, 0x1000n, { 372: 0x10n })).toBe('entry');
    expect(says(0x176, 0x1000n, { 372: 0n })).toMatch(/SYSENTER_CS is 0/);
  });

  it('variable ranges: from where to where, and of which type', () => {
    const mask = (bits: bigint) => bits | 0x800n;
    expect(rangeText(0xc000_0000n, mask(0xff_c000_0000n))).toBe('0xc0000000 to 0xffffffff, 1 GiB: UC, uncacheable');
    expect(rangeText(6n, mask(0xf_8000_0000n))).toBe('0x0 to 0x7fffffff, 2 GiB: WB, write-back');
    expect(rangeText(0xa_0001n, mask(0xff_ffff_e000n))).toBe('0xa0000 to 0xa1fff, 8 KiB: WC, write-combining');
    // A base that is not aligned to its range begins where the range does.
    expect(rangeText(0xd000_0006n, mask(0xff_c000_0000n))).toBe('0xc0000000 to 0xffffffff, 1 GiB: WB, write-back');
    expect(rangeText(0x1000n, mask(0xff_0000_1000n))).toBe(
      'addresses that have 0x1000 under 0xff00001000: UC, uncacheable',
    );
    expect(rangeText(2n, mask(0n))).toBe('all memory: reserved');
    expect(rangeText(6n, 0xff_c000_0000n)).toBe('off');
    expect(rangeText(6n, undefined)).toBeNull();
    for (const [base, bits] of [
      [2n ** 64n - 1n, 2n ** 64n - 1n],
      [0n, 2n ** 63n + 0x800n],
    ] as const)
      expect(rangeText(base, bits)).toMatch(/: (reserved|UC, uncacheable)$/);
    expect(says(0x2ff, 0xc06n)).toBe('elsewhere WB, write-back');
    expect(says(0x2ff, 0x6n)).toBe('MTRRs are off: all memory is uncacheable');
  });

  it('TSC_ADJUST is signed', () => {
    expect([says(0x3b, 2n ** 64n - 5n), says(0x3b, 0n)]).toEqual(['-5 ticks', null]);
  });

  it('no table has two fields in one place, or one without words', () => {
    for (const number of [
      ...Array.from({ length: 0x400 }, (_, n) => n),
      ...Array.from({ length: 0x110 }, (_, n) => 0xc000_0000 + n),
    ]) {
      let taken = 0n;
      for (const { low, width, meaning, name } of msrOf(number)?.fields ?? []) {
        const mask = ((1n << BigInt(width)) - 1n) << BigInt(low);
        expect([hex(number), name, taken & mask, low + width <= 64, meaning !== '']).toEqual([
          hex(number),
          name,
          0n,
          true,
          true,
        ]);
        taken |= mask;
      }
    }
  });
});

type Registers = readonly (readonly [number: number, value: bigint, changes?: number])[];
const coreOf = (core: number, xcr0: string | null, registers: Registers): MsrRecord['cores'][number] => ({
  ...{ core, apicId: core, tsc: '0x64', readMs: 100 + core, xcr0, dropped: 0 },
  registers: registers.map(([number, value, changes = 0]) => ({
    ...{ number: hex(number), value: hex(value), tsc: '0x64', readMs: changes === 0 ? 100 + core : 2500, changes },
  })),
});
const recordOf = (...cores: MsrRecord['cores']): MsrRecord => ({ version: 1, tscHz: 1e9, cores, problems: [] });
const STARTED = {
  cr0: '0x80010033',
  cr4: '0x406a0',
  efer: '0xd00',
  'fs.base': '0x0',
  cs: '0x8',
  'cs.flags': '0xaf9b00',
};
const dump = (index: number, gs: string, more: Readonly<Record<string, string>> = {}): ProcessorDump => ({
  ...{ index, halted: false, vectors: 'ymm' as const, values: { ...STARTED, 'gs.base': gs, ...more } },
});
const nowhere = () => null;
const PAT = 0x0007_0406_0007_0406n;

function viewOf(record: MsrRecord, dumps: ProcessorDump[], torn = false) {
  const seen = msrsView({ record, torn }, dumps, nowhere);
  return cpuView(dumps, nowhere, { ...seen, revision: 'r' });
}

describe('what the kernel wrote down', () => {
  const first = coreOf(0, '0x7', [
    [0xc000_0080, 0xd00n],
    [0xc000_0101, 0x1000n],
    [0x1b, 0xfee0_0900n],
    [0x277, PAT],
  ]);
  const second = coreOf(1, '0x7', [
    [0xc000_0080, 0xd00n],
    [0xc000_0101, 0x2000n],
    [0x1b, 0xfee0_0800n],
    [0x277, PAT],
  ]);

  test('belongs to the processor that has its GS_BASE, however either side counts', () => {
    const view = viewOf(recordOf(first, second), [dump(0, '0x2000'), dump(1, '0x1000')]);
    expect(view.msrs?.processors.map(({ index, core, readMs }) => [index, core, readMs])).toEqual([
      [0, 1, 101],
      [1, 0, 100],
    ]);
    // GS_BASE is told now; the others are of then.
    expect(
      view.msrs?.processors[0]?.registers.map(({ name, from, value, written }) => [name, from, value, written]),
    ).toEqual([
      ['gs_base', 'now', '0x2000', null],
      ['apic_base', 'kernel', '0xfee00800', { value: '0xfee00800', readMs: 101, changes: 0 }],
      ['pat', 'kernel', hex(PAT), { value: hex(PAT), readMs: 101, changes: 0 }],
    ]);
    // XCR0 is whole, and who booted is no difference.
    expect(view.processors[0]?.registers.find(({ name }) => name === 'xcr0')).toMatchObject({
      ...{ value: '0x7', known: '0xffffffffffffffff', from: 'kernel', written: { readMs: 101 } },
    });
    expect([view.differences, view.unknown.length]).toEqual([[], 1]);
  });

  test('gives way to what is told now, and is shown beside it', () => {
    const odd = coreOf(0, '0x3', [
      [0xc000_0080, 0x501n],
      [0xc000_0101, 0x1000n],
      [0xc000_0102, 7n],
    ]);
    const view = viewOf(recordOf(odd), [dump(0, '0x1000', { 'kernel_gs.base': '0x9' })]);
    const registers = view.processors[0]?.registers ?? [];
    expect(registers.find(({ name }) => name === 'efer')).toMatchObject({
      ...{ value: '0xd00', from: 'now', written: { value: '0x501', readMs: 100, changes: 0 } },
    });
    expect(registers.find(({ name }) => name === 'xcr0')).toMatchObject({
      ...{ value: '0x7', known: '0x7', from: 'now', written: { value: '0x3' } },
    });
    const kernelGs = view.msrs?.processors[0]?.registers.find(({ name }) => name === 'kernel_gs_base');
    expect(kernelGs).toMatchObject({ value: '0x9', from: 'now', written: { value: '0x7' } });
    if (kernelGs === undefined) throw new Error('it is not there');
    expect([isOdd(kernelGs), provenance(kernelGs, true)]).toEqual([
      true,
      'now; 0x7 as the kernel read it at bring-up, 0.100 s after power-on',
    ]);
    // It has one place, not two.
    expect(view.processors[0]?.addresses.map(({ name }) => name)).not.toContain('kernel_gs.base');
  });

  test('of two cores is compared where it should be the same', () => {
    const other = coreOf(1, '0x3', [
      [0xc000_0101, 0x2000n],
      [0xc000_0103, 1n],
      [0x1b, 0xfee0_0c00n],
      [0x277, 6n, 2],
    ]);
    const view = viewOf(recordOf(first, other), [dump(0, '0x1000'), dump(1, '0x2000')]);
    expect(view.differences).toEqual([
      {
        name: 'apic_base',
        values: [
          { processor: 0, value: '0xfee00900' },
          { processor: 1, value: '0xfee00c00' },
        ],
      },
      {
        name: 'pat',
        values: [
          { processor: 0, value: hex(PAT) },
          { processor: 1, value: '0x6' },
        ],
      },
      {
        name: 'xcr0',
        values: [
          { processor: 0, value: '0x7' },
          { processor: 1, value: '0x3' },
        ],
      },
    ]);
    const pat = view.msrs?.processors[1]?.registers.find(({ name }) => name === 'pat');
    expect(pat?.written).toEqual({ value: '0x6', readMs: 2500, changes: 2 });
    if (pat === undefined) throw new Error('it is not there');
    expect(provenance(pat, true)).toBe(
      'as the kernel left it with the last of 2 writes after bring-up, 2.500 s after power-on',
    );
  });

  test('that fits no processor, or two of them, is not given to any', () => {
    const none = viewOf(recordOf(first), [dump(0, '0x1000'), dump(1, '0x3000'), dump(2, '0x0', { cr0: '0x10' })]);
    expect(none.msrs?.processors.map(({ index }) => index)).toEqual([0]);
    // The third still waits to be started: there is nothing to be said of it.
    expect(none.unknown.filter((it) => it.startsWith('Most model'))).toEqual([
      'Most model-specific registers of processor 1: the kernel has written down no core with its GS_BASE (0x3000).',
    ]);
    const twice = viewOf(recordOf(first, { ...first, core: 1 }), [dump(0, '0x1000')]);
    expect([twice.msrs?.processors, twice.unknown[0]]).toEqual([
      [],
      expect.stringContaining('2 cores with its GS_BASE'),
    ]);
    const missing = viewOf(recordOf(first), [{ ...dump(0, ''), values: STARTED }]);
    expect(missing.unknown[0]).toContain('(not told)');
  });

  test('that does not hold is said, and not without end', () => {
    const wild = coreOf(0, null, [
      [0xc000_0101, 0x1000n],
      [0x1234, 5n],
    ]);
    const record = {
      ...recordOf({ ...wild, dropped: 3 }),
      problems: Array.from({ length: 500 }, (_, n) => `problem ${n}`),
    };
    const view = viewOf(record, [dump(0, '0x1000')], true);
    expect(view.msrs?.problems).toHaveLength(21);
    expect(view.msrs?.problems.at(-1)).toBe('and 482 more');
    expect(view.msrs?.processors[0]?.registers[1]).toMatchObject({
      name: 'msr_1234',
      value: '0x5',
      bits: [],
      says: null,
    });
    // XCR0 is not in it: what the vector registers say remains.
    expect(view.processors[0]?.registers.find(({ name }) => name === 'xcr0')).toMatchObject({
      value: '0x7',
      known: '0x7',
      from: 'now',
    });
    expect(view.unknown.join()).toContain('XCR0 as a whole');
  });

  test('and nothing of it where nobody wrote', () => {
    const view = cpuView([dump(0, '0x1000', { 'kernel_gs.base': '0x9' })], nowhere, { why: 'no kernel has' });
    expect(view.msrs).toBeNull();
    expect(view.unknown[0]).toMatch(
      /^Model-specific registers but EFER, .* and KERNEL_GS_BASE: .*, and no kernel has\.$/,
    );
    expect(view.processors[0]?.addresses).toContainEqual({ name: 'kernel_gs.base', value: '0x9' });
  });

  test('what is kept depends on what is told, not on registers that move', () => {
    const key = msrsKey([dump(0, '0x1000')]);
    expect(msrsKey([dump(0, '0x1000', { rip: '0x5', cr2: '0x9' })])).toBe(key);
    for (const [name, value] of Object.entries({
      efer: '0xd01',
      'fs.base': '0x1',
      'kernel_gs.base': '0x0',
      cr0: '0x10',
    }))
      expect(msrsKey([dump(0, '0x1000', { [name]: value })])).not.toBe(key);
  });
});

test('words: when, which ranges are off, and what a field is in short', () => {
  expect(writtenWhen({ readMs: null, changes: 1 }, 'them')).toBe(
    'as the kernel left them with a write after bring-up, at an unknown time',
  );
  const ranges = coreOf(0, null, [
    ...([
      [0xc000_0101, 1n],
      [0x200, 0xc000_0000n],
      [0x201, 0xff_c000_0800n],
    ] as const),
    ...([
      [0x202, 0n],
      [0x203, 0n],
      [0x204, 6n],
      [0x205, 0n],
      [0x206, 0n],
      [0x207, 0n],
    ] as const),
  ]);
  const registers = viewOf(recordOf(ranges), [dump(0, '0x1')]).msrs?.processors[0]?.registers ?? [];
  const { shown, off } = foldRanges(registers);
  expect(shown.map(({ number }) => number)).toEqual(['0xc0000101', '0x200', '0x201', '0x204', '0x205']);
  expect(off).toBe('Variable ranges of memory that are off, base and mask 0: 1, 3');
  const base = registers[1];
  if (base === undefined) throw new Error('it is not there');
  expect(base.bits.filter((it) => isTelling(it, base)).map(bitLabel)).toEqual(['type=UC', 'base=c0000']);
});

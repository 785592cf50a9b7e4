/** Machines that have exactly one mistake each, for the tests of the linter. */
import { TestImage } from '../test-image.ts';

export const IRETQ = [0x48, 0xcf];
/** `ltr ax` */
export const LTR = [0x0f, 0x00, 0xd8];
/** `lldt ax` */
const LLDT = [0x0f, 0x00, 0xd0];

/** Rule by rule: a machine that has exactly that mistake, and what its evidence must say. */
export const MISTAKES: readonly (readonly [rule: string, change: (image: TestImage) => void, evidence: RegExp])[] = [
  ['gdt-non-canonical', (it) => set(it, 'gdt.base', 0x0000_8000_0000_6000n), /GDTR.base is 0x800000006000/],
  ['idt-non-canonical', (it) => set(it, 'idt.base', 0x0fff_ffff_8000_7000n), /IDTR.base is 0xfffffff80007000/],
  ['gdt-limit', (it) => set(it, 'gdt.limit', 0x28n), /0x28 \+ 1 is no multiple of 8, 1 left over/],
  ['idt-limit', (it) => set(it, 'idt.limit', 0xff7n), /no multiple of 16, 8 left over/],
  ['gdt-unmapped', (it) => it.page(0x6000, 0n), /not mapped: the level 1 entry at 0x4030 is not present/],
  ['idt-unmapped', (it) => it.page(0x7000, 0n), /IDTR is 0xffffffff80007000, limit 0xfff: .*level 1 entry at 0x4038/],
  ['gdt-on-stack', onStack('gdt', 0x6000, 40), /below it, where the next call writes/],
  ['idt-on-stack', (it) => symbol(it, 'kernel::IDT', 'kernel::BOOT_STACK'), /BOOT_STACK/],
  ['gdt-user', (it) => user(it, 0x6000), /user and writable at every level/],
  ['idt-user', (it) => user(it, 0x7000), /user and writable at every level/],
  ['gdt-writable', (it) => it.page(0x6000, 0x8000_0000_0000_0003n), /writable by ring 0/],
  ['idt-writable', (it) => it.page(0x7000, 0x8000_0000_0000_0003n), /writable by ring 0/],
  [
    'selector-beyond-limit',
    (it) => set(it, 'ds', 0x28n),
    /DS is 0x28: its descriptor ends at 0x2f, and GDTR.limit is 0x27/,
  ],
  ['stale-ss', (it) => stale(it, 'ss'), /SS is 0x20, and GDT\[4\].* is upper half, not writable data/],
  [
    'stale-ss',
    (it) => stale(it, 'ss', 5, 0x00cf_f300_0000_ffffn),
    /SS is 0x28, .*of DPL 3, and the processor runs in ring 0/,
  ],
  ['stale-data-segment', (it) => stale(it, 'es', 3), /ES is 0x18, and GDT\[3\].*TSS64 busy/],
  ['stale-cs', (it) => set(it, 'cs', 0x10n), /CS is 0x10, and GDT\[2\].*data/],
  [
    'segment-not-present',
    (it) => it.descriptor(2, 0x00cf_1300_0000_ffffn),
    /GDT\[2\] = 0x00cf13000000ffff has P = 0, and SS, DS, ES holds 0x10/,
  ],
  ['code-l-and-d', (it) => longer(it, 0x00ef_9b00_0000_ffffn), /GDT\[5\] = 0x00ef9b000000ffff: bits 53 and 54/],
  // Behind a TSS that is not present, whose second half it is not.
  ['code-l-and-d', (it) => behindAbsent(it, 0x00ef_9b00_0000_ffffn), /GDT\[6\] = 0x00ef9b000000ffff: bits 53 and 54/],
  ['kernel-code-not-long', (it) => set(it, 'cs.flags', 0x00cf_9b00n), /CS 0x8 has L = 0/],
  ['ldt-non-canonical', withLdt((it) => ldtAt(it, 0x0000_8000_0000_a000n)), /LDTR.base is 0x80000000a000/],
  ['ldt-limit', withLdt((it) => ldtLimit(it, 0x18n)), /LDTR.limit is 0x18: 0x18 \+ 1 is no multiple of 8, 1 left over/],
  ['ldt-unmapped', withLdt((it) => it.page(0xa000, 0n)), /LDTR is 0xffffffff8000a000, limit 0x17: .*entry at 0x4050/],
  // A limit of 20 bits, in units of pages: selectors reach 64 KiB, of which one page is mapped.
  ['ldt-unmapped', withLdt((it) => ldtLimit(it, 0xffff_ffffn)), /limit 0xffffffff: 0xffffffff8000b000 is not mapped/],
  ['ldt-on-stack', withLdt(ldtOnStack), /LDTR.base 0xffffffff80020800, .*below it, where the next call writes/],
  ['ldt-user', withLdt((it) => user(it, 0xa000)), /user and writable at every level/],
  ['ldt-writable', withLdt((it) => it.page(0xa000, 0x8000_0000_0000_0003n)), /writable by ring 0/],
  [
    'selector-beyond-limit',
    withLdt((it) => set(it, 'gs', 0x1cn)),
    /GS is 0x1c: its descriptor ends at 0x1f, and LDTR.limit is 0x17/,
  ],
  [
    'selector-beyond-limit',
    withLdt((it) => set(it, 'ldt', 0x38n)),
    /LDTR is 0x38: its descriptor ends at 0x3f, and GDTR.limit is 0x37/,
  ],
  ['ldt-not-loaded', (it) => set(it, 'fs', 0xfn), /FS is 0xf, with TI = 1, and LDTR is 0x0/],
  ['system-selector-in-ldt', withLdt((it) => set(it, 'ldt', 0x2cn)), /LDTR is 0x2c, with TI = 1/],
  ['stale-ss', withLdt((it) => set(it, 'ss', 4n)), /SS is 0x4, and LDT\[0\] = .* is code64 .*, not writable data/],
  [
    'stale-data-segment',
    withLdt((it) => {
      it.ldtDescriptor(1, 0x8001_ec00_0008_0040n);
      it.ldtDescriptor(2, 0xffff_ffffn);
    }),
    /FS is 0xc, and LDT\[1\] = 0x8001ec0000080040 is call gate/,
  ],
  [
    'stale-cs',
    withLdt((it) => set(it, 'cs', 0xcn)),
    /CS is 0xc, and LDT\[1\] = 0x00cf93000000ffff is data read\/write/,
  ],
  [
    'segment-not-present',
    withLdt((it) => it.ldtDescriptor(1, 0x00cf_1300_0000_ffffn)),
    /LDT\[1\] = 0x00cf13000000ffff has P = 0, and FS holds 0xc/,
  ],
  [
    'segment-not-present',
    withLdt((it) => ldtRaw(it, { present: false })),
    /GDT\[5\] .* has P = 0, and LDTR holds 0x28/,
  ],
  [
    'code-l-and-d',
    withLdt((it) => it.ldtDescriptor(2, 0x00ef_fb00_0000_ffffn)),
    /LDT\[2\] = 0x00effb000000ffff: bits 53 and 54/,
  ],
  ['call-gate-selector', callGate(0x10), /GDT\[5\] = 0x8001ec0000100040: selector 0x10, which is data read\/write/],
  ['call-gate-selector', callGate(0x4), /selector 0x4, which names the LDT \(TI = 1\), and LDTR is null/],
  [
    'call-gate-selector',
    withLdt((it) => {
      ldtLimit(it, 0x27n);
      it.ldtDescriptor(3, 0x8001_ec00_0000_0040n | (0x2cn << 16n));
      it.ldtDescriptor(4, 0xffff_ffffn);
    }),
    /LDT\[3\] = 0x8001ec00002c0040: selector 0x2c, which is beyond LDTR.limit 0x27/,
  ],
  ['ldt-wrong-type', withLdt((it) => set(it, 'ldt', 0x10n)), /LDTR is 0x10, and GDT\[2\] = .* is data read\/write/],
  ['ldt-descriptor-cut', withLdt((it) => set(it, 'gdt.limit', 0x2fn)), /GDT\[5\] ends at 0x37, .*GDTR.limit is 0x2f/],
  [
    'ldt-descriptor-cut',
    withLdt((it) => it.descriptor(6, 0x00cf_9300_ffff_ffffn)),
    /GDT\[6\] = .* upper half of the LDT descriptor, and its bits 44 to 40 are not 0/,
  ],
  [
    'ldt-stale',
    withLdt((it) => set(it, 'ldt.limit', 0x1fn)),
    /LDTR holds base 0xffffffff8000a000, limit 0x1f; GDT\[5\] says base 0xffffffff8000a000, limit 0x17/,
  ],
  ['ldt-stale', withLdt((it) => it.descriptor(6, 0n)), /GDT\[5\] says base 0x8000a000/],
  [
    'ldt-system-descriptor',
    inLdt(0x89),
    /LDT\[2\] = .* is TSS64 available, upper half beyond the limit: it counts in the GDT only/,
  ],
  [
    'ldt-system-descriptor',
    inLdt(0x82),
    /LDT\[2\] = .* is LDT, upper half beyond the limit: it counts in the GDT only/,
  ],
  ['ldt-system-descriptor', inLdt(0x8e), /LDT\[2\] = .* is interrupt gate: it counts in the IDT only/],
  ['ldt-system-descriptor', inLdt(0x85), /LDT\[2\] = .* is reserved type 5: the type means nothing in this mode/],
  ['no-task-register', (it) => set(it, 'tr', 0n), /TR is 0, and 256 gates have IST ≠ 0, .*read at 0x3c/],
  ['tss-descriptor-cut', (it) => set(it, 'gdt.limit', 0x1fn), /GDT\[3\] ends at 0x27, and GDTR.limit is 0x1f/],
  ['tss-descriptor-cut', (it) => it.descriptor(4, 0x00cf_9300_ffff_ffffn), /bits 44 to 40 are not 0/],
  ['tss-wrong-type', (it) => set(it, 'tr', 0x10n), /TR is 0x10, and GDT\[2\].*data read\/write/],
  ['tss-not-busy', (it) => it.descriptor(3, 0x8000_8900_8000_0067n), /has type 9/],
  [
    'tss-busy',
    (it) => {
      longer(it, 0x8000_8b00_8000_0067n);
      it.descriptor(6, 0xffff_ffffn);
      set(it, 'gdt.limit', 0x37n);
    },
    /GDT\[5\] = 0x80008b0080000067 has type 11, and TR of this processor is 0x18/,
  ],
  ['tss-stale', (it) => set(it, 'tr.limit', 0x77n), /TR holds base .*limit 0x77; GDT\[3\] says .*limit 0x67/],
  ['tss-unmapped', (it) => it.page(0x8000, 0n), /TR.base is 0xffffffff80008000: .*not mapped/],
  [
    'tss-limit',
    (it) => shortTss(it, 0x37n),
    /TR.limit is 0x37, and IST4, which vector 0 \(#DE divide error\) uses, ends at 0x43/,
  ],
  ['ist-zero', (it) => it.ist(2, 0n), /IST2 is 0x0, the stack of vector 8 \(#DF double fault\)/],
  ['ist-non-canonical', (it) => it.ist(2, 0x0001_0000_0000_0000n), /IST2 is 0x1000000000000, .*not all equal/],
  ['ist-stack-start', (it) => startOfStack(it), /IST2 is .* where kernel::STACK2 \(4096 bytes\) starts/],
  ['ist-unmapped', (it) => it.page(0x2_4000, 0n), /IST2 is .*level 1 entry at 0x4120 is not present/],
  ['ist-unmapped', (it) => it.page(0x2_4000, 0x8000_0000_0000_0001n), /IST2 is .*is read-only/],
  ['ist-shared', (it) => it.gate(2, { ist: 2 }), /vector 2 \(NMI\) uses IST2, vector 8 \(#DF double fault\) IST2/],
  ['ring-0-stack', inRing3, /in ring 3, and RSP0 is 0x0/],
  ['idt-short-gates', shortGates, /both halves are 32-bit gates/],
  ['idt-too-short', (it) => set(it, 'idt.limit', 0x14fn), /21 gates, the first vector without one is 21/],
  [
    'gate-missing',
    (it) => it.bytes(0x7000 + 14 * 16, new Array(16).fill(0)),
    /vector 14 \(#PF page fault\): the gate is empty/,
  ],
  ['gate-missing', (it) => it.gate(13, { present: false }), /vector 13 .*P = 0 in d0 00 08 00 04 0e/],
  ['gate-type', (it) => it.gate(3, { type: 12 }), /vector 3 \(#BP breakpoint\): type 12 in/],
  ['gate-type', (it) => it.gate(3, { type: 5 }), /type 5 in/],
  ['gate-selector', (it) => it.gate(32, { selector: 0x10 }), /vector 32: selector 0x10, which is data read\/write/],
  ['gate-selector', (it) => it.gate(32, { selector: 0 }), /which is null/],
  ['gate-selector', (it) => it.gate(32, { selector: 0x40 }), /which is beyond GDTR.limit 0x27/],
  ['gate-selector', (it) => unusedCode(it, 0x00cf_9b00_0000_ffffn), /which is code32/],
  ['gate-selector', (it) => unusedCode(it, 0x00af_1b00_0000_ffffn), /not present/],
  ['gate-selector', (it) => it.gate(32, { selector: 4 }), /selector 0x4, which names the LDT \(TI = 1\), and LDTR is/],
  ['gate-selector', withLdt((it) => it.gate(32, { selector: 0x1c })), /0x1c, which is beyond LDTR.limit 0x17/],
  ['gate-selector', withLdt((it) => it.gate(32, { selector: 0xc })), /which is data read\/write: LDT\[1\] = /],
  [
    'gate-truncated',
    (it) => it.gate(33, { offset: TestImage.text & 0xffff_ffffn }),
    /offset 0x80010000, and 0xffffffff80010000 \(trap_stubs\) is code/,
  ],
  [
    'gate-no-code',
    (it) => it.gate(34, { offset: TestImage.gdt }),
    /vector 34: offset 0xffffffff80006000 \(kernel::GDT\) is in a page that may not be executed/,
  ],
  ['gate-no-code', (it) => it.gate(34, { offset: 0x0000_9000_0000_0000n }), /is not canonical/],
  ['gate-no-code', (it) => it.gate(34, { offset: TestImage.text + 0x10_0000n }), /is not mapped/],
  [
    'gate-no-code',
    (it) => it.gate(34, { offset: 0xffff_ffff_8000_9000n }) ?? it.page(0x9000, 1n),
    /no executable section/,
  ],
  // Linux without machine checks leaves the handlers of its early boot in these gates, whose memory it has freed.
  [
    'gate-unused-no-code',
    (it) => it.gate(18, { offset: TestImage.gdt }),
    /vector 18 \(#MC machine check\): offset .*may not be executed/,
  ],
  [
    'error-code-left',
    (it) => dead(it, IRETQ, [0x2n, TestImage.text + 0x20n, 8n, 2n, TestImage.stack(0)]),
    /found 0x2 for RIP at .*trap_stubs\+0x20\) behind it/,
  ],
  [
    'returned-to-bad-segment',
    (it) => dead(it, IRETQ, [TestImage.text, 8n, 2n, TestImage.stack(0), 0x30n]),
    /trap_stubs\+0x80\) popped SS 0x30 from 0xffffffff80020e20, .*the descriptor ends at 0x37, within GDTR.limit 0x27/,
  ],
  [
    'returned-to-bad-segment',
    (it) => dead(it, IRETQ, [TestImage.text, 0x10n, 2n, TestImage.stack(0), 0n]),
    /popped CS 0x10 from 0xffffffff80020e08, .*it is data read\/write/,
  ],
  ['ltr-refused', (it) => dead(it, LTR, [], 0x18n), /LTR at .* of selector 0x18, .*available TSS: it is TSS64 busy/],
  ['ltr-refused', (it) => dead(it, LTR, [], 0x40n), /selector 0x40, .*ends at 0x4f, within GDTR.limit 0x27/],
  ['lldt-refused', (it) => dead(it, LLDT, [], 0x10n), /LLDT at .* of selector 0x10, .*an LDT: it is data read\/write/],
  ['lldt-refused', withLdt((it) => dead(it, LLDT, [], 0x2cn)), /selector 0x2c, .*names the GDT \(TI = 0\)/],
  [
    'returned-to-bad-segment',
    withLdt((it) => dead(it, IRETQ, [TestImage.text, 8n, 2n, TestImage.stack(0), 0x1cn])),
    /popped SS 0x1c from .*the descriptor ends at 0x1f, within LDTR.limit 0x17/,
  ],
  ['double-fault-stack', (it) => it.gate(8, { ist: 0 }), /IST = 0 in/],
  ['gate-for-users', (it) => it.gate(14, { dpl: 3 }), /DPL = 3 in/],
  ['sse-off', (it) => set(it, 'cr4', 0xa0n), /OSFXSR = 0/],
  ['sse-off', (it) => set(it, 'cr0', 0x8001_0037n), /EM = 1/],
  ['long-mode-without-pae', (it) => set(it, 'cr4', 0x680n), /PAE = 0/],
  ['cr3-outside-ram', (it) => set(it, 'cr3', 0x7fff_f000n), /root table would be at 0x7ffff000$/],
  ['no-execute-off', withoutNoExecute, /NXE = 0/],
  ['write-protect-off', (it) => set(it, 'cr0', 0x8000_0033n), /WP = 0/],
  ['core-control-differs', (it) => second(it, { cr4: 0x20_06a0n }), /core 1: CR4 is 0x2006a0, of core 0 0x6a0: SMAP/],
  [
    'core-idt-differs',
    (it) => second(it, { 'idt.limit': 0x3ffn }),
    /core 1: IDTR is .*limit 0x3ff; of core 0 .*limit 0xfff/,
  ],
  ['core-tss-shared', (it) => it.others.push({}), /cores 0, 1 have TR.base 0xffffffff80008000/],
  ['core-without-tss', (it) => second(withoutStacks(it), { tr: 0n }), /TR of core 1 is 0/],
];

/**
 * Halted for good in the handler of #GP, on IST4, which has the frame of what was interrupted at its top: this instruction, with these
 * words on its stack.
 */
export function dead(image: TestImage, instruction: readonly number[], popped: readonly bigint[], error = 0n): void {
  const view = new DataView(image.ram.buffer);
  const [text, stack, top] = [0x1_0080, 0x2_0e00, 0x2_9000];
  image.bytes(text, instruction);
  for (const [n, word] of popped.entries()) view.setBigUint64(stack + 8 * n, word, true);
  const frame = [error, TestImage.text + 0x80n, 8n, 2n, TestImage.stack(0) + 0xe00n, 0n];
  for (const [n, word] of frame.entries()) view.setBigUint64(top - 48 + 8 * n, word, true);
  set(image, 'rsp', TestImage.stack(4) + 0xe00n);
  set(image, 'rfl', 2n);
  image.halted = true;
}

export function set(image: TestImage, name: string, value: bigint): void {
  image.registers[name] = value;
}

function symbol(image: TestImage, name: string, other: string): void {
  for (const it of image.symbols) if (it.name === name) it.name = other;
}

/** Copies a table to just below the stack pointer. */
function onStack(name: 'gdt' | 'idt' | 'ldt', from: number, size: number) {
  return (image: TestImage) => {
    const at = 0x2_0000 + 0x800;
    image.bytes(at, [...image.ram.subarray(from, from + size)]);
    set(image, `${name}.base`, TestImage.stack(0) + 0x800n);
    // The stack is writable, as stacks are.
    set(image, 'rsp', TestImage.stack(0) + 0xf00n);
  };
}

function user(image: TestImage, page: number): void {
  for (const at of [0x1000 + 8 * 511, 0x5000 + 8 * 510, 0x3000]) image.bytes(at, [(image.ram[at] ?? 0) | 4]);
  image.page(page, 0x8000_0000_0000_0007n);
}

export function withLdt(change: (image: TestImage) => void) {
  return (image: TestImage) => {
    image.addLdt();
    change(image);
  };
}

/** LDTR and its descriptor say the same of where the LDT is. */
function ldtRaw(
  image: TestImage,
  { base = TestImage.ldt, limit = 0x17n, present = true }: { base?: bigint; limit?: bigint; present?: boolean },
): void {
  const granular = limit > 0xf_ffffn;
  const stored = granular ? limit >> 12n : limit;
  const flags = (stored & 0xffffn) | ((stored & 0xf_0000n) << 32n) | (granular ? 1n << 55n : 0n);
  image.descriptor(
    5,
    flags | (2n << 40n) | (present ? 1n << 47n : 0n) | ((base & 0xff_ffffn) << 16n) | ((base & 0xff00_0000n) << 32n),
  );
  image.descriptor(6, base >> 32n);
  Object.assign(image.registers, { 'ldt.base': base, 'ldt.limit': limit });
}

const ldtAt = (image: TestImage, base: bigint) => ldtRaw(image, { base });
export const ldtLimit = (image: TestImage, limit: bigint) => ldtRaw(image, { limit });

/** A third entry of the LDT, with this byte of access rights. */
export function inLdt(access: number) {
  return withLdt((it) => it.ldtDescriptor(2, (BigInt(access) << 40n) | 0x67n));
}

/** A call gate in GDT[5] with this selector. */
function callGate(selector: number) {
  return (image: TestImage) => {
    image.descriptor(5, 0x8001_ec00_0000_0040n | (BigInt(selector) << 16n));
    image.descriptor(6, 0xffff_ffffn);
    set(image, 'gdt.limit', 0x37n);
  };
}

function ldtOnStack(image: TestImage): void {
  onStack('ldt', 0xa000, 24)(image);
  ldtAt(image, TestImage.stack(0) + 0x800n);
}

function stale(image: TestImage, name: string, index = 4, raw?: bigint): void {
  if (raw !== undefined) longer(image, raw);
  set(image, name, BigInt(8 * index));
}

/** A sixth descriptor. */
export function longer(image: TestImage, raw: bigint): void {
  image.descriptor(5, raw);
  set(image, 'gdt.limit', 0x2fn);
}

/** A TSS descriptor in GDT[5] that is not present, and this behind it. */
export function behindAbsent(image: TestImage, raw: bigint): void {
  longer(image, 0x0000_0900_0000_0067n);
  image.descriptor(6, raw);
  set(image, 'gdt.limit', 0x37n);
}

function unusedCode(image: TestImage, raw: bigint): void {
  longer(image, raw);
  image.gate(32, { selector: 0x28 });
}

function shortTss(image: TestImage, limit: bigint): void {
  image.descriptor(3, 0x8000_8b00_8000_0000n | limit);
  set(image, 'tr.limit', limit);
  // IST1 and 2 are inside; 3 belongs to #MC.
  image.gate(18, { ist: 2 });
  image.gate(18, { ist: 1, present: false });
}

/** The page before the stack is mapped too, as of arrays of stacks: pushes do not fault. */
function startOfStack(image: TestImage): void {
  image.page(0x2_3000, 0x8000_0000_0000_0003n);
  image.ist(2, TestImage.stack(2));
}

function inRing3(image: TestImage): void {
  longer(image, 0x00cf_f300_0000_ffffn);
  Object.assign(image.registers, { ss: 0x2bn, 'ss.flags': 0x00cf_f300n });
}

/** The IDT as 32-bit code would write it. */
function shortGates(image: TestImage): void {
  for (let vector = 0; vector < 256; vector++) {
    const low = (vector * 16) & 0xffff;
    image.bytes(0x7000 + 8 * vector, [low & 0xff, low >> 8, 8, 0, 0, 0x8e, 1, 0x80]);
  }
}

function withoutNoExecute(image: TestImage): void {
  set(image, 'efer', 0x500n);
  // Without NXE bit 63 is reserved.
  for (let n = 0; n < 512; n++) image.bytes(0x4000 + 8 * n + 7, [0]);
}

/** A second core with a TSS and GDT of its own. */
export function second(image: TestImage, change: Record<string, bigint>): void {
  const own = 0x9000;
  image.page(own, 0x8000_0000_0000_0001n);
  image.bytes(own, [...image.ram.subarray(0x6000, 0x6038)]);
  image.bytes(own + 0x100, [...image.ram.subarray(0x8000, 0x8068)]);
  const tss = 0xffff_ffff_8000_9100n;
  new DataView(image.ram.buffer).setBigUint64(own + 24, 0x8000_8b00_9100_0067n, true);
  image.others.push({ 'gdt.base': 0xffff_ffff_8000_9000n, 'tr.base': tss, ...change });
}

function withoutStacks(image: TestImage): TestImage {
  for (let vector = 0; vector < 256; vector++) image.gate(vector, { ist: 0 });
  return image;
}

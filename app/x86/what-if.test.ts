import { expect, test } from 'vitest';
import { type LoadRegister, loadSelector } from './load-selector.ts';
import { processorState, readTables } from './machine-state.ts';
import { faultText, type Outcome, type Prediction } from './prediction.ts';
import { TestImage } from './test-image.ts';
import { deliver } from './what-if.ts';

function tables(change: (image: TestImage) => void = () => {}) {
  const [first] = new TestImage().with(change).tables().processors;
  if (first === undefined) throw new Error('no processor');
  return first;
}

/** The end in a line, with the check that failed. */
function summary(prediction: Prediction): string {
  const failed = prediction.checks.find(({ passed }) => !passed);
  return `${end(prediction.outcome)}${failed === undefined ? '' : `: ${failed.what}`}`;
}

function end(outcome: Outcome): string {
  if (outcome.kind === 'fault') return faultText(outcome.fault);
  if (outcome.kind === 'loaded') return outcome.text;
  if (outcome.kind === 'handler')
    return `handler 0x${outcome.rip.toString(16)} rsp 0x${outcome.rsp.toString(16)} ist ${outcome.ist}`;
  return outcome.kind;
}

/** A GDT with one more descriptor at 0x28. */
const fifth = (raw: bigint) => (image: TestImage) => {
  image.descriptor(5, raw);
  image.registers['gdt.limit'] = 0x2fn;
};
const DATA = 0x00cf_9300_0000_ffffn;

test.each<[LoadRegister, number, bigint, string]>([
  ['ds', 0x28, DATA, 'DS is data read/write; in 64-bit mode base and limit do not count'],
  [
    'ds',
    0x30,
    DATA,
    '#GP general protection, error code 0x30 (GDT entry 6): the descriptor ends at 0x37, within GDTR.limit 0x2f',
  ],
  ['ds', 0, DATA, 'DS is null: in 64-bit mode that does no harm'],
  ['ds', 0x28, DATA & ~(1n << 47n), '#NP segment not present, error code 0x28 (GDT entry 5): the segment is present'],
  ['ds', 0x2b, DATA, '#GP general protection, error code 0x28 (GDT entry 5): RPL 3 and CPL 0 are at most DPL 0'],
  [
    'ds',
    0x18,
    DATA,
    '#GP general protection, error code 0x18 (GDT entry 3): the descriptor is data or readable code: it is TSS64 busy',
  ],
  ['ss', 0x28, DATA, 'SS is data read/write; in 64-bit mode base and limit do not count'],
  ['ss', 0x28, DATA & ~(1n << 47n), '#SS stack-segment fault, error code 0x28 (GDT entry 5): the segment is present'],
  [
    'ss',
    0x28,
    DATA & ~(1n << 41n),
    '#GP general protection, error code 0x28 (GDT entry 5): the descriptor is writable data: it is data read only',
  ],
  ['ss', 0x28, DATA | (3n << 45n), '#GP general protection, error code 0x28 (GDT entry 5): DPL 3 is CPL 0'],
  [
    'ss',
    0x08,
    DATA,
    '#GP general protection, error code 0x8 (GDT entry 1): the descriptor is writable data: it is code64 execute/read',
  ],
  ['ss', 3, DATA, '#GP general protection, error code 0x0: RPL 3 of a null SS is CPL 0'],
  [
    'cs',
    0x28,
    0x00ef_9b00_0000_ffffn,
    '#GP general protection, error code 0x28 (GDT entry 5): L and D are not both set',
  ],
  ['cs', 0x28, 0x00cf_9b00_0000_ffffn, 'CS runs 32-bit code, in compatibility mode: a REX prefix is INC or DEC'],
  ['cs', 0, DATA, '#GP general protection, error code 0x0: the selector for CS is not null'],
  [
    'tr',
    0x18,
    DATA,
    '#GP general protection, error code 0x18 (GDT entry 3): the descriptor is an available TSS: it is TSS64 busy',
  ],
  ['tr', 0, DATA, '#GP general protection, error code 0x0: the selector for TR is not null'],
  [
    'tr',
    0x28,
    0x0000_8900_0000_0067n,
    '#GP general protection, error code 0x28 (GDT entry 5): the descriptor ends at 0x37, within GDTR.limit 0x2f',
  ],
])('load %s with 0x%x of %x', (register, selector, raw, expected) => {
  expect(summary(loadSelector(tables(fifth(raw)), register, selector))).toBe(expected);
});

test('a TSS whose descriptor is written anew can be loaded again', () => {
  const prediction = loadSelector(
    tables((it) => it.descriptor(3, 0x8000_8900_8000_0067n)),
    'tr',
    0x18,
  );
  expect(end(prediction.outcome)).toBe('TR has base 0xffffffff80008000, limit 0x67, and the descriptor becomes busy');
});

/** A machine with an LDT, changed; FS names its data, and selector 4 its code. */
const ldtTables = (change: (image: TestImage) => void = () => {}) =>
  tables((it) => {
    it.addLdt();
    change(it);
  });

test.each<[LoadRegister, number, (image: TestImage) => void, string]>([
  ['ds', 0xc, () => {}, 'DS is data read/write; in 64-bit mode base and limit do not count'],
  ['ss', 0xc, () => {}, 'SS is data read/write; in 64-bit mode base and limit do not count'],
  // Index 0 is an entry as good as any in the LDT.
  ['cs', 4, () => {}, 'CS runs 64-bit code'],
  [
    'ds',
    0x1c,
    () => {},
    '#GP general protection, error code 0x1c (LDT entry 3): the descriptor ends at 0x1f, within LDTR.limit 0x17',
  ],
  [
    'ds',
    0xc,
    (it) => it.ldtDescriptor(1, DATA & ~(1n << 47n)),
    '#NP segment not present, error code 0xc (LDT entry 1): the segment is present',
  ],
  [
    'ds',
    0xc,
    (it) => it.page(0xa000, 0n),
    '#PF page fault, error code 0x0 at 0xffffffff8000a008: the descriptor can be read',
  ],
  [
    'ds',
    0xc,
    (it) => set(it, 'ldt', 0n),
    '#GP general protection, error code 0xc (LDT entry 1): the selector names the LDT, and LDTR is not null',
  ],
  ['ldtr', 0x28, () => {}, 'LDTR has base 0xffffffff8000a000, limit 0x17'],
  ['ldtr', 0, () => {}, 'LDTR is null: no LDT is in use, and selectors with TI = 1 raise #GP'],
  [
    'ldtr',
    0x18,
    () => {},
    '#GP general protection, error code 0x18 (GDT entry 3): the descriptor is an LDT: it is TSS64 busy',
  ],
  ['ldtr', 0xc, () => {}, '#GP general protection, error code 0xc (LDT entry 1): the selector names the GDT (TI = 0)'],
  ['tr', 0xc, () => {}, '#GP general protection, error code 0xc (LDT entry 1): the selector names the GDT (TI = 0)'],
  [
    'ldtr',
    0x28,
    (it) => set(it, 'gdt.limit', 0x2fn),
    '#GP general protection, error code 0x28 (GDT entry 5): the descriptor ends at 0x37, within GDTR.limit 0x2f',
  ],
  [
    'ldtr',
    0x28,
    (it) => it.descriptor(5, 0x8000_0200_a000_0017n),
    '#NP segment not present, error code 0x28 (GDT entry 5): the LDT is present',
  ],
  [
    'ldtr',
    0x28,
    (it) => it.descriptor(6, 1n << 40n),
    '#GP general protection, error code 0x28 (GDT entry 5): the type bits of the upper half are 0',
  ],
  [
    'ldtr',
    0x28,
    (it) => it.descriptor(6, 0x0001_0000n),
    '#GP general protection, error code 0x28 (GDT entry 5): base 0x100008000a000 is canonical',
  ],
  ['ldtr', 0x28, ring3, '#GP general protection, error code 0x0: CPL 3 is 0'],
])('with an LDT, load %s with 0x%x', (register, selector, change, expected) => {
  expect(summary(loadSelector(ldtTables(change), register, selector))).toBe(expected);
});

test('where QEMU goes on without an LDT, it is said', () => {
  const emulator = (change: (image: TestImage) => void) =>
    loadSelector(ldtTables(change), 'ds', 0xc).checks.find(({ passed }) => !passed)?.emulator;
  // As after a reset; after LLDT of 0 the limit is 0.
  expect(emulator((it) => Object.assign(it.registers, { ldt: 0n, 'ldt.limit': 0xffffn }))).toMatch(/LDTR.limit 0xffff/);
  expect(emulator((it) => Object.assign(it.registers, { ldt: 0n, 'ldt.limit': 0n }))).toBeUndefined();
});

test('a gate whose code is in the LDT', () => {
  const through = (selector: number, change: (image: TestImage) => void = () => {}) => {
    const spoil = (it: TestImage) => {
      it.gate(32, { selector });
      change(it);
    };
    const [first] = deliver(ldtTables(spoil), { vector: 32, source: 'software' }).attempts;
    return first && summary(first.prediction);
  };
  expect(through(4)).toMatch(/^handler 0xffffffff80010200/);
  expect(through(0xc)).toBe(
    '#GP general protection, error code 0xc (LDT entry 1): the descriptor is code of DPL at most 0: it is data read/write, DPL 0',
  );
  expect(through(0x1c)).toBe(
    '#GP general protection, error code 0x1c (LDT entry 3): selector 0x1c is within LDTR.limit 0x17',
  );
  expect(through(4, (it) => set(it, 'ldt', 0n))).toBe(
    '#GP general protection, error code 0x4 (LDT entry 0): the selector names the LDT, and LDTR is not null',
  );
});

const NMI = 0x1_0000 + 0x20;

test('an event on a good machine reaches its handler, with its frame on its stack', () => {
  const { attempts, outcome } = deliver(tables(), { vector: 2, source: 'exception' });
  expect(attempts).toHaveLength(1);
  // Five words below the top of IST1.
  const rsp = TestImage.stack(1) + 0x1000n - 40n;
  expect(outcome).toEqual({
    kind: 'handler',
    vector: 2,
    rip: 0xffff_ffff_8000_0000n + BigInt(NMI),
    rsp,
    ist: 1,
    cpl: 0,
    interruptsOff: true,
  });
  const fault = deliver(tables(), { vector: 14, source: 'exception', errorCode: 2 });
  expect(fault.outcome).toMatchObject({ kind: 'handler', rsp: TestImage.stack(4) + 0x1000n - 48n, ist: 4 });
});

/** What became of an event: each attempt in a line. */
function chain(
  change: (image: TestImage) => void,
  vector: number,
  source: 'exception' | 'software' | 'external' = 'exception',
) {
  const { attempts, outcome } = deliver(tables(change), { vector, source });
  const lines = attempts.map(({ interrupt, prediction }) => `${interrupt.vector}: ${summary(prediction)}`);
  return [...lines.filter((line) => !line.includes('handler 0x')), end(outcome)];
}

const DF_HANDLER = expect.stringContaining('handler 0xffffffff80010080');

test('a breakpoint without gate is #NP, and its handler runs', () => {
  // Error code: vector times 8, plus IDT, without EXT since INT3 is software.
  expect(chain((it) => it.gate(3, { present: false }), 3, 'software')).toEqual([
    '3: #NP segment not present, error code 0x1a (IDT entry 3): the gate is present',
    expect.stringContaining('handler 0xffffffff800100b0'),
  ]);
});

test('a page fault without gate is a double fault', () => {
  expect(chain((it) => it.gate(14, { present: false }), 14)).toEqual([
    '14: #NP segment not present, error code 0x73 (IDT entry 14): the gate is present',
    DF_HANDLER,
  ]);
});

test('a double fault whose stack is gone is a triple fault', () => {
  const change = (it: TestImage) => {
    it.gate(13, { type: 12 });
    it.ist(2, 0x0001_0000_0000_0000n);
  };
  expect(chain(change, 13)).toEqual([
    "13: #GP general protection, error code 0x6b (IDT entry 13): the gate's type is 0xE or 0xF: it is 0xc",
    expect.stringMatching(
      /^8: #SS stack-segment fault, error code 0x1: the stack from 0x1000000000000 .* is canonical/,
    ),
    'triple-fault',
  ]);
});

test('no table at all is a triple fault', () => {
  expect(chain((it) => set(it, 'idt.limit', 0n), 32, 'external')).toEqual([
    '32: #GP general protection, error code 0x103 (IDT entry 32): the gate ends at 0x20f, within IDTR.limit 0x0',
    '13: #GP general protection, error code 0x6b (IDT entry 13): the gate ends at 0xdf, within IDTR.limit 0x0',
    '8: #GP general protection, error code 0x43 (IDT entry 8): the gate ends at 0x8f, within IDTR.limit 0x0',
    'triple-fault',
  ]);
});

test.each<[string, (image: TestImage) => void, string]>([
  [
    'INT from ring 3 to a gate of ring 0',
    ring3,
    '#GP general protection, error code 0x102 (IDT entry 32): DPL 0 of the gate is at least CPL 3, as INT wants',
  ],
  [
    'null selector',
    (it) => it.gate(32, { selector: 0 }),
    "#GP general protection, error code 0x0: the gate's selector is not null",
  ],
  [
    'data selector',
    (it) => it.gate(32, { selector: 16 }),
    '#GP general protection, error code 0x10 (GDT entry 2): the descriptor is code of DPL at most 0: it is data read/write, DPL 0',
  ],
  [
    'beyond the GDT',
    (it) => it.gate(32, { selector: 64 }),
    '#GP general protection, error code 0x40 (GDT entry 8): selector 0x40 is within GDTR.limit 0x27',
  ],
  [
    'TSS too short',
    (it) => set(it, 'tr.limit', 0x3fn),
    '#TS invalid TSS, error code 0x18 (GDT entry 3): IST4 ends at 0x43, within TR.limit 0x3f',
  ],
  [
    'IST 0',
    (it) => it.ist(4, 0n),
    '#PF page fault, error code 0x2 at 0xfffffffffffffff8: the stack at 0xfffffffffffffff8 is mapped and writable',
  ],
  [
    'handler in data',
    (it) => it.gate(32, { offset: TestImage.gdt }),
    '#PF page fault, error code 0x11 at 0xffffffff80006000: the handler at 0xffffffff80006000 can be executed: its page has NX',
  ],
  [
    'handler nowhere',
    (it) => it.gate(32, { offset: 0x1234n }),
    '#PF page fault, error code 0x10 at 0x1234: the handler at 0x1234 can be executed: it is not mapped',
  ],
  [
    'handler no address',
    (it) => it.gate(32, { offset: 1n << 60n }),
    '#GP general protection, error code 0x0: the offset 0x1000000000000000 is canonical',
  ],
])('INT 0x20: %s', (_name, change, expected) => {
  const [first] = deliver(tables(change), { vector: 32, source: 'software' }).attempts;
  expect(first && summary(first.prediction)).toBe(expected);
});

function set(image: TestImage, name: string, value: bigint): void {
  image.registers[name] = value;
}

function ring3(image: TestImage): void {
  image.registers['ss.flags'] = 0x00cf_f300n;
}

test('edits lie over memory, and change nothing', () => {
  const image = new TestImage();
  const [values] = image.values();
  if (values === undefined) throw new Error('no processor');
  const edit = { address: TestImage.idt + 3n * 16n + 5n, bytes: Uint8Array.of(0x0e) };
  const edited = readTables(processorState(values), image.read, [edit]);
  expect(
    end(deliver(edited, { vector: 3, source: 'software' }).attempts[0]?.prediction.outcome ?? { kind: 'triple-fault' }),
  ).toContain('#NP');
  expect(end(deliver(tables(), { vector: 3, source: 'software' }).outcome)).toContain('handler');
});

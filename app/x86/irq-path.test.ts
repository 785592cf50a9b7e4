import { describe, expect, test } from 'vitest';
import type { IrqRoute } from '../contract/inspect/irq.ts';
import { msiOf, msixEntries, msixOf } from '../pci/msix.ts';
import type { LocalApic } from '../wire/qemu-irq.ts';
import { type IoApicState, type IrqFunction, type IrqSources, irqView } from './irq-path.ts';
import { TestImage } from './test-image.ts';

const LAPIC: LocalApic = { lvt: [], spurious: 0x1ff, inService: [], requested: [], tpr: 0, ppr: 0, ldr: 1, dfr: 0xf };

/** A machine whose serial port interrupts with vector 66, as it should. */
function sources({
  change = () => {},
  lapic = {},
  halted = false,
  pins = [{ pin: 4, raw: 66n, pending: false }],
  ...rest
}: Partial<IrqSources> & {
  /** Of the one IOAPIC. */
  pins?: IoApicState['pins'];
  change?: (image: TestImage) => void;
  lapic?: Partial<LocalApic>;
  halted?: boolean;
} = {}): IrqSources {
  const { processors, code } = new TestImage().with(change).tables();
  return {
    processors: processors.map((tables) => ({ tables, halted, lapic: { ...LAPIC, ...lapic } })),
    ioapics: [{ address: null, firstInterrupt: 0, from: null, pins, counts: new Map([[4, 7]]) }],
    ...{ pics: [], functions: [], lines: new Map(), code },
    ...rest,
  };
}

/** Each station in a line. */
const lines = (route: IrqRoute | undefined) =>
  route?.hops.map(({ station, state, text }) => `${station} ${state}: ${text}`);
const first = (it: Parameters<typeof sources>[0]) => irqView(sources(it)).routes[0];
const broken = (it: Parameters<typeof sources>[0]) => lines(first(it))?.filter((line) => line.includes(' broken: '));

test('the whole way of a pin', () => {
  const route = first({});
  expect(route).toMatchObject({
    id: 'ioapic 4',
    device: 'serial port COM1',
    vector: 66,
    processors: [0],
    raised: 7,
    verdict: 'ok',
  });
  expect(lines(route)).toEqual([
    'source ok: pin 4 of the IOAPIC, raised 7 times',
    'message ok: fixed, edge, physical destination 0x0',
    'lapic ok: processor 0',
    'processor ok: interrupts are on',
    'gate ok: interrupt gate, IST4',
    'handler ok: trap_stubs+0x420',
    'eoi ok: not in service',
  ]);
});

test.each<[string, Parameters<typeof sources>[0], string]>([
  [
    'masked while raised',
    { pins: [{ pin: 4, raw: 0x1_0042n, pending: true }] },
    'message broken: masked while it is raised',
  ],
  [
    'nobody there',
    { pins: [{ pin: 4, raw: (9n << 56n) | 66n, pending: false }] },
    'lapic broken: no processor has this destination',
  ],
  ['APIC off', { lapic: { spurious: 0xff } }, 'lapic broken: the local APIC of processor 0 is switched off'],
  ['TPR', { lapic: { tpr: 0x40 } }, "lapic broken: the task priority holds it back: class 4 is not above TPR's 4"],
  [
    'vector 8',
    { pins: [{ pin: 4, raw: 8n, pending: false }] },
    'lapic broken: vector 8 is not allowed: 0 to 15 are refused by the local APIC',
  ],
  [
    'dead halt',
    { change: (it) => setFlags(it, 2n), halted: true },
    'processor broken: processor 0 is halted with interrupts off: nothing but NMI wakes it',
  ],
  [
    'no gate',
    { change: (it) => it.bytes(0x7000 + 66 * 16, new Array(16).fill(0)) },
    'gate broken: the gate is empty: delivery raises #GP or #NP',
  ],
  ['short IDT', { change: (it) => setLimit(it, 0x3ffn) }, 'gate broken: vector 66 is beyond IDTR.limit'],
  [
    'wrong type',
    { change: (it) => it.gate(66, { type: 12 }) },
    "gate broken: the gate's type is 12: delivery raises #GP",
  ],
  [
    'no code',
    { change: (it) => it.gate(66, { offset: TestImage.gdt }) },
    'handler broken: kernel::GDT cannot be executed',
  ],
  [
    'no EOI',
    { lapic: { inService: [66] }, halted: true },
    'eoi broken: in service although the processor waits with interrupts on: the handler returned without EOI',
  ],
  [
    'PIC not moved',
    { pins: [], pics: [{ name: 'pic0', irr: 0, imr: 0xfe, isr: 0, base: 8 }] },
    'message broken: comes as vector 8, which is an exception: the PIC has not been moved',
  ],
])('%s', (_name, it, expected) => {
  expect(broken(it)).toEqual([expected]);
});

function setFlags(image: TestImage, value: bigint): void {
  image.registers.rfl = value;
}
function setLimit(image: TestImage, value: bigint): void {
  image.registers['idt.limit'] = value;
}

function words(values: Readonly<Record<number, number>>, count: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: count }, (_, n) => values[n] ?? 0).buffer);
}

/** Configuration space of Linux's virtio-blk under QEMU 7.2: MSI-X of two entries, the table in BAR 1. */
const CONFIG = words(
  { 0: 0x1042_1af4, 1: 0x0010_0507, 13: 0x98, 38: 0x8001_8411, 39: 1, 40: 0x801, 33: 0x0514_7009 },
  64,
);
const TABLE = words([0xfee0_1004, 0, 0x24, 0, 0xfee0_1004, 0, 0x23, 1], 8);

test('MSI-X: capability, table, and its ways', () => {
  const msix = msixOf(CONFIG);
  expect(msix).toEqual({
    enabled: true,
    masked: false,
    entries: 2,
    tableBar: 1,
    tableOffset: 0,
    pendingBar: 1,
    pendingOffset: 0x800,
  });
  expect(msiOf(CONFIG)).toBeUndefined();
  const device: IrqFunction = {
    ...{ place: '00:01.0', title: 'model0', line: 10, pinDisabled: true, known: 'whole', msix },
    messages: [...msixEntries(TABLE), { entry: 2, address: 0x1000n, data: 0x25, masked: false, pending: false }],
  };
  const { routes } = irqView(sources({ pins: [], functions: [device] }));
  expect(routes.map(({ id, vector, verdict }) => [id, vector, verdict])).toEqual([
    ['msi-x 00:01.0 2', null, 'broken'],
    ['msi-x 00:01.0 0', 0x24, 'ok'],
    ['msi-x 00:01.0 1', 0x23, 'off'],
  ]);
  expect(lines(routes[0])?.[1]).toBe('message broken: the message goes to no local APIC: its address is not 0xfee…');
});

test('MSI-X: a message that waits behind a mask is where its way breaks', () => {
  const device = (masked: boolean, pending: readonly number[]): IrqFunction => ({
    ...{ place: '00:01.0', title: 'model0', line: 10, pinDisabled: true, known: 'whole' },
    msix: { ...(msixOf(CONFIG) ?? NO_MSIX), masked },
    messages: msixEntries(TABLE, Uint8Array.from(pending)),
  });
  const of = (masked: boolean, pending: readonly number[]) =>
    irqView(sources({ pins: [], functions: [device(masked, pending)] })).routes;
  const [held] = of(false, [2]);
  expect(held).toMatchObject({ id: 'msi-x 00:01.0 1', vector: 0x23, verdict: 'broken' });
  expect(lines(held)).toEqual([
    'source waiting: 00:01.0 has raised it, and its message waits',
    'message broken: the entry is masked while a message waits',
  ]);
  expect(held?.hops[1]?.evidence).toBe('address 0xfee01004, data 0x23, masked, pending bit 1 is set');
  // An entry that is not masked sends what it has: its pending bit says nothing.
  expect(of(false, [1]).map(({ verdict }) => verdict)).toEqual(['ok', 'off']);
  expect(lines(of(true, [1])[0])?.[1]).toBe('message broken: all of MSI-X is masked while a message waits');
});
const NO_MSIX = {
  ...{ enabled: true, masked: false, entries: 0, tableBar: 0, tableOffset: 0, pendingBar: 0, pendingOffset: 0 },
};

describe('the old controllers', () => {
  /** Moved to 0x20 and 0x28, the timer and the clock of line 8 open. */
  const pics = (change: Partial<Record<'pic0' | 'pic1', Partial<IrqSources['pics'][number]>>> = {}) => [
    { ...{ name: 'pic1', irr: 0, imr: 0xfe, isr: 0, base: 0x28 }, ...change.pic1 },
    { ...{ name: 'pic0', irr: 0, imr: 0xfa, isr: 0, base: 0x20 }, ...change.pic0 },
  ];
  const LINT0 = { lvt: [{ name: 'LVT0', raw: 0x700 }] };
  const routes = (it: Parameters<typeof sources>[0]) => irqView(sources({ pins: [], lapic: LINT0, ...it })).routes;

  test('the whole way of each line, and the one between them is no device', () => {
    const [timer, clock, ...rest] = routes({ pics: pics() }).sort((a, b) => (a.vector ?? 0) - (b.vector ?? 0));
    expect(rest).toEqual([]);
    expect([timer, clock]).toMatchObject([
      { id: 'pic0 0', device: 'timer (PIT)', vector: 0x20, processors: [0], verdict: 'ok' },
      { id: 'pic1 0', title: 'PIC line 8', device: 'real-time clock', vector: 0x28, verdict: 'ok' },
    ]);
    expect(lines(timer)).toEqual([
      'source ok: line 0 of the PIC is open',
      'message ok: vector 32',
      'lapic ok: LINT0 lets the PIC through (ExtINT)',
      'processor ok: interrupts are on',
      'gate ok: interrupt gate, IST4',
      'handler ok: trap_stubs+0x200',
      'eoi ok: not in service',
    ]);
    expect(lines(routes({ pics: pics(), lapic: { lvt: [] } })[0])?.[2]).toBe(
      'lapic ok: there is no local APIC between',
    );
  });

  test('devices whose pins lead to a line are named there, and not those that send messages', () => {
    const device = (title: string, msix?: typeof NO_MSIX): IrqFunction => ({
      ...{ place: '00:01.0', title, line: 10, pinDisabled: false, msix, messages: [], known: 'whole' },
    });
    const functions = [device('net0'), device('model0', NO_MSIX), device('SMBus')];
    const found = routes({ pics: pics({ pic1: { imr: 0xfb } }), functions });
    expect(found.find(({ id }) => id === 'pic1 2')?.device).toBe('net0; SMBus');
  });

  test.each<[string, Parameters<typeof sources>[0], string, string]>([
    [
      'LINT0 is masked',
      { pics: pics(), lapic: { lvt: [{ name: 'LVT0', raw: 0x1_0700 }] } },
      'pic0 0',
      'lapic off: LINT0 is masked: nothing of the PIC comes to the processor',
    ],
    [
      'LINT0 is an interrupt of its own',
      { pics: pics(), lapic: { lvt: [{ name: 'LVT0', raw: 0x40 }] } },
      'pic0 0',
      'lapic broken: LINT0 is not set to ExtINT: the vector is not asked of the PIC',
    ],
    [
      'the second is cut off',
      { pics: pics({ pic0: { imr: 0xfe }, pic1: { irr: 1 } }) },
      'pic1 0',
      'message broken: line 2 of the first PIC, through which the second one speaks, is masked',
    ],
    [
      'no EOI',
      { pics: pics({ pic0: { isr: 1 } }), halted: true },
      'pic0 0',
      'eoi broken: in service although the processor waits with interrupts on: the handler returned without EOI (0x20 to port 0x20)',
    ],
    [
      'EOI to one of two',
      { pics: pics({ pic0: { isr: 4 } }), halted: true },
      'pic1 0',
      'eoi broken: line 2 of the first PIC is still in service: EOI goes to both (0x20 to ports 0xa0 and 0x20)',
    ],
    [
      'behind a line that is in service',
      { pics: pics({ pic1: { imr: 0xfc, irr: 2, isr: 1 } }) },
      'pic1 1',
      'message waiting: vector 41, behind line 0 of this PIC, which is in service',
    ],
    [
      'no gate',
      { pics: pics(), change: (it) => it.bytes(0x7000 + 32 * 16, new Array(16).fill(0)) },
      'pic0 0',
      'gate broken: the gate is empty: delivery raises #GP or #NP',
    ],
    [
      'dead halt',
      { pics: pics(), change: (it) => setFlags(it, 2n), halted: true },
      'pic0 0',
      'processor broken: processor 0 is halted with interrupts off: nothing but NMI wakes it',
    ],
  ])('%s', (_name, it, id, expected) => {
    expect(lines(routes(it).find((route) => route.id === id))).toContain(expected);
    expect(lines(routes({ pics: pics({ pic1: { imr: 0xfc } }) }).find((route) => route.id === id))).not.toContain(
      expected,
    );
  });
});

test('a device that is known to hang at a pin is named', () => {
  const at = (pin: number) => ({ pins: [{ pin, raw: 66n, pending: false }], lines: new Map([[12, 'model0']]) });
  expect([first(at(12))?.device, first(at(11))?.device]).toEqual(['model0', 'PCI or other']);
});

test('two IOAPICs: each pin is its own, with its interrupt and the device at it', () => {
  const pins = [{ pin: 4, raw: 66n, pending: false }];
  const ioapics: IoApicState[] = [
    { address: 0xfec0_0000n, firstInterrupt: 0, from: 'acpi', pins, counts: new Map([[4, 7]]) },
    { address: 0xfec1_0000n, firstInterrupt: 24, from: 'acpi', pins, counts: new Map() },
  ];
  const view = irqView(sources({ ioapics, lines: new Map([[28, 'net0']]) }));
  expect(view.ioapics).toEqual([
    { index: 0, address: '0xfec00000', firstInterrupt: 0, from: 'acpi', pins: 1 },
    { index: 1, address: '0xfec10000', firstInterrupt: 24, from: 'acpi', pins: 1 },
  ]);
  expect(view.routes.map(({ id, title, device, raised, pin }) => ({ id, title, device, raised, pin }))).toEqual([
    {
      ...{ id: 'ioapic0 4', title: 'IOAPIC 0 pin 4 (GSI 4)', device: 'serial port COM1', raised: 7 },
      pin: { ioapic: 0, pin: 4, gsi: 4 },
    },
    {
      ...{ id: 'ioapic1 4', title: 'IOAPIC 1 pin 4 (GSI 28)', device: 'net0', raised: null },
      pin: { ioapic: 1, pin: 4, gsi: 28 },
    },
  ]);
  expect(lines(view.routes[1])?.[0]).toBe('source ok: pin 4 of IOAPIC 1 (GSI 28)');
  const lost = irqView(sources({ ioapics: ioapics.map((it) => ({ ...it, address: null, firstInterrupt: null })) }));
  expect(lost.unknown.join()).toContain('Which of the 2 IOAPICs is which');
  expect(lost.routes.map(({ device, title }) => [title, device])).toEqual([
    ['IOAPIC 0 pin 4', 'not known'],
    ['IOAPIC 1 pin 4', 'not known'],
  ]);
});

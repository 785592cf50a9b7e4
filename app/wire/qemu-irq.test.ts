import { expect, test } from 'vitest';
import { parseHalf, parseIrqCounts, parseLapic, parsePci, parsePic, parseWords } from './qemu-irq.ts';

// All from QEMU 7.2.22, shortened.

test('info pic', () => {
  const text = `ioapic0: ver=0x20 id=0x00 sel=0x18 (redir[4])
  pin 0  0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical
  pin 4  0x0200000000000823 dest=2 vec=35  active-hi edge         fixed  logical
  IRR      4
  Remote IRR (none)
pic1: irr=11 imr=ff isr=00 hprio=0 irq_base=38 rr_sel=0 elcr=0c fnm=0
pic0: irr=13 imr=fe isr=01 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0
`.replaceAll('\n', '\r\n');
  expect(parsePic(text)).toEqual({
    ioapics: [
      [
        { pin: 0, raw: 0x1_0000n, pending: false },
        { pin: 4, raw: 0x0200_0000_0000_0823n, pending: true },
      ],
    ],
    pics: [
      { name: 'pic1', irr: 0x11, imr: 0xff, isr: 0, base: 0x38 },
      { name: 'pic0', irr: 0x13, imr: 0xfe, isr: 1, base: 8 },
    ],
  });
  expect(parsePic('unknown command')).toEqual({ ioapics: [], pics: [] });
});

test('info lapic', () => {
  const text = `dumping local APIC state for CPU 1 

LVT0\t 0x00010700 active-hi edge  masked                      ExtINT (vec 0)
LVTT\t 0x000000ec active-hi edge                 one-shot     Fixed  (vec 236)
Timer\t DCR=0x3 (divide by 16) initial_count = 247957807 current_count = 142919587
SPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255
ESR\t 0x00000000
ISR\t 236 
IRR\t 35(level) 64 

APR 0x01 TPR 0x10 DFR 0x0f LDR 0x02 PPR 0x10
`;
  expect(parseLapic(text)).toEqual({
    lvt: [
      { name: 'LVT0', raw: 0x1_0700 },
      { name: 'LVTT', raw: 0xec },
    ],
    spurious: 0x1ff,
    inService: [236],
    requested: [35, 64],
    ...{ tpr: 0x10, ppr: 0x10, ldr: 2, dfr: 15 },
  });
  expect(parseLapic('No local APIC')).toBeUndefined();
});

test('info irq, info pci, xp', () => {
  expect(parseIrqCounts('IRQ statistics for ioapic:\n 0: 4691\n 4: 1\nIRQ statistics for isa-i8259:\n 0: 3\n')).toEqual(
    [
      {
        type: 'ioapic',
        raised: new Map([
          [0, 4691],
          [4, 1],
        ]),
      },
      { type: 'isa-i8259', raised: new Map([[0, 3]]) },
    ],
  );
  const pci = `  Bus  0, device   1, function 0:
    SCSI controller: PCI device 1af4:1042
      PCI subsystem 1af4:1100
      IRQ 10, pin A
      BAR1: 32 bit memory at 0xfebfd000 [0xfebfdfff].
      BAR4: 64 bit prefetchable memory at 0xfebf4000 [0xfebf7fff].
      id "model0"
`;
  expect(parsePci(pci)).toEqual([
    {
      ...{
        bus: 0,
        device: 1,
        function: 0,
        kind: 'SCSI controller',
        vendor: 0x1af4,
        product: 0x1042,
        id: 'model0',
        line: 10,
      },
      bars: new Map([
        [1, 0xfebf_d000n],
        [4, 0xfebf_4000n],
      ]),
      bridge: null,
    },
  ]);
  const bridge = `  Bus  0, device   2, function 0:
    PCI bridge: PCI device 1b36:000e
      IRQ 11, pin A
      BUS 0.
      secondary bus 2.
      subordinate bus 3.
      IO range [0xc000, 0xcfff]
      id "pb0"
`;
  expect(parsePci(bridge.replaceAll('\n', '\r\n'))).toMatchObject([
    { id: 'pb0', bridge: { secondary: 2, subordinate: 3 } },
  ]);
  expect(
    parseWords(
      '00000000febfd020: 0xfee02004 0x00000000 0x00000024 0x00000000\r\n00000000febfd030: Cannot access memory\r\n',
    ),
  ).toEqual(new Uint8Array(Uint32Array.of(0xfee0_2004, 0, 0x24, 0).buffer));
  expect([parseHalf('Cannot access memory'), parseHalf('febf4016: 0xffff')]).toEqual([null, 0xffff]);
});

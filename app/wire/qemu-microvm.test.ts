import { expect, test } from 'vitest';
import { parseIrqCounts, parsePic } from './qemu-irq.ts';
import { interruptWithoutAcpi, parseMmioTransports } from './qemu-mmio.ts';
import { ioApicPaths, parseQomList, parseQomNumber, parseQomText } from './qemu-qom.ts';

// All from QEMU 7.2.22 with `-M microvm`, shortened; of `ioapic2=on` while our kernel ran.

const crlf = (text: string) => text.replaceAll('\n', '\r\n');

test('info qtree: which transports have a device', () => {
  const transport = (n: number, device: string) => `  dev: virtio-mmio, id ""
    gpio-out "sysbus-irq" 1
    mmio 00000000feb0${(n * 512).toString(16).padStart(4, '0')}/0000000000000200
    bus: virtio-mmio-bus.${n}
      type virtio-mmio-bus
${device}`;
  const device = (type: string, id: string) => `      dev: ${type}, id "${id}"\n        ioeventfd = false\n`;
  const text = [
    transport(7, device('virtio-blk-device', 'model0')),
    transport(6, device('virtio-net-device', '')),
    transport(5, ''),
  ];
  expect(parseMmioTransports(crlf(text.join('')))).toEqual([
    { address: 0xfeb0_0e00n, device: 'model0, virtio-blk-device' },
    { address: 0xfeb0_0c00n, device: 'virtio-net-device' },
    { address: 0xfeb0_0a00n, device: '' },
  ]);
  expect(parseMmioTransports('')).toEqual([]);
  expect([0xfeb0_0e00n, 0xfeb0_0000n, 0xfeb0_1000n, 0xfeb0_0001n, 0xfeaf_fe00n].map(interruptWithoutAcpi)).toEqual([
    ...[12, 5, undefined, undefined, undefined],
  ]);
});

test('info pic and info irq of two IOAPICs of one name', () => {
  const { ioapics, pics } = parsePic(
    crlf(`ioapic0: ver=0x20 id=0x00 sel=0x3c (redir[22])
  pin 22 0x0000000000000043 dest=0 vec=67  active-hi edge         fixed  physical
  pin 23 0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical
  IRR      22
  Remote IRR (none)
pic1: irr=00 imr=ff isr=00 hprio=0 irq_base=28 rr_sel=0 elcr=00 fnm=0
pic0: irr=01 imr=ff isr=00 hprio=0 irq_base=20 rr_sel=0 elcr=00 fnm=0
ioapic0: ver=0x20 id=0x00 sel=0x01 (redir[4294967288])
  pin 22 0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical
  IRR      (none)
`),
  );
  expect(ioapics.map((pins) => pins.map(({ pin, pending }) => [pin, pending]))).toEqual([
    [
      [22, true],
      [23, false],
    ],
    [[22, false]],
  ]);
  expect(pics.map(({ name }) => name)).toEqual(['pic1', 'pic0']);
  const counts = parseIrqCounts(
    'IRQ statistics for ioapic:\n22: 1\nIRQ statistics for isa-i8259:\n 0: 117\nIRQ statistics for ioapic:\n 0: 117\n',
  );
  expect(counts.map(({ type, raised }) => [type, [...raised]])).toEqual([
    ['ioapic', [[22, 1]]],
    ['isa-i8259', [[0, 117]]],
    ['ioapic', [[0, 117]]],
  ]);
});

test('qom-list: in which order QEMU prints its IOAPICs, which is not that of the list', () => {
  const machine = parseQomList(
    crlf('type (string)\nperipheral (child<container>)\nioapic (child<ioapic>)\nunattached (child<container>)\n'),
  );
  expect(machine[0]).toEqual({ name: 'type', type: 'string' });
  const unattached = parseQomList('device[29] (child<isa-i8259>)\ndevice[3] (child<ioapic>)\nram-below-4g[0] (x)\n');
  expect(ioApicPaths(machine, unattached)).toEqual(['/machine/unattached/device[3]', '/machine/ioapic']);
  expect(ioApicPaths(unattached, [])).toEqual(['/machine/device[3]']);
  expect([parseQomNumber('4273995776\r\n'), parseQomNumber("Error: Device '/x' not found")]).toEqual([
    ...[4_273_995_776n, undefined],
  ]);
  expect([parseQomText('"microvm-machine"\r\n'), parseQomText('5')]).toEqual(['microvm-machine', undefined]);
});

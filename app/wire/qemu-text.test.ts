/** QEMU's texts for people: read as they are, and never believed. */
import { expect, test } from 'vitest';
import { parseHalf, parseIrqCounts, parseLapic, parsePci, parsePic, parseWords } from './qemu-irq.ts';
import { parseBusMasters, parseFlatView, ramOfFlatView } from './qemu-mtree.ts';
import { parseRegisters } from './qemu-registers.ts';
import { parseVirtioList, parseVirtioQueue, parseVirtioStatus } from './qemu-virtio-text.ts';

const MTREE = `FlatView #0
 AS "cpu-smm-0", root: memory
  0000000000000000-000000000000ffff (prio 0, ram): smm

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000bffff (prio 0, ram): pc.ram
  00000000000c0000-00000000000c3fff (prio 0, rom): pc.ram @00000000000c0000
  00000000000c4000-000000000fffffff (prio 0, ram): pc.ram @00000000000c4000
  00000000febc0000-00000000febc003f (prio 0, i/o): msix-table
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
`;
const STATUS = `/machine/peripheral/net0/virtio-backend:
  device_name:             virtio-net
  device_id:               1
  broken:                  false
  started:                 true
  vm_running:              false
  num_vqs:                 3
  isr:                     1
  status:
\tVIRTIO_CONFIG_S_ACKNOWLEDGE: Valid virtio device found,
\tVIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready
  Guest features:
\tVIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)
\tVIRTIO_NET_F_MAC: Device has given MAC address,
  unknown-features(0x0000010000000000)
  Host features:
\tVIRTIO_RING_F_EVENT_IDX: Used & avail. event fields enabled,
`;

test('where RAM is, with what firmware has locked of it', () => {
  const ranges = parseFlatView(MTREE);
  expect(ramOfFlatView(ranges)).toEqual([{ start: 0n, bytes: 0x1000_0000n }]);
  expect(ranges.find(({ name }) => name === 'msix-table')).toMatchObject({
    start: 0xfebc_0000n,
    bytes: 64n,
    kind: 'i/o',
  });
});

test('which devices reach memory', () => {
  const masters = (lines: readonly string[], root: string) =>
    `FlatView #1\n${lines.map((it) => ` AS "${it}", root: bus master container\n`).join('')} Root memory region: ${root}\n`;
  const text = `${MTREE}${masters(['virtio-blk-pci', 'virtio-net-pci'], 'system')}${masters(['PIIX3', 'virtio-net-pci'], '(none)')}`;
  expect([...parseBusMasters(text.replaceAll('\n', '\r\n'))]).toEqual([
    ['virtio-blk-pci', true],
    // One of them does, another does not.
    ['virtio-net-pci', null],
    ['PIIX3', false],
  ]);
});

test('virtio devices in the form of the answers of QMP', () => {
  expect(parseVirtioList('/machine/peripheral/net0/virtio-backend [virtio-net]\n')).toEqual([
    { path: '/machine/peripheral/net0/virtio-backend', name: 'virtio-net' },
  ]);
  expect(parseVirtioStatus(STATUS)).toMatchObject({
    ...{ name: 'virtio-net', 'device-id': 1, 'num-vqs': 3, isr: 1, started: true, broken: false, 'vm-running': false },
    status: { statuses: [expect.stringMatching(/_ACKNOWLEDGE:/), expect.stringMatching(/_DRIVER_OK:/)] },
    'guest-features': { 'dev-features': { length: 2 }, 'unknown-dev-features': 0x100_0000_0000n },
    'host-features': { 'dev-features': { length: 1 }, 'unknown-dev-features': 0n },
  });
  expect(parseVirtioStatus('Error: Path /x is not a VirtIODevice\n')).toBeUndefined();
  const queue =
    '  queue_index:          0\n  used_idx:             7\n  VRing:\n    num:          256\n    desc:         0x29d2000\n    avail:        0x29d3000\n    used:         0x29d3240\n';
  expect(parseVirtioQueue(queue)).toMatchObject({ 'vring-num': 256, 'used-idx': 7, 'vring-used': 0x29d_3240n });
});

const REAL = [
  MTREE,
  STATUS,
  'CPU#0\nRAX=0000000000000001 RIP=ffffffff80201000 RFL=00000246 CPL=0 HLT=1\nCS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64\nGDT=     ffff800000001000 0000007f\nCR0=80010033 CR4=000006a0\nXMM00=0000000000000000\n',
  'dumping local APIC state for CPU 0\nLVTT\t 0x000000ec active-hi\nSPIV\t 0x000001ff APIC enabled\nISR\t 34 65(level)\nIRR\t (none)\nAPR 0x00 TPR 0x00 DFR 0x0f LDR 0x01 PPR 0x00\n',
  'ioapic0: ver=0x20\n  pin 4  0x0000000000000024 dest=0 vec=36\n  IRR  4\npic0: irr=00 imr=ff isr=00 hprio=0 irq_base=20 rr_sel=0\n',
  'IRQ statistics for ioapic:\n 4: 183\n',
  '  Bus  0, device   1, function 0:\n    Ethernet controller: PCI device 1af4:1000\n      IRQ 10, pin A\n      BAR1: 32 bit memory at 0xfebc0000 [0xfebc0fff].\n      id "net0"\n',
  '00000000febc0000: 0xfee01004 0x00000000 0x00004024 0x00000000\n',
];

function everyReader(text: string): void {
  parseRegisters(text);
  parseLapic(text);
  parsePic(text);
  parseIrqCounts(text);
  parsePci(text);
  parseWords(text);
  parseHalf(text);
  ramOfFlatView(parseFlatView(text));
  parseBusMasters(text);
  parseVirtioList(text);
  parseVirtioStatus(text);
  parseVirtioQueue(text);
}

test('of texts that are cut, mixed and garbled every reader makes something or nothing, and never fails', () => {
  let seed = 4;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let run = 0; run < 3000; run++) {
    let text = REAL[random(REAL.length)] ?? '';
    for (let change = random(6); change >= 0; change--) {
      const at = random(text.length + 1);
      const kind = random(4);
      if (kind === 0) text = text.slice(0, at);
      else if (kind === 1) text = text.slice(0, at) + (REAL[random(REAL.length)] ?? '') + text.slice(at);
      else if (kind === 2)
        text = text.slice(0, at) + '9f:(=\u0000 '.charAt(random(8)).repeat(random(40)) + text.slice(at);
      else text = text.slice(0, at) + text.slice(at + random(20));
    }
    everyReader(text);
  }
});

test('a line without an end costs no time', () => {
  const began = performance.now();
  for (const piece of ['0', ' ', '0x00000000 ', 'RAX=0 ', '\t', 'VIRTIO_F_', '  pin 1 0x', '(', 'LVTT\t'])
    everyReader(piece.repeat(20_000));
  expect(performance.now() - began).toBeLessThan(5000);
});

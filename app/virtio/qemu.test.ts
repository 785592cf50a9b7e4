import { describe, expect, test } from 'vitest';
import { decodePci, messageText, pciPlaces } from './pci.ts';
import { deviceId, parseDevices, parseQueue, parseStatus } from './qemu.ts';
import { parseSeats } from './topology.ts';

/** As QEMU 7.2 answered for our kernel. */
const STATUS = {
  name: 'virtio-blk',
  'device-id': 2,
  'num-vqs': 1,
  isr: 1,
  broken: false,
  started: true,
  'vm-running': true,
  status: {
    statuses: [
      'VIRTIO_CONFIG_S_ACKNOWLEDGE: Valid virtio device found',
      'VIRTIO_CONFIG_S_DRIVER: Guest OS compatible with device',
      'VIRTIO_CONFIG_S_FEATURES_OK: Feature negotiation complete',
      'VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready',
    ],
  },
  'guest-features': {
    'dev-features': ['VIRTIO_BLK_F_RO: Device is read-only'],
    transports: ['VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)'],
  },
  'host-features': {
    'unknown-dev-features': 1099511627776,
    'dev-features': ['VHOST_USER_F_PROTOCOL_FEATURES: Vhost-user', 'VIRTIO_BLK_F_RO: Device is read-only'],
    transports: ['VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)'],
  },
};
const QUEUE = {
  'signalled-used': 2,
  inuse: 0,
  name: 'virtio-net',
  'vring-desc': 536559616,
  'signalled-used-valid': true,
  'vring-avail': 536563712,
  'queue-index': 0,
  'last-avail-idx': 2,
  'vring-used': 18446744071562067968n,
  'used-idx': 2,
  'shadow-avail-idx': 257,
  'vring-num': 256,
};

describe("QEMU's answers", () => {
  test('a status', () => {
    expect(parseStatus(STATUS)).toMatchObject({
      status: 15,
      offered: 0x101_0000_0020n,
      accepted: 0x1_0000_0020n,
      isr: 1,
    });
  });
  test('a queue, with an address beyond 2^53', () => {
    expect(parseQueue(QUEUE)).toMatchObject({
      size: 256,
      usedAt: 0xffff_ffff_8000_0000n,
      device: { lastAvail: 2, shadowAvail: 257, signalledUsed: 2, inFlight: 0 },
    });
  });
  test('what is none', () => {
    expect([parseStatus({ class: 'GenericError' }), parseQueue(null), parseDevices('x')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
  test('names', () => {
    const device = (path: string) => deviceId({ path, name: 'virtio-blk' });
    expect(device('/machine/peripheral/model0/virtio-backend')).toBe('model0');
    expect(device('/machine/peripheral-anon/device[1]/virtio-backend')).toBe('virtio-blk');
  });
});

const Q35 = `bus: main-system-bus
  type System
  dev: q35-pcihost, id ""
    MCFG = 2952790016 (0xb0000000)
    bus: pcie.0
      type PCIE
      dev: virtio-blk-pci, id ""
        disable-legacy = "off"
        disable-modern = false
        addr = 05.1
        bus: virtio-bus
          type virtio-pci-bus
          dev: virtio-blk-device, id ""
            drive = "b"
      dev: virtio-blk-pci, id ""
        disable-legacy = "off"
        disable-modern = true
        addr = 04.0
      dev: virtio-net-pci-non-transitional, id "net0"
        disable-legacy = "on"
        disable-modern = false
        addr = 02.0
      dev: pcie-root-port, id "rp"
        addr = 06.0
        bus: rp
          type PCIE
          dev: virtio-rng-pci, id "rng"
            disable-legacy = "auto"
            disable-modern = false
            addr = 00.0
`;
const MICROVM = `bus: main-system-bus
  dev: virtio-mmio, id ""
    force-legacy = false
    mmio 00000000feb00e00/0000000000000200
    bus: virtio-mmio-bus.7
      type virtio-mmio-bus
      dev: virtio-blk-device, id "model0"
        drive = "model"
`;

describe('seats', () => {
  test('on PCI, with ids and without, behind a bridge', () => {
    const path = (rest: string) => `/machine/${rest}/virtio-backend`;
    const devices = [
      { path: path('peripheral/net0'), name: 'virtio-net' },
      { path: path('peripheral/rng'), name: 'virtio-rng' },
      { path: path('peripheral-anon/device[0]'), name: 'virtio-blk' },
      { path: path('peripheral-anon/device[1]'), name: 'virtio-blk' },
    ];
    const direct = { ecam: 0xb000_0000n, way: null };
    // The monitor ends its lines as a terminal wants them.
    const seats = parseSeats(Q35.replaceAll('\n', '\r\n'), devices);
    expect(devices.map((it) => seats.get(it.path))).toEqual([
      { transport: 'pci-modern', location: '00:02.0', ...direct, type: 'virtio-net-pci-non-transitional' },
      {
        ...{ transport: 'pci-modern', location: '', ecam: 0xb000_0000n, type: 'virtio-rng-pci' },
        way: { rootBus: 0, bridges: [{ device: 6, function: 0 }], slot: { device: 0, function: 0 } },
      },
      { transport: 'pci-legacy', location: '00:04.0', ...direct, type: 'virtio-blk-pci' },
      { transport: 'pci-transitional', location: '00:05.1', ...direct, type: 'virtio-blk-pci' },
    ]);
  });
  test('on virtio-mmio', () => {
    const device = { path: '/machine/peripheral/model0', name: 'virtio-blk' };
    expect(parseSeats(MICROVM, [device]).get(device.path)).toEqual({
      transport: 'mmio',
      location: '0xfeb00e00',
      ecam: null,
      way: null,
      type: 'virtio-blk-device',
    });
  });
  test('behind two bridges, and behind an expander of another root bus', () => {
    // QEMU 7.2.22, shortened.
    const text = `bus: main-system-bus
  dev: pxb-host, id ""
    bus: pxb0
      type pxb-pcie-bus
      dev: pcie-root-port, id "rp9"
        addr = 00.0
        bus: rp9
          dev: virtio-rng-pci, id "rng0"
            addr = 00.0
  dev: q35-pcihost, id ""
    bus: pcie.0
      dev: pxb-pcie, id "pxb0"
        bus_nr = 128 (0x80)
        addr = 03.0
      dev: pcie-pci-bridge, id "pb0"
        addr = 02.0
        bus: pb0
          dev: pci-bridge, id "br1"
            addr = 04.0
            bus: br1
              dev: virtio-net-pci, id "deep"
                addr = 05.0
`;
    const devices = ['rng', 'deep'].map((name) => ({
      path: `/machine/peripheral/${name === 'rng' ? 'rng0' : 'deep'}/virtio-backend`,
      name: `virtio-${name}`,
    }));
    const [rng, deep] = devices.map((it) => parseSeats(text, devices).get(it.path));
    const first = { device: 0, function: 0 };
    expect(rng).toMatchObject({ transport: 'pci-modern', way: { rootBus: 128, bridges: [first], slot: first } });
    const bridges = [2, 4].map((device) => ({ device, function: 0 }));
    const slot = { device: 5, function: 0 };
    expect(deep).toMatchObject({ transport: 'pci-transitional', location: '', way: { rootBus: 0, bridges, slot } });
    // Without the expander nobody knows its bus.
    const without = parseSeats(text.replace('id "pxb0"', 'id "other"'), devices).get(devices[0]?.path ?? '');
    expect(without).toMatchObject({ location: '', way: null });
  });
  test('nonsense', () => {
    expect(parseSeats('dev: x, id "y"\n\n  addr = 99', [{ path: 'a', name: 'b' }]).size).toBe(0);
  });
});

const bytes = (words: readonly number[]) => new Uint8Array(Uint32Array.from(words).buffer);

/** The block device's configuration space, as QEMU 7.2 had it. */
const SPACE = bytes([
  ...[0x1042_1af4, 0x0018_0107, 0x0100_0001, 0, 0, 0xfebf_d000, 0, 0],
  ...[0xfebf_400c, 0, 0, 0x1100_1af4, 0, 0x98, 0, 0x10a],
  ...[0x0110_0009, 4, 0, 0x1000, 0x0310_4009, 4, 0x1000, 0x1000],
  ...[0x0410_5009, 4, 0x2000, 0x1000, 0x0214_6009, 4, 0x3000, 0x1000],
  ...[4, 0x0514_7009, 0, 0, 0, 0, 0x8001_8411, 1],
  ...[0x801, ...Array.from({ length: 23 }, () => 0)],
]);

describe('PCI', () => {
  test('where its structures lie', () => {
    expect(pciPlaces(SPACE)).toEqual({
      msixTable: { at: 0xfebf_d000n, bytes: 32, pendingAt: 0xfebf_d800n, pendingBytes: 8 },
      commonAt: 0xfebf_4000n,
    });
  });
  test('a table at the far end of its BAR lies behind the BAR, not before it', () => {
    const far = Uint8Array.from(SPACE);
    new DataView(far.buffer).setUint32(0x9c, 0xffff_fff1, true);
    expect(pciPlaces(far)?.msixTable?.at).toBe(0xfebf_d000n + 0xffff_fff0n);
  });
  test('command, MSI-X entries and vectors', () => {
    const table = bytes([0xfee0_1000, 0, 0x4041, 0, 0, 0, 0, 1]);
    const common = { configVector: 0xffff, selectedQueue: 0, selectedVector: 1 };
    expect(decodePci(SPACE, table, Uint8Array.of(2), common)).toEqual({
      from: 'ecam',
      command: 0x107,
      memorySpace: true,
      busMaster: true,
      intxDisabled: false,
      msix: {
        enabled: true,
        functionMasked: false,
        entries: [
          {
            index: 0,
            masked: false,
            pending: false,
            address: '0xfee01000',
            data: 0x4041,
            vector: 0x41,
            destination: 1,
            logical: false,
          },
          {
            index: 1,
            masked: true,
            pending: true,
            address: '0x0',
            data: 0,
            vector: null,
            destination: null,
            logical: false,
          },
        ],
      },
      ...common,
      unknown: [],
    });
  });
  test('whom a message goes to: an APIC, or a set of them', () => {
    const table = bytes([0xfee0_2000, 0, 0x23, 0, 0xfee0_2004, 0, 0x24, 0]);
    const { msix } = decodePci(SPACE, table, undefined, undefined);
    expect(msix?.entries.map(messageText)).toEqual(['vector 0x23 to APIC 2', 'vector 0x24 to logical destination 0x2']);
  });
  test('capabilities in a circle end, and random spaces do no harm', () => {
    const circle = SPACE.slice();
    circle[0x99] = 0x98;
    expect(pciPlaces(circle)?.commonAt).toBeNull();
    for (let run = 0; run < 500; run++) {
      const some = SPACE.map((byte, n) => (n > 4 && (n * 31 + run * 17) % 5 === 0 ? (byte * run) & 255 : byte));
      pciPlaces(some);
      decodePci(some, undefined, undefined, undefined);
    }
  });
});

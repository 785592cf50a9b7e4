import { describe, expect, test } from 'vitest';
import type { DriverSide, Verdict, VirtioDevice } from '../../contract/inspect/virtio.ts';
import { featureList } from '../features.ts';
import {
  EVENT_IDX,
  INDIRECT_DESC,
  RAM_START,
  SampleQueue,
  sampleDevice,
  sampleEvidence,
  VERSION_1,
} from '../sample.ts';
import { STATUS, statusNames } from '../status.ts';
import { type Evidence, judge, type ProcessorFacts } from './index.ts';

const BUFFER = RAM_START + 0x1_0000n;
const READ = 0;
const NEXT = 1;
const WRITE = 2;

/** A queue with one request, published, its descriptors right. */
function request(size = 8): SampleQueue {
  const queue = new SampleQueue(size);
  queue.descriptor(0, [BUFFER, 16, NEXT, 1]);
  queue.descriptor(1, [BUFFER + 0x1000n, 512, NEXT | WRITE, 2]);
  queue.descriptor(2, [BUFFER + 0x2000n, 1, WRITE]);
  queue.publish(0);
  return queue;
}

/** Answered, and the answer not taken back by the driver. */
function answered(): SampleQueue {
  const queue = request();
  queue.take();
  queue.use(0, 513);
  return queue;
}

function finished(): SampleQueue {
  const queue = answered();
  queue.lastUsed = 1;
  return queue;
}

const verdictsOf = (device: Omit<VirtioDevice, 'verdicts'>, change: Partial<Evidence> = {}) =>
  judge(sampleEvidence(device, change));
const ids = (verdicts: readonly Verdict[]) => verdicts.map((it) => it.id);
const status = (value: number) => ({ status: { value, names: statusNames(value) } });
const pci = (change: Partial<NonNullable<VirtioDevice['pci']>>) => {
  const device = sampleDevice(finished().look());
  if (device.pci === null) throw new Error('the sample is a PCI device');
  return { pci: { ...device.pci, ...change } };
};
const processor = (change: Partial<ProcessorFacts>) => ({
  processors: sampleEvidence(sampleDevice(finished().look())).processors.map((it) => ({ ...it, ...change })),
});
const msix = (entry: { masked?: boolean; pending?: boolean; vector?: number | null }, functionMasked = false) =>
  pci({
    msix: {
      enabled: true,
      functionMasked,
      entries: [
        {
          index: 0,
          masked: false,
          pending: false,
          address: '0xfee00000',
          data: 0x40,
          vector: 0x40,
          destination: 0,
          logical: false,
          ...entry,
        },
      ],
    },
  });

describe('a healthy queue is called so', () => {
  test('idle', () => {
    expect(verdictsOf(sampleDevice(finished().look()))).toMatchObject([{ id: 'idle', severity: 'ok', queue: 0 }]);
  });
  test('busy: the indices moved', () => {
    const queue = request();
    const before = sampleDevice(queue.look());
    queue.take();
    queue.use(0, 513);
    expect(verdictsOf(sampleDevice(queue.look()), { before })).toMatchObject([
      { id: 'busy', title: 'Works: 1 chain came back in 1000 ms' },
    ]);
  });
  test('a receive queue full of buffers is at rest, although the device has not read them', () => {
    const queue = new SampleQueue();
    for (let n = 0; n < 8; n++) {
      queue.descriptor(n, [BUFFER + BigInt(n) * 2048n, 2048, WRITE]);
      queue.publish(n);
    }
    const device = sampleDevice(queue.look({}, 1), { type: 1, name: 'virtio-net' });
    expect(verdictsOf(device)).toMatchObject([{ id: 'waiting', severity: 'ok' }]);
  });
  test('one look proves nothing of what is under way', () => {
    expect(verdictsOf(sampleDevice(request().look()), { before: null })).toMatchObject([
      { id: 'under-way', confidence: 'possible' },
    ]);
  });
  test('and neither do two at a paused machine', () => {
    expect(verdictsOf(sampleDevice(request().look()), { running: false })).toMatchObject([{ id: 'under-way' }]);
  });
  test('no driver', () => {
    const queue = new SampleQueue().look({ descriptorsAt: 0n, availAt: 0n, usedAt: 0n });
    expect(ids(verdictsOf(sampleDevice(queue, { ...status(0), ...pci({ busMaster: false }) })))).toEqual(['no-driver']);
  });
});

describe('set-up', () => {
  test('bus mastering off, and nothing else is blamed', () => {
    const verdicts = verdictsOf(sampleDevice(request().look(), pci({ busMaster: false, command: 0x3 })));
    expect(verdicts).toMatchObject([{ id: 'bus-master-off', confidence: 'certain', queue: null }]);
    expect(verdicts[0]?.evidence[0]?.value).toContain('0x0003');
  });
  test('bus mastering off by the memory map, of a machine that shows no configuration space; what is not known blames nobody', () => {
    const unread = { from: 'map', command: null } as const;
    const [off] = verdictsOf(sampleDevice(request().look(), pci({ ...unread, busMaster: false })));
    expect([off?.id, off?.evidence[0]?.what]).toEqual(['bus-master-off', "QEMU's memory map"]);
    expect(ids(verdictsOf(sampleDevice(request().look(), pci({ ...unread, busMaster: null }))))).not.toContain(
      'bus-master-off',
    );
  });
  test('FEATURES_OK cleared for want of VERSION_1', () => {
    const device = sampleDevice(new SampleQueue().look({ descriptorsAt: 0n, availAt: 0n, usedAt: 0n }), {
      ...status(STATUS.ACKNOWLEDGE | STATUS.DRIVER),
      accepted: '0x0',
      features: featureList(2, VERSION_1, 0n),
    });
    expect(verdictsOf(device)).toMatchObject([{ id: 'features-refused', title: expect.stringContaining('VERSION_1') }]);
    // A driver in the middle of it is not accused.
    expect(ids(verdictsOf(device, { before: null }))).toEqual([]);
    // A legacy driver of a transitional device never sets the bit.
    expect(
      ids(verdictsOf({ ...device, transport: 'pci-transitional', ...status(STATUS.DRIVER | STATUS.DRIVER_OK) })),
    ).not.toContain('features-refused');
  });
  test('FEATURES_OK cleared for want of ACCESS_PLATFORM', () => {
    const device = sampleDevice(new SampleQueue().look({ descriptorsAt: 0n, availAt: 0n, usedAt: 0n }), {
      ...status(STATUS.ACKNOWLEDGE | STATUS.DRIVER),
      offered: `0x${(VERSION_1 | (1n << 33n)).toString(16)}`,
    });
    expect(verdictsOf(device)).toMatchObject([
      { id: 'features-refused', confidence: 'certain', title: expect.stringContaining('ACCESS_PLATFORM') },
    ]);
  });
  test('a feature accepted that was not offered', () => {
    const features = featureList(2, VERSION_1, VERSION_1 | EVENT_IDX);
    expect(ids(verdictsOf(sampleDevice(finished().look(), { features })))).toEqual(['features-not-offered', 'idle']);
  });
  test('FAILED, and a device that needs a reset', () => {
    expect(ids(verdictsOf(sampleDevice(finished().look(), status(0x8f))))).toEqual(['driver-gave-up']);
    expect(ids(verdictsOf(sampleDevice(finished().look(), { broken: true })))).toEqual(['device-needs-reset']);
  });
});

describe('rings', () => {
  test('a driver that assumes 16 entries where the device has 256 is named as such', () => {
    const queue = new SampleQueue(256);
    const verdicts = verdictsOf(sampleDevice(queue.look({ driver: queue.driverSide({ size: 16 }) })));
    expect(verdicts).toMatchObject([
      {
        id: 'queue-size-mismatch',
        confidence: 'certain',
        title: 'The driver assumes 16 entries where the device has 256',
      },
    ]);
    expect(ids(verdictsOf(sampleDevice(queue.look())))).toEqual(['idle']);
  });
  test('… and without knowing the driver, by the slots that it never writes', () => {
    const wrong = new SampleQueue(256);
    const right = new SampleQueue(256);
    for (const [queue, modulo] of [
      [wrong, 16],
      [right, 256],
    ] as const) {
      for (let n = 0; n < 20; n++) queue.publish(1 + (n % 15), modulo);
      for (let n = 0; n < 19; n++) queue.use(1 + (n % 15));
      queue.take(19);
    }
    expect(verdictsOf(sampleDevice(wrong.look({ driver: null })))).toMatchObject([
      { id: 'queue-size-mismatch', confidence: 'likely', title: expect.stringContaining('16 entries') },
    ]);
    expect(ids(verdictsOf(sampleDevice(right.look({ driver: null }))))).not.toContain('queue-size-mismatch');
    // Of one that works, slots that look empty mean nothing: their heads are 0.
    wrong.use(5);
    wrong.take();
    expect(ids(verdictsOf(sampleDevice(wrong.look({ driver: null }))))).toEqual(['idle']);
  });
  test('a virtual address, with the physical one that it should be', () => {
    const queue = request();
    const availAt = 0xffff_ffff_8000_0000n + queue.availAt;
    const verdicts = verdictsOf(sampleDevice(queue.look({ availAt })));
    expect(verdicts).toMatchObject([{ id: 'ring-address-virtual', confidence: 'certain', severity: 'error' }]);
    expect(verdicts[0]?.fix).toContain(`0x${queue.availAt.toString(16)}`);
  });
  test('an address that is no RAM and not mapped', () => {
    expect(verdictsOf(sampleDevice(request().look({ usedAt: 0x4_0000_0000n })))).toMatchObject([
      { id: 'ring-not-ram' },
    ]);
  });
  test('driver and device disagree on an address', () => {
    const queue = request();
    const driver = queue.driverSide({ used: '0x150000' });
    expect(ids(verdictsOf(sampleDevice(queue.look({ driver }))))).toEqual(['ring-address-mismatch']);
  });
  test('… and on the legacy interface, where a wrong size moves the rings, the size alone is named', () => {
    const queue = new SampleQueue(256);
    const legacy = (change: Partial<DriverSide>) =>
      verdictsOf(sampleDevice(queue.look({ driver: queue.driverSide(change) }), { transport: 'pci-legacy' }));
    const used = { used: '0x150000' };
    expect(ids(legacy({ size: 16, ...used })).filter((id) => id !== 'ring-misaligned')).toEqual([
      'queue-size-mismatch',
    ]);
    const [moved] = legacy({ ...used }).filter(({ id }) => id === 'ring-address-mismatch');
    expect(moved?.fix).toContain('page number');
  });
  test('alignment', () => {
    const queue = request();
    const usedAt = queue.usedAt + 2n;
    expect(ids(verdictsOf(sampleDevice(queue.look({ usedAt, driver: null }))))).toContain('ring-misaligned');
    const legacy = sampleDevice(queue.look({ usedAt: queue.usedAt + 64n, driver: null }), { transport: 'pci-legacy' });
    expect(ids(verdictsOf(legacy))).toContain('ring-misaligned');
  });
  test('prepared and never published', () => {
    const queue = finished();
    const driver = queue.driverSide({ nextAvail: 3 });
    expect(verdictsOf(sampleDevice(queue.look({ driver })))).toMatchObject([
      { id: 'not-published', title: 'The driver has prepared 2 chains that it never published' },
    ]);
  });
  test('an index that jumped', () => {
    const queue = request();
    queue.avail = 200;
    expect(ids(verdictsOf(sampleDevice(queue.look())))).toContain('index-jump');
  });
  test('DRIVER_OK without a queue', () => {
    const queue = new SampleQueue().look({ descriptorsAt: 0n, availAt: 0n, usedAt: 0n });
    expect(ids(verdictsOf(sampleDevice(queue)))).toEqual(['queue-not-configured']);
  });
});

describe('chains that cannot be served', () => {
  test.each([
    ['chain-loop', (queue: SampleQueue) => queue.descriptor(2, [BUFFER, 1, WRITE | NEXT, 1])],
    ['chain-out-of-range', (queue: SampleQueue) => queue.descriptor(2, [BUFFER, 1, WRITE | NEXT, 77])],
    ['chain-not-ram', (queue: SampleQueue) => queue.descriptor(2, [0x10n, 1, WRITE])],
    ['chain-empty', (queue: SampleQueue) => queue.descriptor(2, [BUFFER, 0, WRITE])],
    ['chain-write-order', (queue: SampleQueue) => queue.descriptor(2, [BUFFER, 1, READ])],
    ['chain-indirect', (queue: SampleQueue) => queue.descriptor(0, [BUFFER, 24, 4])],
    ['chain-reserved-flags', (queue: SampleQueue) => queue.descriptor(2, [BUFFER, 1, WRITE | 0x40])],
  ])('%s', (id, spoil) => {
    const queue = request();
    expect(ids(verdictsOf(sampleDevice(queue.look())))).not.toContain(id);
    spoil(queue);
    expect(ids(verdictsOf(sampleDevice(queue.look(), {}, VERSION_1 | INDIRECT_DESC)))[0]).toBe(id);
  });
  test('a buffer by its virtual address', () => {
    const queue = request();
    queue.descriptor(1, [0xffff_ffff_8011_0000n, 512, NEXT | WRITE, 2]);
    expect(verdictsOf(sampleDevice(queue.look()))[0]).toMatchObject({
      id: 'chain-not-ram',
      title: 'A descriptor holds a virtual address',
    });
  });
  test('an indirect table without the feature', () => {
    const queue = new SampleQueue();
    queue.descriptor(0, [BUFFER, 16, 4]);
    queue.descriptor(0, [BUFFER + 0x1000n, 64, READ], BUFFER);
    queue.publish(0);
    expect(ids(verdictsOf(sampleDevice(queue.look())))[0]).toBe('indirect-not-accepted');
    expect(ids(verdictsOf(sampleDevice(queue.look(), {}, VERSION_1 | INDIRECT_DESC)))).not.toContain(
      'indirect-not-accepted',
    );
  });
});

describe('the way to the device', () => {
  test('published before DRIVER_OK', () => {
    expect(ids(verdictsOf(sampleDevice(request().look(), status(0x0b))))).toEqual(['before-driver-ok']);
  });
  test('never kicked', () => {
    const queue = request();
    const driver = queue.driverSide({ notifications: 0 });
    expect(verdictsOf(sampleDevice(queue.look({ driver })))).toMatchObject([
      { id: 'kick-missing', confidence: 'certain', title: 'The driver never kicked: 1 chain wait' },
    ]);
  });
  test('kicked somewhere else, by avail_event', () => {
    const queue = request();
    const look = queue.look({}, 2, VERSION_1 | EVENT_IDX);
    expect(verdictsOf(sampleDevice(look))).toMatchObject([{ id: 'kick-missing', confidence: 'likely' }]);
  });
  test('the device had asked for no kick', () => {
    const queue = request();
    queue.usedFlags = 1;
    expect(ids(verdictsOf(sampleDevice(queue.look())))).toEqual(['kick-suppressed']);
    queue.usedFlags = 0;
    queue.availEvent = 5;
    const look = queue.look({}, 2, VERSION_1 | EVENT_IDX);
    expect(ids(verdictsOf(sampleDevice(look)))).toEqual(['kick-suppressed']);
  });
  test('the device sits on it', () => {
    const queue = request();
    queue.take();
    expect(verdictsOf(sampleDevice(queue.look()))).toMatchObject([
      { id: 'device-busy', severity: 'warning', confidence: 'likely' },
    ]);
    expect(verdictsOf(sampleDevice(queue.look()), { apartMs: 100 })).toMatchObject([{ confidence: 'possible' }]);
    expect(ids(verdictsOf(sampleDevice(finished().look())))).not.toContain('device-busy');
  });
  test('a receive queue that nobody fills', () => {
    const queue = new SampleQueue();
    const device = sampleDevice(queue.look({}, 1), { type: 1 });
    expect(ids(verdictsOf(device))).toEqual(['receive-queue-dry']);
    queue.descriptor(0, [BUFFER, 1526, WRITE]);
    queue.publish(0);
    queue.take();
    expect(ids(verdictsOf(sampleDevice(queue.look({}, 1), { type: 1 })))).not.toContain('receive-queue-dry');
  });
});

describe('the way back', () => {
  const device = (change: Partial<VirtioDevice> = {}) => sampleDevice(answered().look(), change);
  test('all in order, and not taken', () => {
    expect(ids(verdictsOf(device()))).toEqual(['answers-not-taken']);
    expect(ids(verdictsOf(sampleDevice(finished().look()), processor({ halted: false })))).toEqual(['idle']);
  });
  test('the processor is busy elsewhere: a warning, unless the way is broken for certain', () => {
    const busy = processor({ halted: false, ripBefore: 0x1000n });
    const queue = answered();
    queue.availFlags = 1;
    expect(verdictsOf(sampleDevice(queue.look()), busy)).toMatchObject([
      { id: 'driver-elsewhere', severity: 'warning', confidence: 'possible' },
    ]);
    expect(ids(verdictsOf(device(msix({ masked: true })), busy))).toEqual(['msix-masked']);
  });
  test('suppressed by avail.flags, or by used_event', () => {
    const queue = answered();
    queue.availFlags = 1;
    expect(ids(verdictsOf(sampleDevice(queue.look())))).toEqual(['interrupt-suppressed']);
    queue.availFlags = 0;
    queue.usedEvent = 0xffff;
    const events = VERSION_1 | EVENT_IDX;
    expect(ids(verdictsOf(sampleDevice(queue.look({}, 2, events))))).toEqual(['interrupt-suppressed']);
    queue.usedEvent = 0;
    expect(ids(verdictsOf(sampleDevice(queue.look({}, 2, events))))).not.toContain('interrupt-suppressed');
  });
  test('masked by entry and by function', () => {
    expect(ids(verdictsOf(device(msix({ masked: true, pending: true }))))).toEqual(['msix-masked']);
    expect(ids(verdictsOf(device(msix({}, true))))).toEqual(['msix-masked']);
    expect(ids(verdictsOf(device(msix({}))))).not.toContain('msix-masked');
  });
  test('masked, as seen without knowing the driver', () => {
    const foreign = sampleDevice(answered().look({ driver: null }), msix({ masked: true, pending: true }));
    expect(ids(verdictsOf(foreign))).toEqual(['msix-masked']);
    expect(ids(verdictsOf(sampleDevice(answered().look({ driver: null }), msix({ masked: true }))))).toEqual(['idle']);
  });
  test('whether MSI-X is on is not known: what is pending was raised, all else blames nobody', () => {
    const unread = (entry: Parameters<typeof msix>[0]) => {
      const { pci: known } = msix(entry);
      const table = known.msix === null ? null : { ...known.msix, enabled: null, functionMasked: null };
      return { pci: { ...known, from: 'map', command: null, intxDisabled: null, msix: table } } as const;
    };
    expect(ids(verdictsOf(device(unread({ masked: true, pending: true }))))).toEqual(['msix-masked']);
    for (const entry of [{ masked: true }, { vector: null }, {}])
      expect(ids(verdictsOf(device({ ...unread(entry), isr: 1 })))).toEqual(['answers-not-taken']);
  });
  test('no vector', () => {
    expect(ids(verdictsOf(device(pci({ selectedVector: 0xffff }))))).toEqual(['msix-no-vector']);
    expect(ids(verdictsOf(device(msix({ vector: null }))))).toEqual(['msix-no-vector']);
    expect(ids(verdictsOf(device(pci({ msix: { enabled: false, functionMasked: false, entries: [] } }))))).toEqual([
      'msix-no-vector',
    ]);
    expect(ids(verdictsOf(device(msix({}))))).not.toContain('msix-no-vector');
  });
  test('the line is raised and not read', () => {
    const byLine = { transport: 'mmio', pci: null } as const;
    expect(ids(verdictsOf(device({ ...byLine, isr: 1 })))).toEqual(['isr-unread']);
    expect(ids(verdictsOf(device({ ...byLine, isr: 0 })))).not.toContain('isr-unread');
  });
  test('IF is 0', () => {
    const off = processor({ interruptsEnabled: false, requested: [0x40] });
    expect(verdictsOf(device(), off)).toMatchObject([{ id: 'interrupts-disabled', confidence: 'certain' }]);
    const on = processor({ interruptsEnabled: true, requested: [0x40] });
    expect(ids(verdictsOf(device(), on))).not.toContain('interrupts-disabled');
  });
  test('no EOI', () => {
    expect(ids(verdictsOf(device(), processor({ inService: [0x41] })))).toEqual(['no-eoi']);
    // A lower class does not hold it back.
    expect(ids(verdictsOf(device(), processor({ inService: [0x31] })))).not.toContain('no-eoi');
  });
  test('spins on a value that it does not load', () => {
    const spin = processor({ halted: false, rip: 0xffff_ffff_8020_1004n });
    expect(verdictsOf(device(), spin)).toMatchObject([{ id: 'driver-spins', confidence: 'possible' }]);
    const polling = sampleDevice(answered().look({ driver: answered().driverSide({ vector: null }) }));
    expect(ids(verdictsOf(polling, spin))).toEqual(['driver-spins']);
    expect(ids(verdictsOf(device(), processor({ halted: true })))).not.toContain('driver-spins');
  });
});

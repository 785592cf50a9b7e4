import { describe, expect, test } from 'vitest';
import { type Chain, VirtioQueueSchema } from '../contract/inspect/virtio.ts';
import { decodeFrame } from './content/packet.ts';
import { queueRole } from './device-types.ts';
import { featureList, parseFeatureNames } from './features.ts';
import { readQueue } from './queue-view.ts';
import {
  EVENT_IDX,
  INDIRECT_DESC,
  RAM_START,
  SampleMemory,
  SampleQueue,
  sampleDevice,
  sampleEvidence,
  VERSION_1,
} from './sample.ts';
import { parseStatusNames, statusNames } from './status.ts';
import { judge } from './verdict/index.ts';

const BUFFER = RAM_START + 0x1_0000n;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const FEATURES = VERSION_1 | EVENT_IDX | INDIRECT_DESC;

/** A chain in one line. */
const line = ({ head, owner, descriptors, readableBytes, writableBytes, summary }: Chain) =>
  `${head} ${owner} [${descriptors.join(' ')}] ${readableBytes}/${writableBytes} ${summary}`.trim();

describe('split rings', () => {
  test('owners: returned, in flight out of order, published, free', () => {
    const queue = new SampleQueue(8);
    for (let n = 0; n < 8; n++) queue.descriptor(n, [BUFFER, 64, WRITE]);
    for (const head of [0, 1, 2, 3, 4]) queue.publish(head);
    queue.take(4);
    // 0 stays with the device, 2 and 1 come back in that order; the driver has taken 2.
    queue.use(2, 8);
    queue.use(1, 8);
    queue.lastUsed = 1;
    const view = queue.look({}, 4);
    expect(view.chains.map(line)).toEqual([
      '1 returned [1] 0/64',
      '0 in-flight [0] 0/64',
      '3 in-flight [3] 0/64',
      '4 published [4] 0/64',
    ]);
    expect(view.counts).toEqual({ free: 4, published: 1, 'in-flight': 2, returned: 1 });
    expect(view.descriptors.map((it) => it.owner[0]).join('')).toBe('irfipfff');
    expect(VirtioQueueSchema.parse(view)).toEqual(view);
  });

  test('indices wrap at 65536, slots at the size', () => {
    const queue = new SampleQueue(4);
    queue.avail = 0xffff;
    queue.used = 0xffff;
    queue.lastAvail = 0xffff;
    queue.lastUsed = 0xffff;
    queue.descriptor(2, [BUFFER, 16, 0]);
    queue.descriptor(3, [BUFFER, 16, 0]);
    queue.publish(2);
    queue.publish(3);
    queue.take(2);
    queue.use(3);
    const view = queue.look({}, 4);
    expect(view.avail?.index).toBe(1);
    expect(view.chains.map(line)).toEqual(['3 returned [3] 16/0', '2 in-flight [2] 16/0']);
    expect(view.availRing).toEqual([3, 0, 0, 2]);
  });

  test('a long queue: what has come back is not in flight', () => {
    const queue = new SampleQueue(8);
    for (let n = 0; n < 100; n++) {
      queue.publish(n % 5);
      queue.take();
      queue.use(n % 5);
    }
    queue.publish(6);
    queue.take();
    queue.lastUsed = queue.used;
    expect(queue.look().chains.map((it) => it.head)).toEqual([6]);
  });

  test('an indirect table, and event indices', () => {
    const queue = new SampleQueue(8);
    queue.descriptor(0, [BUFFER, 48, INDIRECT]);
    queue.descriptor(0, [BUFFER + 0x100n, 16, NEXT, 1], BUFFER);
    queue.descriptor(1, [BUFFER + 0x1000n, 4096, NEXT | WRITE, 2], BUFFER);
    queue.descriptor(2, [BUFFER + 0x200n, 1, WRITE], BUFFER);
    queue.memory.u64(BUFFER + 0x108n, 2048n);
    queue.usedEvent = 7;
    queue.availEvent = 9;
    queue.publish(0);
    const view = queue.look({}, 2, FEATURES);
    expect(view.chains.map(line)).toEqual(['0 published [0] 16/4097 IN sector 2048, 4 KiB']);
    expect(view.chains[0]).toMatchObject({ table: { address: '0x110000', entries: 3 }, elementCount: 3, problems: [] });
    expect(view.chains[0]?.elements.map((it) => [it.index, it.indirect, it.write])).toEqual([
      [0, true, false],
      [1, true, true],
      [2, true, true],
    ]);
    expect([view.avail?.event, view.used?.event]).toEqual([7, 9]);
    expect(queue.look().avail?.event).toBeNull();
  });

  test('rings that are no RAM are said to be none', () => {
    const view = new SampleQueue(8).look({ availAt: 0xffff_ffff_ffff_fff0n, usedAt: 0x10n });
    expect(view.problems).toEqual([
      'the avail ring at 0xfffffffffffffff0 is no RAM',
      'the used ring at 0x10 is no RAM',
    ]);
    expect([view.avail, view.used, view.availRing]).toEqual([null, null, []]);
  });

  test('a read that the guest disturbs is repeated, and a restless one marked', () => {
    const queue = new SampleQueue(8);
    let writes = 3;
    const restless = new (class extends SampleMemory {
      override read(address: bigint, size: number) {
        if (size > 2 && address === queue.usedAt && writes-- > 0) queue.publish(0);
        return queue.memory.read(address, size);
      }
    })();
    const device = { type: 2, queueCount: 1, features: VERSION_1 };
    // The avail ring is read after the used one; its index must be the one of the end.
    const once = readQueue(restless, device, queue.facts());
    expect([once.torn, once.avail?.index]).toEqual([false, 1]);
    const never = new (class extends SampleMemory {
      override read(address: bigint, size: number) {
        if (size === 2) queue.publish(0);
        return queue.memory.read(address, size);
      }
    })();
    expect(readQueue(never, device, queue.facts()).torn).toBe(true);
  });
});

describe('packed rings', () => {
  const AVAIL = 1 << 7;
  const USED = 1 << 15;
  // As in a split ring, but for id and flags, which stand the other way round.
  const packed = (lastAvail: number, used: number, inFlight: number, fill: (queue: SampleQueue) => void) => {
    const queue = new SampleQueue(8);
    fill(queue);
    const device = { lastAvail, shadowAvail: null, used, signalledUsed: null, inFlight };
    return queue.look({ device, driver: null }, 4, VERSION_1 | (1n << 34n));
  };

  test('in flight and published, over the wrap', () => {
    const view = packed(6, 4, 1, (queue) => {
      queue.descriptor(4, [BUFFER, 10, 0, NEXT | AVAIL]);
      queue.descriptor(5, [BUFFER, 20, 7, WRITE | AVAIL]);
      queue.descriptor(6, [BUFFER, 1, 1, AVAIL]);
      queue.descriptor(7, [BUFFER, 2, 2, NEXT | AVAIL]);
      // Second lap: the wrap counter is 0, so AVAIL is clear and USED set.
      queue.descriptor(0, [BUFFER, 3, 2, WRITE | USED]);
      // Still of the first lap: used.
      queue.descriptor(1, [BUFFER, 4, 3, AVAIL | USED]);
    });
    expect(view.layout).toBe('packed');
    expect(view.chains.map(line)).toEqual(['4 in-flight [4 5] 10/20', '6 published [6] 1/0', '7 published [7 0] 2/3']);
    expect(view.counts).toEqual({ free: 3, published: 3, 'in-flight': 2, returned: 0 });
    expect(VirtioQueueSchema.parse(view)).toEqual(view);
  });
  test('an empty ring, and one in which everything is published', () => {
    expect(packed(0, 0, 0, () => {}).chains).toEqual([]);
    const full = packed(0, 0, 0, (queue) => {
      for (let n = 0; n < 8; n++) queue.descriptor(n, [BUFFER, 1, n, AVAIL]);
    });
    expect(full.counts.published).toBe(8);
  });
  test('a chain that never ends is cut at the ring', () => {
    const view = packed(0, 0, 0, (queue) => {
      for (let n = 0; n < 8; n++) queue.descriptor(n, [BUFFER, 1, n, AVAIL | NEXT]);
    });
    expect(view.chains[0]?.problems.map((it) => it.kind)).toEqual(['too-long']);
  });
});

describe('contents', () => {
  const frame = (text: string) =>
    decodeFrame(Uint8Array.from(text.replace(/\s/g, '').match(/../g) ?? [], (it) => Number.parseInt(it, 16))).summary;
  const ETHERNET = 'ffffffffffff 525400123456';
  test.each([
    [
      `${ETHERNET} 0806 0001 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202`,
      'ARP who has 10.0.2.2? tell 10.0.2.15',
    ],
    [
      `${ETHERNET} 0800 4500002c 00010000 40060000 0a000202 0a00020f d431 1f90 00000001 00000000 6002 ffff 0000 0000 020405b4`,
      'TCP 10.0.2.2:54321 → 10.0.2.15:8080 SYN',
    ],
    [
      `${ETHERNET} 0800 4500001c 00010000 40010000 0a00020f 0a000202 0800 f7ff 0000 0000`,
      'ICMP 10.0.2.15 → 10.0.2.2 echo request',
    ],
    [
      `${ETHERNET} 0800 45000020 00010000 40110000 0a00020f 0a000203 d431 0035 000c 0000 01020304`,
      'DNS 10.0.2.15:54321 → 10.0.2.3:53, 4 B',
    ],
    [
      `${ETHERNET} 86dd 60000000 0008 3a ff fe800000000000000000000000000001 ff020000000000000000000000000002 8500 0000 00000000`,
      'ICMPv6 [fe80::1] → [ff02::2] router solicitation',
    ],
    [`${ETHERNET} 8100 0064 0800 43`, 'IPv4 0.0.0.0 → 0.0.0.0, malformed'],
    [`${ETHERNET} 88cc`, 'Ethernet type 0x88cc'],
    ['0102', '2 bytes, too short for a frame'],
  ])('%s', (bytes, summary) => {
    expect(frame(bytes)).toBe(summary);
  });

  test('DHCP', () => {
    const dhcp = `02010600 12345678 00000000 00000000 0a00020f ${'00'.repeat(16)} ${'00'.repeat(200)} 63825363 350102 ff`;
    const udp = `0043 0044 0104 0000 ${dhcp}`;
    expect(frame(`${ETHERNET} 0800 4500 0118 0000 0000 4011 0000 0a000202 ffffffff ${udp}`)).toBe(
      'DHCP OFFER 10.0.2.15',
    );
  });

  test('a block request of each kind', () => {
    const summary = (type: number, bytes: number, dataFlags: number, status: number | null) => {
      const queue = new SampleQueue(8);
      queue.descriptor(0, [BUFFER, 16, NEXT, 1]);
      queue.descriptor(1, [BUFFER + 0x1000n, bytes, NEXT | dataFlags, 2]);
      queue.descriptor(2, [BUFFER + 0x100n, 1, WRITE]);
      queue.memory.u32(BUFFER, type);
      queue.memory.u64(BUFFER + 8n, 7n);
      queue.publish(0);
      queue.take();
      if (status !== null) {
        queue.memory.put(BUFFER + 0x100n, [status]);
        queue.use(0, 1);
      }
      return queue.look().chains[0]?.summary;
    };
    expect(summary(0, 65536, WRITE, 0)).toBe('IN sector 7, 64 KiB');
    expect(summary(1, 512, 0, 1)).toBe('OUT sector 7, 512 B, IOERR');
    expect(summary(8, 20, WRITE, null)).toBe('GET_ID 20 B');
    expect(summary(77, 20, WRITE, null)).toBe('type 77 20 B');
  });

  test('a console says its text, escaped', () => {
    const queue = new SampleQueue(8);
    queue.memory.put(BUFFER, new TextEncoder().encode('hi\r\n\x1b[31m<b>'));
    queue.descriptor(0, [BUFFER, 12, 0]);
    queue.publish(0);
    const device = { type: 3, queueCount: 2, features: VERSION_1 };
    const view = readQueue(queue.memory, device, queue.facts({ index: 1 }));
    expect(view).toMatchObject({ name: 'transmitq(port0)', chains: [{ summary: '"hi\\r\\n\\x1b[31m<b>"' }] });
  });
});

describe('names', () => {
  test('features by device type, accepted or missed, unknown bits kept', () => {
    const list = featureList(2, VERSION_1 | (1n << 5n) | (1n << 50n), VERSION_1);
    expect(list.map(({ name, accepted }) => `${name}${accepted ? '' : ' missed'}`)).toEqual([
      'RO missed',
      'VERSION_1',
      'bit 50 missed',
    ]);
    expect(featureList(1, 1n << 5n, 0n)[0]?.name).toBe('MAC');
  });
  test("QEMU's names become bits", () => {
    const names = [
      'VIRTIO_RING_F_EVENT_IDX: Used & avail. event fields enabled',
      'VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)',
      'VIRTIO_F_IOMMU_PLATFORM: Device can be used on IOMMU platform',
      'VIRTIO_BLK_F_SEG_MAX: Max segments in a request is seg_max',
      'VHOST_USER_F_PROTOCOL_FEATURES: Vhost-user protocol features negotiation supported',
      'VIRTIO_BLK_F_NEW_THING: of a later QEMU',
    ];
    const { bits, strange } = parseFeatureNames(2, names, 1n << 40n);
    expect(bits).toBe((1n << 40n) | (1n << 33n) | (1n << 32n) | (1n << 29n) | (1n << 2n));
    expect(strange).toEqual(['VIRTIO_BLK_F_NEW_THING']);
  });
  test('status bits, both ways', () => {
    expect(statusNames(0x4f)).toEqual(['ACKNOWLEDGE', 'DRIVER', 'DRIVER_OK', 'FEATURES_OK', 'DEVICE_NEEDS_RESET']);
    expect(statusNames(0x10)).toEqual(['0x10']);
    expect(parseStatusNames(['VIRTIO_CONFIG_S_DRIVER_OK: ready', 'VIRTIO_CONFIG_S_NEEDS_RESET: x'])).toBe(0x44);
  });
  test('queues by device', () => {
    const names = (type: number, count: number, features = 0n) =>
      Array.from({ length: count }, (_, n) => queueRole(type, n, count, features).name);
    expect(names(1, 3)).toEqual(['receiveq1', 'transmitq1', 'controlq']);
    expect(names(1, 5, (1n << 22n) | (1n << 17n))).toEqual([
      'receiveq1',
      'transmitq1',
      'receiveq2',
      'transmitq2',
      'controlq',
    ]);
    expect(names(2, 2)).toEqual(['requestq1', 'requestq2']);
    expect(names(3, 6, 2n)).toEqual([
      'receiveq(port0)',
      'transmitq(port0)',
      'control receiveq',
      'control transmitq',
      'receiveq(port1)',
      'transmitq(port1)',
    ]);
  });
});

/** Small and fast; the same numbers on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0;
    return state / 2 ** 32;
  };
}

describe('hostile memory', () => {
  test('whatever lies there is decoded, in bounded time, and fits the contract', () => {
    const random = randomFrom(1);
    const pick = (limit: number) => Math.floor(random() * limit);
    const memory = new SampleMemory();
    for (let run = 0; run < 3000; run++) {
      // Mostly small numbers, so that chains go somewhere, with wild ones in between.
      if (run % 10 === 0) for (let n = 0; n < 0x4000; n++) memory.bytes[n] = random() < 0.5 ? pick(8) : pick(256);
      const anywhere = () => (random() < 0.8 ? RAM_START + BigInt(pick(0x3000)) : BigInt(pick(2 ** 31)) ** 2n);
      const size = [1, 2, 8, 64, 200, 256][pick(6)] ?? 8;
      const word = () => pick(65536);
      const device = { lastAvail: word(), shadowAvail: null, used: word(), signalledUsed: null, inFlight: pick(9) };
      const features = (random() < 0.3 ? 1n << 34n : 0n) | (random() < 0.5 ? FEATURES : 0n);
      const type = pick(20);
      const facts = { index: pick(4), size, descriptorsAt: anywhere(), availAt: anywhere(), usedAt: anywhere() };
      memory.reads = 0;
      const driver = random() < 0.5 ? null : new SampleQueue(8, memory).driverSide({ lastUsed: word() });
      const view = readQueue(memory, { type, queueCount: 4, features }, { ...facts, device, driver });
      expect(VirtioQueueSchema.safeParse(view).error).toBeUndefined();
      expect(memory.reads).toBeLessThan(20_000);
      judge(sampleEvidence(sampleDevice(view)));
    }
  });

  test('32768 chains that each lead through the whole table end soon', () => {
    const size = 32768;
    const bytes = new Uint8Array(0x20_0000);
    const view = new DataView(bytes.buffer);
    for (let n = 0; n < size; n++) {
      view.setUint16(n * 16 + 12, NEXT, true);
      view.setUint16(n * 16 + 14, (n + 1) % size, true);
      view.setUint16(size * 16 + 4 + 2 * n, n, true);
    }
    view.setUint16(size * 16 + 2, size, true);
    const memory = {
      regions: [{ start: 0n, bytes: BigInt(bytes.length) }],
      read: (at: bigint, length: number) =>
        Number(at) + length <= bytes.length ? bytes.subarray(Number(at), Number(at) + length) : undefined,
    };
    const started = performance.now();
    const facts = { index: 0, size, descriptorsAt: 0n, availAt: BigInt(size * 16), usedAt: 0x18_0000n };
    const device = { lastAvail: 0, shadowAvail: null, used: 0, signalledUsed: null, inFlight: 0 };
    const queue = readQueue(memory, { type: 2, queueCount: 1, features: 0n }, { ...facts, device, driver: null });
    expect(queue.chains).toHaveLength(size);
    expect(queue.chains.at(-1)?.problems[0]?.kind).toBe('too-long');
    // Half a second where it is quiet; without a bound it would be hours.
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

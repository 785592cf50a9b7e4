/** Driver and device do not mean the same memory, or not the same number of entries. */
import { formatAddress } from '../../base/address.ts';
import { plural } from '../../base/plural.ts';
import type { VirtioQueue } from '../../contract/inspect/virtio.ts';
import { STATUS } from '../status.ts';
import { type Evidence, type QueueRule, stillness } from './rule.ts';

/** Whether the driver speaks to it as before virtio 1.0, which transitional devices let it choose. */
function isLegacy({ transport, features }: Evidence['device']): boolean {
  return transport === 'pci-legacy' || !features.some(({ name, accepted }) => name === 'VERSION_1' && accepted);
}

/** facts/virtqueues.md: "N ≠ driver size". */
export const sizeMismatch: QueueRule = {
  about: 'queue',
  look({ device }, queue) {
    const { driver, size } = queue;
    if (!queue.configured || driver === null || driver.size === null || driver.size === 0 || driver.size === size)
      return undefined;
    const smaller = driver.size < size;
    const legacy = isLegacy(device);
    const source = driver.source === 'registry' ? "the driver's registry entry" : 'the symbol that you named';
    return {
      id: 'queue-size-mismatch',
      section: legacy ? 'virtio 1.2 §4.1.5.1.3.1, §2.7.2' : 'virtio 1.2 §4.1.5.1.3, §2.7',
      severity: 'error',
      confidence: 'certain',
      title: `The driver assumes ${driver.size} entries where the device has ${size}`,
      explanation: smaller
        ? `Both take ring slots modulo their own size. For the first ${driver.size} buffers that is the same slot, and all seems well; then the driver starts again at slot 0 while the device goes on to slot ${driver.size}, where nobody ever wrote: it reads head 0 or garbage, serves an old chain again, or stops.${legacy ? ' With the legacy layout the used ring lies at another address as well, so that not even the first answer is found.' : ''}`
        : `The driver puts heads into slots that the device, which counts modulo ${size}, never looks at, and may use descriptors beyond the device's table.`,
      evidence: [
        [`entries by ${source}`, String(driver.size)],
        ['entries by the device (vring-num)', String(size)],
        [
          'avail.idx',
          `${queue.avail?.index ?? '?'}: ${(queue.avail?.index ?? 0) > driver.size ? 'the driver has wrapped' : `wraps at ${driver.size}`}`,
        ],
      ],
      fix: legacy
        ? `Use the size that the queue size register gives (${size}): the legacy interface cannot change it. Compute the used ring's place from that size, aligned to 4096.`
        : `Write ${driver.size} to queue_size before queue_enable (a power of two, at most what the device offers), or use all ${size} entries.`,
    };
  },
};

/** The same without knowing the driver: its heads stop at a power of two although more were published. */
export const wrapsEarly: QueueRule = {
  about: 'queue',
  look({ device }, queue, { stuck, pending, inFlight }) {
    const published = queue.avail?.index ?? 0;
    if (queue.layout !== 'split' || queue.driver?.size != null || queue.availRing.length === 0) return undefined;
    // Head 0 in a slot looks like an empty slot: only a queue that hangs is suspected.
    if (!device.broken && !(stuck && pending + inFlight > 0)) return undefined;
    for (let assumed = 2; assumed < queue.size; assumed *= 2) {
      if (published <= assumed) return undefined;
      const beyond = queue.availRing.slice(assumed, Math.min(published, queue.size));
      const within = queue.availRing.slice(0, assumed);
      // One head in every slot is what a driver writes that never has two requests out: that proves nothing.
      if (beyond.some((head) => head !== 0) || new Set(within).size < 2) continue;
      return {
        id: 'queue-size-mismatch',
        section: 'virtio 1.2 §2.7',
        severity: 'error',
        confidence: 'likely',
        title: `The driver seems to assume ${assumed} entries where the device has ${queue.size}`,
        explanation: `${published} heads were published, yet nothing was ever written to the avail ring from slot ${assumed} on. A driver that counts modulo ${assumed} does that; the device reads the empty slots.`,
        evidence: [
          ['avail.idx', String(published)],
          [`avail slots ${assumed} to ${Math.min(published, queue.size) - 1}`, 'all zero'],
          ['entries by the device (vring-num)', String(queue.size)],
        ],
        fix: `Look for the constant ${assumed} in the driver. Use the device's size, or write the smaller one to queue_size before queue_enable. Name the driver's variable to be certain, in the Virtqueues pane or with --driver-queue-size.`,
      };
    }
    return undefined;
  },
};

const PARTS = [
  ['descriptor table', 'descriptorsAt', 'descriptors', 16],
  ['avail ring', 'availAt', 'avail', 2],
  ['used ring', 'usedAt', 'used', 4],
] as const;

/** facts/virtqueues.md: "virtual address given". */
export const notRam: QueueRule = {
  about: 'queue',
  look(evidence, queue) {
    if (!queue.configured) return undefined;
    for (const [name, at] of PARTS) {
      const address = BigInt(queue[at]);
      if (evidence.isRam(address, 4)) continue;
      const physical = evidence.toPhysical(address);
      const virtual = physical !== undefined && evidence.isRam(physical, 4);
      const looksVirtual = address >> 47n === 0x1ffffn;
      return {
        id: virtual || looksVirtual ? 'ring-address-virtual' : 'ring-not-ram',
        section: 'virtio 1.2 §2.6, §4.1.5.1.3',
        severity: 'error',
        confidence: virtual || looksVirtual ? 'certain' : 'likely',
        title:
          virtual || looksVirtual
            ? `The driver gave the device a virtual address for its ${name}`
            : `The ${name} is not in guest memory`,
        explanation:
          virtual || looksVirtual
            ? 'A device does not go through the page tables of the processor: it wants guest-physical addresses. It finds nothing there, and stays silent.'
            : 'The device was given an address at which this machine has no RAM.',
        evidence: [
          [`${name} by the device`, queue[at]],
          virtual
            ? ['by the page tables of the kernel', `${queue[at]} is mapped to ${formatAddress(physical)}`]
            : ['guest RAM there', 'none'],
        ],
        fix: virtual
          ? `Translate before the address is written: the device needs ${formatAddress(physical)}.`
          : 'Give the physical address of memory that is contiguous and stays allocated.',
      };
    }
    return undefined;
  },
};

export const addressMismatch: QueueRule = {
  about: 'queue',
  look({ device }, queue) {
    const { driver } = queue;
    if (!queue.configured || driver === null) return undefined;
    const legacy = isLegacy(device);
    // There the rings' places follow from the table's and the size: another size is the mistake, and has its own rule.
    if (legacy && driver.descriptors === queue.descriptorsAt && driver.size !== queue.size) return undefined;
    for (const [name, at, side] of PARTS) {
      const mine = driver[side];
      if (mine === null || BigInt(mine) === BigInt(queue[at])) continue;
      return {
        id: 'ring-address-mismatch',
        section: 'virtio 1.2 §4.1.5.1.3',
        severity: 'error',
        confidence: 'certain',
        title: `Driver and device have different ${name}s`,
        explanation:
          'The driver writes to one place and the device looks at another, so neither ever sees the other move. A half written 64-bit address register, or a page number in the wrong unit, does this.',
        evidence: [
          [`${name} by the driver`, mine],
          [`${name} by the device`, queue[at]],
        ],
        fix: legacy
          ? 'Write the page number of the descriptor table (its address / 4096) to the queue address register; the rings follow behind it as §2.7.2 lays them out.'
          : `Write ${mine} to the device, both halves of it, before queue_enable.`,
      };
    }
    return undefined;
  },
};

export const misaligned: QueueRule = {
  about: 'queue',
  look({ device }, queue) {
    if (!queue.configured || queue.layout !== 'split') return undefined;
    for (const [name, at, , alignment] of PARTS) {
      const legacy = isLegacy(device) && name !== 'avail ring' ? 4096 : alignment;
      if (BigInt(queue[at]) % BigInt(legacy) === 0n) continue;
      return {
        id: 'ring-misaligned',
        section: 'virtio 1.2 §2.7, §2.7.2',
        severity: 'error',
        confidence: 'certain',
        title: `The ${name} is not aligned to ${legacy} bytes`,
        explanation: 'Devices may take the address without its low bits, or refuse it.',
        evidence: [[`${name} by the device`, queue[at]]],
        fix: `Allocate the ${name} at a multiple of ${legacy}.`,
      };
    }
    return undefined;
  },
};

/** facts/virtqueues.md: "A never moves". */
export const notPublished: QueueRule = {
  about: 'queue',
  look(evidence, queue, { avail, stuck }) {
    const mine = queue.driver?.nextAvail ?? null;
    if (!queue.configured || queue.avail === null || mine === null || mine === avail || !stuck) return undefined;
    if (evidence.before?.queues.find((it) => it.index === queue.index)?.driver?.nextAvail !== mine) return undefined;
    return {
      id: 'not-published',
      section: 'virtio 1.2 §2.7.13.3',
      severity: 'error',
      confidence: 'certain',
      title: `The driver has prepared ${plural((mine - avail) & 0xffff, 'chain')} that it never published`,
      explanation:
        'A chain exists for the device only once avail.idx covers its slot. The driver counts further than the index that stands in memory.',
      evidence: [
        ["next avail index by the driver's registry entry", String(mine)],
        ['avail.idx in memory', `${avail} at ${formatAddress(BigInt(queue.availAt) + 2n)}`],
        stillness(evidence),
      ],
      fix: 'Store the new index to avail.idx after the slot, with a release store, in the memory whose physical address the device has.',
    };
  },
};

export const overrun: QueueRule = {
  about: 'queue',
  look(_, queue) {
    const problem = queue.problems.find((it) => it.includes('has room for'));
    if (problem === undefined || queue.torn) return undefined;
    return {
      id: 'index-jump',
      section: 'virtio 1.2 §2.7.6, §2.7.8',
      severity: 'error',
      confidence: 'certain',
      title: 'A ring index is further ahead than the queue is large',
      explanation:
        'At most as many chains as the queue has entries can be anywhere. An index that jumped was written with the wrong width or unit, was reduced modulo the size although it must run free to 65535, or the memory belongs to somebody else.',
      evidence: [
        ['indices', problem],
        ['entries', String(queue.size)],
      ],
      fix: 'Let the 16-bit index run freely and reduce it only to find a slot; do not publish more than is free; see that nothing else writes there.',
    };
  },
};

/** DRIVER_OK before queues are set up. Queues of features that were not accepted stay empty rightly, so only the first is judged. */
export const notConfigured: QueueRule = {
  about: 'queue',
  look({ device }: Evidence, queue: VirtioQueue) {
    if (queue.configured || queue.index !== 0 || queue.size === 0 || (device.status.value & STATUS.DRIVER_OK) === 0)
      return undefined;
    return {
      id: 'queue-not-configured',
      section: 'virtio 1.2 §3.1.1, §4.1.5.1.3',
      severity: 'error',
      confidence: 'likely',
      title: 'DRIVER_OK is set, and the first queue has no addresses',
      explanation:
        'The driver told the device to begin without giving it a queue. Queues must be set up before DRIVER_OK.',
      evidence: [
        ['addresses', `${queue.descriptorsAt} ${queue.availAt} ${queue.usedAt}`],
        ['device status', device.status.names.join(' ')],
      ],
      fix: 'Select each queue, write its size and its three addresses, enable it; then set DRIVER_OK.',
    };
  },
};

/** Requests that stand before or in the device: the kick, and the device itself. */
import { formatAddress } from '../../base/address.ts';
import { plural } from '../../base/plural.ts';
import { distance, NO_SIGNAL, usedBytes } from '../split-ring.ts';
import { STATUS } from '../status.ts';
import { type QueueRule, stillness } from './rule.ts';

export const beforeDriverOk: QueueRule = {
  about: 'queue',
  look({ device }, queue, { avail, pending }) {
    if (!queue.configured || pending === 0 || (device.status.value & STATUS.DRIVER_OK) !== 0) return;
    return {
      id: 'before-driver-ok',
      section: 'virtio 1.2 §3.1.1, §2.1.2',
      severity: 'error',
      confidence: 'likely',
      title: `${plural(pending, 'chain')} published, and DRIVER_OK is not set`,
      explanation:
        'The device does not look at its queues before DRIVER_OK, and a kick that came earlier is lost: nobody repeats it.',
      evidence: [
        ['device status', `0x${device.status.value.toString(16)} ${device.status.names.join(' ')}`],
        ['avail.idx', `${avail} at ${formatAddress(BigInt(queue.availAt) + 2n)}`],
      ],
      fix: 'Set DRIVER_OK after the queues are set up, and kick after that.',
    };
  },
};

/** facts/virtqueues.md: "A ≠ L, no notify". A receive queue that is full of buffers is at rest, whatever the device has read. */
export const kickMissing: QueueRule = {
  about: 'queue',
  look(evidence, queue, { avail, lastAvail, used, pending, inFlight, stuck }) {
    if (!stuck || queue.role === 'receive' || pending === 0 || inFlight > 0 || lastAvail === null) return;
    const event = queue.used?.event ?? null;
    const flags = queue.used?.flags ?? 0;
    // vring_need_event (§2.7.10.1): a kick is due when the index passes avail_event.
    const due = event === null ? (flags & NO_SIGNAL) === 0 : distance(lastAvail, event) < pending;
    const kicks = queue.driver?.notifications ?? null;
    const place = BigInt(queue.usedAt) + BigInt(event === null ? 0 : usedBytes(queue.size) - 2);
    const wish = event === null ? `used.flags is ${flags}` : `avail_event is ${event}`;
    const common = [
      ['avail.idx', `${avail}: ${plural(pending, 'chain')} published and not taken`],
      ['last avail index of the device (x-query-virtio-queue-status)', String(lastAvail)],
      ['used.idx', String(used)],
      ["device's wish", `${wish} at ${formatAddress(place)}: ${due ? 'a kick was due' : 'no kick was wanted'}`],
      ...(kicks === null ? [] : [["kicks by the driver's registry entry", String(kicks)] as const]),
      stillness(evidence),
    ] as const;
    if (!due)
      return {
        id: 'kick-suppressed',
        section: 'virtio 1.2 §2.7.10, §2.7.13.3.1',
        severity: 'error',
        confidence: 'likely',
        title: `${plural(pending, 'chain')} wait, and the device had asked not to be told`,
        explanation:
          'Driver and device missed each other: the device switched notifications on and looked at avail.idx before the new index was visible, or the driver read the wish before its own store was. Without a full barrier between the store of avail.idx and the load of the wish, both sides may sleep.',
        evidence: common,
        fix: 'Put a full memory barrier (mfence, fence(SeqCst)) between storing avail.idx and reading avail_event or used.flags.',
      };
    return {
      id: 'kick-missing',
      section: 'virtio 1.2 §2.7.13.4, §4.1.5.2',
      severity: 'error',
      confidence: kicks === 0 ? 'certain' : 'likely',
      title:
        kicks !== null && kicks > 0
          ? `The last kick did not reach the device: ${plural(pending, 'chain')} wait`
          : `The driver never kicked: ${plural(pending, 'chain')} wait`,
      explanation:
        'The chains are published, the device is idle, and it had asked to be notified at this index. A notification was not sent, was sent before avail.idx was visible, or went to the wrong place.',
      evidence: common,
      fix: 'Write the queue number to the notify register after avail.idx: notify capability + queue_notify_off × notify_off_multiplier (PCI), offset 0x50 (MMIO), or offset 16 of BAR 0 (legacy).',
    };
  },
};

export const deviceBusy: QueueRule = {
  about: 'queue',
  look(evidence, queue, { lastAvail, used, inFlight, stuck }) {
    if (!stuck || queue.role === 'receive' || inFlight === 0) return;
    const oldest = queue.chains.find((it) => it.owner === 'in-flight');
    return {
      id: 'device-busy',
      section: 'virtio 1.2 §2.7.14',
      severity: 'warning',
      confidence: evidence.apartMs >= 1000 ? 'likely' : 'possible',
      title: `The device holds ${plural(inFlight, 'chain')} and gives nothing back`,
      explanation:
        'The driver has done its part. What is in flight waits for the host: a slow or stopped disk, a full socket, a backend that died.',
      evidence: [
        ['taken and not given back', `${inFlight} (device at ${lastAvail}, used.idx ${used})`],
        ...(oldest === undefined
          ? []
          : [['oldest', `head ${oldest.head}${oldest.summary === '' ? '' : `: ${oldest.summary}`}`] as const]),
        stillness(evidence),
      ],
      fix: "Look at the host's side: the file or socket behind the device, `info block`, QEMU's stderr. A driver should have a timeout.",
    };
  },
};

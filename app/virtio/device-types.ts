/** Device types and their queues: virtio 1.2 §5. */

export interface QueueRole {
  readonly name: string;
  /** `receive`: its buffers wait for something from outside, so that a full avail ring is its state of rest. */
  readonly role: 'request' | 'receive';
}

const TYPES: Readonly<Record<number, string>> = {
  1: 'network card',
  2: 'block device',
  3: 'console',
  4: 'entropy source',
  5: 'memory balloon',
  6: 'I/O memory',
  7: 'remote processor messaging',
  8: 'SCSI host',
  9: '9P transport',
  10: 'mac80211 wireless',
  11: 'remote processor serial',
  12: 'CAIF',
  13: 'memory balloon (1.2)',
  16: 'GPU',
  17: 'timer',
  18: 'input device',
  19: 'socket device',
  20: 'crypto device',
  21: 'signal distribution',
  22: 'pstore',
  23: 'IOMMU',
  24: 'memory device',
  25: 'sound device',
  26: 'file system',
  27: 'persistent memory',
  28: 'RPMB',
  29: 'hardware random number generator for the MAC',
  32: 'Bluetooth',
  34: 'I2C adapter',
  36: 'CAN',
  41: 'GPIO',
};

export const NETWORK = 1;
export const BLOCK = 2;
export const CONSOLE = 3;

export function typeName(type: number): string {
  return TYPES[type] ?? `device type ${type}`;
}

const MULTIPORT = 1n << 1n;
const CTRL_VQ = 1n << 17n;
const MQ = 1n << 22n;

/**
 * Name and role of a queue. @param queues how many the device has: the control queue of a network card is its last (§5.1.2)
 */
export function queueRole(type: number, index: number, queues: number, features: bigint): QueueRole {
  const even = index % 2 === 0;
  const pair = Math.floor(index / 2) + 1;
  switch (type) {
    case NETWORK: {
      const control = (features & MQ) !== 0n ? queues - 1 : 2;
      if (index === control && index >= 2 && ((features & CTRL_VQ) !== 0n || queues % 2 === 1))
        return { name: 'controlq', role: 'request' };
      return even ? { name: `receiveq${pair}`, role: 'receive' } : { name: `transmitq${pair}`, role: 'request' };
    }
    case BLOCK:
      return { name: queues > 1 ? `requestq${index + 1}` : 'requestq', role: 'request' };
    case CONSOLE: {
      // §5.3.2: port 0, then the control pair, then the other ports.
      if (index === 2 && (features & MULTIPORT) !== 0n) return { name: 'control receiveq', role: 'receive' };
      if (index === 3 && (features & MULTIPORT) !== 0n) return { name: 'control transmitq', role: 'request' };
      const port = index < 2 ? 0 : pair - 2;
      return even
        ? { name: `receiveq(port${port})`, role: 'receive' }
        : { name: `transmitq(port${port})`, role: 'request' };
    }
    case 4:
      return { name: 'requestq', role: 'request' };
    case 5:
      // §5.5.2: the statistics buffer stays with the device until it wants numbers.
      return (
        (
          [
            { name: 'inflateq', role: 'request' },
            { name: 'deflateq', role: 'request' },
            { name: 'statsq', role: 'receive' },
            { name: 'free_page_vq', role: 'request' },
            { name: 'reporting_vq', role: 'request' },
          ] as const
        )[index] ?? { name: `queue ${index}`, role: 'request' }
      );
    case 8:
      if (index === 0) return { name: 'controlq', role: 'request' };
      if (index === 1) return { name: 'eventq', role: 'receive' };
      return { name: `requestq${index - 1}`, role: 'request' };
    case 16:
      return { name: index === 0 ? 'controlq' : 'cursorq', role: 'request' };
    case 18:
      return index === 0 ? { name: 'eventq', role: 'receive' } : { name: 'statusq', role: 'request' };
    case 19:
      return (
        (
          [
            { name: 'rx', role: 'receive' },
            { name: 'tx', role: 'request' },
            { name: 'event', role: 'receive' },
          ] as const
        )[index] ?? { name: `queue ${index}`, role: 'request' }
      );
    default:
      return { name: `queue ${index}`, role: 'request' };
  }
}

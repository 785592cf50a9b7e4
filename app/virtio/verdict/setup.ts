/** What goes wrong before a queue is ever used: status, features, PCI command register. */
import { FEATURE, hasFeature } from '../features.ts';
import { STATUS } from '../status.ts';
import type { DeviceRule, Evidence, Finding } from './rule.ts';

const statusLine = ({ device }: Evidence) =>
  ['device status', `0x${device.status.value.toString(16)} ${device.status.names.join(' ')}`.trim()] as const;

const has = ({ device }: Evidence, bit: number) => (device.status.value & bit) !== 0;

/** §3.1.1 says nothing of it, since it is PCI's: without it the device reads ones and writes nowhere. */
export const busMasterOff: DeviceRule = {
  about: 'device',
  look(evidence) {
    const { pci, location, queues } = evidence.device;
    if (pci?.busMaster !== false || !(has(evidence, STATUS.DRIVER) || queues.some((it) => it.configured))) return;
    return {
      id: 'bus-master-off',
      section: 'PCI Local Bus 3.0 §6.2.2; virtio 1.2 §4.1',
      severity: 'error',
      confidence: 'certain',
      title: 'Bus mastering is off: the device cannot read or write guest memory',
      explanation:
        'Bit 2 of the PCI command register is clear, so every DMA of the device is dropped. Rings may be perfect and kicks may arrive: it can see neither descriptors nor buffers, and its MSI-X messages, which are memory writes, go nowhere too.',
      evidence: [
        pci.command === null
          ? [
              "QEMU's memory map",
              `${location} reaches no memory: bit 2 (Bus Master Enable) of its command register is 0`,
            ]
          : [
              `PCI command register of ${location}`,
              `0x${pci.command.toString(16).padStart(4, '0')}: bit 2 (Bus Master Enable) is 0`,
            ],
        statusLine(evidence),
      ],
      fix: 'Set bit 2 of the command register (offset 4 of the configuration space), together with bit 1, before DRIVER_OK.',
    };
  },
};

export const featuresRefused: DeviceRule = {
  about: 'device',
  look(evidence) {
    const { device } = evidence;
    const [offered, accepted] = [BigInt(device.offered), BigInt(device.accepted)];
    const refused = has(evidence, STATUS.DRIVER) && !has(evidence, STATUS.FEATURES_OK);
    // A legacy driver never sets the bit (§3.1.2): with a transitional device that is a choice.
    const legacy = device.transport === 'pci-legacy' || !hasFeature(offered, FEATURE.VERSION_1);
    const noVersion = !hasFeature(accepted, FEATURE.VERSION_1);
    if (!refused || legacy || (device.transport === 'pci-transitional' && noVersion && has(evidence, STATUS.DRIVER_OK)))
      return;
    const platform = hasFeature(offered, FEATURE.ACCESS_PLATFORM) && !hasFeature(accepted, FEATURE.ACCESS_PLATFORM);
    const settled = has(evidence, STATUS.FAILED | STATUS.DRIVER_OK) || device.queues.some((it) => it.configured);
    if (!settled && !sameStatus(evidence)) return;
    const why = noVersion ? 'VERSION_1' : platform ? 'ACCESS_PLATFORM' : '';
    return {
      id: 'features-refused',
      section: 'virtio 1.2 §3.1.1, §2.2, §6.1',
      severity: 'error',
      confidence: why === '' ? 'likely' : 'certain',
      title: `The device cleared FEATURES_OK: ${why === '' ? 'it does not take this choice of features' : `the driver did not accept ${why}`}`,
      explanation:
        why === 'VERSION_1'
          ? 'A device without the legacy interface works only with a driver that accepts VERSION_1 (bit 32), which is in the second half of the feature bits. The driver set FEATURES_OK, the device took it back, and the driver did not look.'
          : why === 'ACCESS_PLATFORM'
            ? 'The device is behind an IOMMU or otherwise needs translated addresses, and says so with ACCESS_PLATFORM (bit 33). It refuses a driver that would give it plain physical addresses.'
            : 'After writing FEATURES_OK the driver has to read the status again: when the bit is gone, the device does not support the chosen subset.',
      evidence: [statusLine(evidence), ['offered', device.offered], ['accepted', device.accepted]],
      fix:
        why === ''
          ? 'Read the status back after FEATURES_OK; accept only what is offered and what it depends on.'
          : `Accept ${why} (write device_feature_select 1, read, accept bit ${why === 'VERSION_1' ? 32 : 33}), then set FEATURES_OK and read it back.`,
    };
  },
};

function sameStatus({ device, before }: Evidence): boolean {
  return before !== null && before.status.value === device.status.value;
}

export const featuresNotOffered: DeviceRule = {
  about: 'device',
  look(evidence) {
    const wrong = evidence.device.features.filter((it) => it.accepted && !it.offered);
    if (wrong.length === 0) return;
    return {
      id: 'features-not-offered',
      section: 'virtio 1.2 §2.2.1',
      severity: 'error',
      confidence: 'certain',
      title: `The driver accepted ${wrong.map((it) => it.name).join(', ')}, which the device does not offer`,
      explanation:
        'A driver must not accept a feature that the device did not offer. Both sides now lay out memory by different rules.',
      evidence: [
        ['offered', evidence.device.offered],
        ['accepted', evidence.device.accepted],
      ],
      fix: 'Accept the intersection of what the driver knows and what the device offers.',
    };
  },
};

export const driverGaveUp: DeviceRule = {
  about: 'device',
  look(evidence) {
    if (!has(evidence, STATUS.FAILED)) return;
    return {
      id: 'driver-gave-up',
      section: 'virtio 1.2 §2.1',
      severity: 'error',
      confidence: 'certain',
      title: 'The driver gave up: it set FAILED',
      explanation:
        'The driver met something that it could not cope with, and told the device so. Nothing moves until it resets the device.',
      evidence: [statusLine(evidence)],
      fix: "Look at the driver's own message on the console; then reset the device (write 0 to its status) and begin again.",
    };
  },
};

/** Why is told by the queues' own rules where they find a bad chain. */
export const needsReset: DeviceRule = {
  about: 'device',
  look(evidence) {
    const { device } = evidence;
    if (!device.broken && !has(evidence, STATUS.DEVICE_NEEDS_RESET)) return;
    return {
      id: 'device-needs-reset',
      section: 'virtio 1.2 §2.1.2',
      severity: 'error',
      confidence: 'certain',
      title: 'The device has stopped: something that the driver gave it was illegal',
      explanation:
        'QEMU marks a device as broken when a ring index jumps, a chain loops or leaves the table, a buffer is no memory, or a request is malformed. It ignores all kicks from then on.',
      evidence: [statusLine(evidence), ['broken (x-query-virtio-status)', String(device.broken)]],
      fix: 'Cure what the verdicts of its queues name; then reset the device. QEMU prints the reason on its stderr.',
    };
  },
};

export const noDriver: DeviceRule = {
  about: 'device',
  look(evidence): Finding | undefined {
    if (has(evidence, STATUS.DRIVER) || evidence.device.queues.some((it) => it.configured)) return;
    return {
      id: 'no-driver',
      section: 'virtio 1.2 §3.1.1',
      severity: 'ok',
      confidence: 'certain',
      title: 'No driver has taken this device',
      explanation: 'It is in the state after a reset, and waits for a driver.',
      evidence: [statusLine(evidence)],
      fix: '',
    };
  },
};

/** The device status field: virtio 1.2 §2.1. */

export const STATUS = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

export const STATUS_MEANING: Readonly<Record<keyof typeof STATUS, string>> = {
  ACKNOWLEDGE: 'the guest has found the device',
  DRIVER: 'the guest knows how to drive it',
  DRIVER_OK: 'the driver is ready; from here on the device works its queues',
  FEATURES_OK: 'the features are settled',
  DEVICE_NEEDS_RESET: 'the device met an error that only a reset cures',
  FAILED: 'the driver has given up',
};

/** Names of the set bits, lowest first; a bit that means nothing gives its value. */
export function statusNames(value: number): string[] {
  const known = Object.entries(STATUS);
  const names = known.filter(([, bit]) => (value & bit) !== 0).map(([name]) => name);
  const rest = known.reduce((left, [, bit]) => left & ~bit, value & 0xff);
  return rest === 0 ? names : [...names, `0x${rest.toString(16)}`];
}

/** The value that has these of QEMU's names: `VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready`. */
export function parseStatusNames(names: readonly string[]): number {
  let value = 0;
  for (const text of names) {
    const name = /^VIRTIO_CONFIG_S_([A-Z_]+)/.exec(text)?.[1] ?? '';
    // QEMU shortens this one.
    const key = name === 'NEEDS_RESET' ? 'DEVICE_NEEDS_RESET' : name;
    for (const [known, bit] of Object.entries(STATUS)) if (known === key) value |= bit;
  }
  return value;
}

import type { VirtioFeature } from '../contract/inspect/virtio.ts';
import { COMMON_FEATURES, DEVICE_FEATURES } from './feature-table.ts';

/** Bit numbers that rules ask about. */
export const FEATURE = {
  ANY_LAYOUT: 27,
  INDIRECT_DESC: 28,
  EVENT_IDX: 29,
  VERSION_1: 32,
  ACCESS_PLATFORM: 33,
  RING_PACKED: 34,
  NET_MRG_RXBUF: 15,
} as const;

export function hasFeature(features: bigint, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n;
}

/** Every bit that the device offers or the driver accepted, lowest first: accepting what is not offered is a driver's mistake. */
export function featureList(type: number, offered: bigint, accepted: bigint): VirtioFeature[] {
  const list: VirtioFeature[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const state = { offered: hasFeature(offered, bit), accepted: hasFeature(accepted, bit) };
    if (state.offered || state.accepted) list.push({ ...describeBit(type, bit), ...state });
  }
  return list;
}

function describeBit(type: number, bit: number): Omit<VirtioFeature, 'offered' | 'accepted'> {
  const common = COMMON_FEATURES.find(([it]) => it === bit);
  if (common !== undefined) return { bit, name: common[1], meaning: common[2], kind: common[3] };
  const own = DEVICE_FEATURES[type]?.find(([it]) => it === bit);
  if (own !== undefined) return { bit, name: own[1], meaning: own[2], kind: 'device' };
  return { bit, name: `bit ${bit}`, meaning: 'not in the specification that this studio knows', kind: 'unknown' };
}

/** QEMU's answers name features (`VIRTIO_BLK_F_RO: Device is read-only`); these are not features of the device. */
const NOT_FEATURES = /^VHOST_/;

/**
 * Bits from QEMU's answer: names, and the sum of what it has no name for.
 * @returns also the names that are not known here
 */
export function parseFeatureNames(
  type: number,
  names: readonly string[],
  unknown: bigint,
): { readonly bits: bigint; readonly strange: readonly string[] } {
  let bits = BigInt.asUintN(64, unknown);
  const strange: string[] = [];
  for (const text of names) {
    if (NOT_FEATURES.test(text)) continue;
    const [, owner = '', name = ''] = /^VIRTIO_(?:([A-Z0-9]+)_)??(?:F|VIRGL_F)_([A-Z0-9_]+)/.exec(text) ?? [];
    const common = COMMON_FEATURES.find(([, it]) => it === (name === 'IOMMU_PLATFORM' ? 'ACCESS_PLATFORM' : name));
    const own = DEVICE_FEATURES[type]?.find(([, it]) => it === name || it === SPELLED_OTHERWISE[name]);
    // `VIRTIO_F_` and `VIRTIO_RING_F_` are everybody's, the others the device's own.
    const row = owner === '' || owner === 'RING' ? (common ?? own) : (own ?? common);
    if (row === undefined) strange.push(text.replace(/:.*/, ''));
    else bits |= 1n << BigInt(row[0]);
  }
  return { bits, strange };
}

/** Linux's headers, from which QEMU takes its names, and the specification differ here. */
const SPELLED_OTHERWISE: Readonly<Record<string, string>> = {
  GUEST_RSC4: 'RSC_EXT',
  WCE: 'FLUSH',
  FREE_PAGE_HINT: 'FREE_PAGE_HINT',
  REPORTING: 'PAGE_REPORTING',
};

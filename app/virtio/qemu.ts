import { z } from 'zod';
import type { DeviceSide } from '../contract/inspect/virtio.ts';
import { parseFeatureNames } from './features.ts';
import { parseStatusNames } from './status.ts';

/**
 * QEMU's answers to `x-query-virtio`, `-status` and `-queue-status` (qapi/virtio.json; held against 7.2). The commands are unstable by
 * their own word: what is missing in another version is null here, and what is added is ignored.
 */

/** Devices and queues that are asked for; QEMU itself allows 1024 queues. */
export const MAX_DEVICES = 64;
export const MAX_QUEUES = 64;

const integer = z.union([z.number().int(), z.bigint()]);
const ListSchema = z.array(z.object({ path: z.string().max(1024), name: z.string().max(256) }));
const NamesSchema = z.array(z.string().max(1024)).max(256);
const FeaturesSchema = z.object({
  transports: NamesSchema.default([]),
  'dev-features': NamesSchema.default([]),
  'unknown-dev-features': integer.default(0),
});
const StatusSchema = z.object({
  name: z.string().max(256),
  'device-id': z.number().int().min(0).max(65535),
  'num-vqs': z.number().int().min(0).max(65535),
  isr: z.number().int().nullable().default(null),
  broken: z.boolean().default(false),
  started: z.boolean().default(false),
  'vm-running': z.boolean().default(true),
  status: z.object({ statuses: NamesSchema.default([]), 'unknown-statuses': z.number().int().default(0) }),
  'guest-features': FeaturesSchema,
  'host-features': FeaturesSchema,
});
const QueueStatusSchema = z.object({
  'queue-index': z.number().int().min(0).max(65535),
  'vring-num': z.number().int().min(0).max(0xffff_ffff),
  'vring-desc': integer,
  'vring-avail': integer,
  'vring-used': integer,
  'last-avail-idx': z.number().int().min(0).max(65535).default(0),
  'shadow-avail-idx': z.number().int().min(0).max(65535).nullable().default(null),
  'used-idx': z.number().int().min(0).max(65535).default(0),
  'signalled-used': z.number().int().min(0).max(65535).nullable().default(null),
  'signalled-used-valid': z.boolean().default(false),
  inuse: z.number().int().min(0).default(0),
});

export interface QemuDevice {
  readonly path: string;
  readonly name: string;
}

export interface QemuStatus {
  readonly type: number;
  readonly name: string;
  readonly queueCount: number;
  readonly status: number;
  readonly offered: bigint;
  readonly accepted: bigint;
  readonly isr: number | null;
  readonly broken: boolean;
  readonly started: boolean;
  readonly running: boolean;
  /** Names of features that are not known here. */
  readonly strange: readonly string[];
}

export interface QemuQueue {
  readonly index: number;
  readonly size: number;
  readonly descriptorsAt: bigint;
  readonly availAt: bigint;
  readonly usedAt: bigint;
  readonly device: DeviceSide;
}

export function parseDevices(answer: unknown): QemuDevice[] | undefined {
  const parsed = ListSchema.safeParse(answer);
  return parsed.success ? parsed.data.slice(0, MAX_DEVICES).sort((a, b) => (a.path < b.path ? -1 : 1)) : undefined;
}

export function parseStatus(answer: unknown): QemuStatus | undefined {
  const parsed = StatusSchema.safeParse(answer);
  if (!parsed.success) return undefined;
  const it = parsed.data;
  const type = it['device-id'];
  const features = (list: z.infer<typeof FeaturesSchema>) =>
    parseFeatureNames(type, [...list.transports, ...list['dev-features']], BigInt(list['unknown-dev-features']));
  const [offered, accepted] = [features(it['host-features']), features(it['guest-features'])];
  return {
    type,
    name: it.name,
    queueCount: Math.min(it['num-vqs'], MAX_QUEUES),
    status: (parseStatusNames(it.status.statuses) | it.status['unknown-statuses']) & 0xff,
    offered: offered.bits,
    accepted: accepted.bits,
    isr: it.isr,
    broken: it.broken,
    started: it.started,
    running: it['vm-running'],
    strange: [...new Set([...offered.strange, ...accepted.strange])],
  };
}

export function parseQueue(answer: unknown): QemuQueue | undefined {
  const parsed = QueueStatusSchema.safeParse(answer);
  if (!parsed.success) return undefined;
  const it = parsed.data;
  const address = (value: number | bigint) => BigInt.asUintN(64, BigInt(value));
  return {
    index: it['queue-index'],
    size: it['vring-num'],
    descriptorsAt: address(it['vring-desc']),
    availAt: address(it['vring-avail']),
    usedAt: address(it['vring-used']),
    device: {
      lastAvail: it['last-avail-idx'],
      shadowAvail: it['shadow-avail-idx'],
      used: it['used-idx'],
      signalledUsed: it['signalled-used-valid'] ? it['signalled-used'] : null,
      inFlight: it.inuse,
    },
  };
}

/** What people call a device: the id that its maker gave it, else its type. */
export function deviceId({ path, name }: QemuDevice): string {
  return /^\/machine\/peripheral\/([^/]+)/.exec(path)?.[1] ?? name;
}

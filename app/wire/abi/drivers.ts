import { formatAddress } from '../../base/address.ts';
import { ByteView } from '../../base/bytes.ts';
import { ok, type Result } from '../../base/result.ts';
import type { DriverRegistry } from '../../contract/records.ts';
import { countOf, nameOf, readHeader } from './header.ts';

/** Offsets in bytes: kernel/abi/src/driver.rs, `DriverRegistry`, `DriverEntry`, `QueueEntry`. */
const REGISTRY = { count: 16, devices: 24 } as const;
const DEVICE = {
  bytes: 312,
  nameBytes: 16,
  transport: 16,
  deviceClass: 18,
  status: 20,
  location: 24,
  featuresOffered: 32,
  featuresAccepted: 40,
  queueCount: 48,
  queues: 56,
} as const;
const QUEUE = {
  bytes: 64,
  index: 0,
  size: 2,
  deviceSize: 4,
  layout: 6,
  desc: 8,
  avail: 16,
  used: 24,
  nextAvail: 32,
  lastUsed: 34,
  free: 36,
  vector: 38,
  notifications: 40,
  completed: 48,
} as const;
const MAX_DEVICES = 8;
const MAX_QUEUES = 4;
const TRANSPORTS = ['none', 'pci-modern', 'pci-legacy', 'mmio'] as const;

export const DRIVER_REGISTRY_BYTES = REGISTRY.devices + MAX_DEVICES * DEVICE.bytes;

/** Where in the registry a queue's `last_used` stands, for those who look at it alone, a thousand times a second. */
export function lastUsedOffset(device: number, queue: number): number {
  return REGISTRY.devices + device * DEVICE.bytes + DEVICE.queues + queue * QUEUE.bytes + QUEUE.lastUsed;
}

/**
 * What changes in the registry when a queue is set up or taken down, and not while it works: for those who wait for queues. Undefined
 * if it is no registry.
 */
export function registryShape(bytes: Uint8Array): string | undefined {
  const view = new ByteView(bytes);
  if (bytes.length < DRIVER_REGISTRY_BYTES || !readHeader(view, 'drivers', DRIVER_REGISTRY_BYTES).ok) return undefined;
  const devices = Math.min(view.u32(REGISTRY.count), MAX_DEVICES);
  let shape = `${devices}`;
  for (let device = 0; device < devices; device++) {
    const at = REGISTRY.devices + device * DEVICE.bytes;
    const queues = Math.min(view.u32(at + DEVICE.queueCount), MAX_QUEUES);
    shape += `/${queues}`;
    for (let queue = 0; queue < queues; queue++) {
      const here = at + DEVICE.queues + queue * QUEUE.bytes;
      shape += ` ${view.u16(here + QUEUE.size)} ${view.u64(here + QUEUE.desc)} ${view.u64(here + QUEUE.used)}`;
    }
  }
  return shape;
}

/**
 * Decodes `RING0_DRIVER_REGISTRY`. Torn reads: `count` is raised after an entry is whole; counters of a running queue are each
 * whole, but not of one moment.
 */
export function decodeDriverRegistry(bytes: Uint8Array): Result<DriverRegistry> {
  const view = new ByteView(bytes);
  const header = readHeader(view, 'drivers', DRIVER_REGISTRY_BYTES);
  if (!header.ok) return header;
  const problems: string[] = [];
  const claimed = view.u32(REGISTRY.count);
  if (claimed > MAX_DEVICES) problems.push(`count is ${claimed}, the registry holds ${MAX_DEVICES}`);
  const devices = Array.from({ length: Math.min(claimed, MAX_DEVICES) }, (_, n) =>
    decodeDevice(view, REGISTRY.devices + n * DEVICE.bytes, problems),
  );
  return ok({ version: header.value.version, devices, problems });
}

function decodeDevice(view: ByteView, at: number, problems: string[]) {
  const name = view.paddedText(at, DEVICE.nameBytes);
  const transport = nameOf(TRANSPORTS, view.u16(at + DEVICE.transport), `${name}: transport`, problems);
  const location = view.u64(at + DEVICE.location);
  const claimed = view.u32(at + DEVICE.queueCount);
  if (claimed > MAX_QUEUES) problems.push(`${name}: queue_count is ${claimed}, an entry holds ${MAX_QUEUES}`);
  return {
    name,
    transport,
    deviceClass: nameOf(['none', 'network', 'block'], view.u16(at + DEVICE.deviceClass), `${name}: class`, problems),
    status: view.u32(at + DEVICE.status),
    location: transport === 'pci-modern' || transport === 'pci-legacy' ? pciName(location) : formatAddress(location),
    featuresOffered: formatAddress(view.u64(at + DEVICE.featuresOffered)),
    featuresAccepted: formatAddress(view.u64(at + DEVICE.featuresAccepted)),
    queues: Array.from({ length: Math.min(claimed, MAX_QUEUES) }, (_, n) =>
      decodeQueue(view, at + DEVICE.queues + n * QUEUE.bytes, name, problems),
    ),
  };
}

function decodeQueue(view: ByteView, at: number, device: string, problems: string[]) {
  const index = view.u16(at + QUEUE.index);
  const field = (name: string) => `${device} queue ${index}: ${name}`;
  const vector = view.u16(at + QUEUE.vector);
  return {
    index,
    size: view.u16(at + QUEUE.size),
    deviceSize: view.u16(at + QUEUE.deviceSize),
    layout: nameOf(['split', 'packed'], view.u16(at + QUEUE.layout), field('layout'), problems),
    descGpa: formatAddress(view.u64(at + QUEUE.desc)),
    availGpa: formatAddress(view.u64(at + QUEUE.avail)),
    usedGpa: formatAddress(view.u64(at + QUEUE.used)),
    nextAvail: view.u16(at + QUEUE.nextAvail),
    lastUsed: view.u16(at + QUEUE.lastUsed),
    freeDescriptors: view.u16(at + QUEUE.free),
    vector: vector === 0 ? null : vector,
    notifications: countOf(view.u64(at + QUEUE.notifications), field('notifications'), problems),
    completed: countOf(view.u64(at + QUEUE.completed), field('completed'), problems),
  };
}

/** `segment << 16 | bus << 8 | device << 3 | function` as lspci writes it; the segment only where it is not zero. */
function pciName(location: bigint): string {
  const address = Number(location & 0xffff_ffffn);
  const hex = (value: number, width: number) => value.toString(16).padStart(width, '0');
  const segment = address >>> 16;
  const name = `${hex((address >>> 8) & 0xff, 2)}:${hex((address >>> 3) & 0x1f, 2)}.${address & 7}`;
  return segment === 0 ? name : `${hex(segment, 4)}:${name}`;
}

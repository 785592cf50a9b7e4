import type { Result } from '../../../../app/base/result.ts';
import type { DriverRegistry } from '../../../../app/contract/index.ts';
import type { DriverHints, DriverSide } from '../../../../app/contract/inspect/virtio.ts';
import { readU16, readU64 } from '../../../../app/virtio/memory.ts';
import type { QueueFacts } from '../../../../app/virtio/queue-view.ts';
import type { LinearMemory } from '../../../../app/x86/memory.ts';
import type { SeenDevice } from './seen.ts';

/** What of a device a driver's entry is found by. */
export interface DeviceName {
  readonly id: string;
  readonly name: string;
  readonly type: number;
  /** `00:04.0` or an address; empty where it is not known. */
  readonly location: string;
}

type Entry = DriverRegistry['devices'][number];

const CLASSES: Readonly<Record<number, string>> = { 1: 'network', 2: 'block' };

/** The entry of a device's driver: by its place, else the only one of its kind. */
export function entryOf(
  registry: DriverRegistry | null,
  device: DeviceName,
): { entry: Entry; number: number } | undefined {
  if (registry === null) return undefined;
  const numbered = registry.devices.map((entry, number) => ({ entry, number }));
  const here = numbered.find(({ entry }) => entry.location === device.location);
  if (here !== undefined) return here;
  const alike = numbered.filter(({ entry }) => entry.deviceClass === CLASSES[device.type]);
  return device.location === '' && alike.length === 1 ? alike[0] : undefined;
}

/** What a queue's driver says now, where the look only knows what it said then. @param drivers the registry, read anew */
export function driverNow(
  drivers: Result<DriverRegistry>,
  { entry }: Pick<SeenDevice, 'entry'>,
  { index, driver }: Pick<QueueFacts, 'index' | 'driver'>,
): DriverSide | null {
  const found = drivers.ok && entry !== null ? drivers.value.devices[entry] : undefined;
  return found === undefined || driver?.source === 'symbols' ? driver : registrySide(found, index);
}

/** One queue of a driver's entry. */
export function registrySide(entry: Entry, index: number): DriverSide | null {
  const queue = entry.queues.find((it) => it.index === index && it.size > 0);
  if (queue === undefined) return null;
  return {
    source: 'registry',
    size: queue.size,
    descriptors: queue.descGpa,
    avail: queue.availGpa,
    used: queue.usedGpa,
    nextAvail: queue.nextAvail,
    lastUsed: queue.lastUsed,
    free: queue.freeDescriptors,
    vector: queue.vector,
    notifications: queue.notifications,
    completed: queue.completed,
  };
}

/**
 * Variables that a person named, for this queue; what cannot be read is told in `problems`.
 * @param symbol a symbol's address, or why it is not known
 */
export function hintedSide(
  hints: DriverHints,
  memory: LinearMemory,
  symbol: (name: string) => bigint | string,
  problems: string[],
): DriverSide {
  const value = (place: string | undefined) => {
    if (place === undefined) return null;
    if (isNumber(place)) return Number(place);
    const found = readPlace(place, memory, symbol);
    if (typeof found === 'number') return found;
    problems.push(found);
    return null;
  };
  return {
    source: 'symbols',
    size: value(hints.size),
    descriptors: null,
    avail: null,
    used: null,
    nextAvail: null,
    lastUsed: value(hints.lastUsed),
    free: null,
    vector: null,
    notifications: null,
    completed: null,
  };
}

/** A driver may keep no index at all, or a size that is in its code: then a person gives the number. */
export const isNumber = (place: string) => /^\d+$/.test(place);

/** The 16 bits at a place, or why not. */
export function readPlace(
  place: string,
  memory: LinearMemory,
  symbol: (name: string) => bigint | string,
): number | string {
  const address = addressOfPlace(place, memory, symbol);
  if (typeof address === 'string') return address;
  const bytes = memory.read(address, 2);
  return bytes === undefined ? `${place}: 0x${address.toString(16)} is not mapped` : readU16(bytes, 0);
}

/** The linear address of a place, `NAME+OFFSET->OFFSET`, its pointers followed, or why there is none. */
export function addressOfPlace(
  place: string,
  memory: LinearMemory,
  symbol: (name: string) => bigint | string,
): bigint | string {
  const [base = '', ...steps] = place.split('->');
  const [name = '', offset = '0'] = base.split('+');
  const start = /^0x[0-9a-f]{1,16}$/i.test(name) ? BigInt(name) : symbol(name);
  if (typeof start === 'string') return `${place}: ${start}`;
  let address = BigInt.asUintN(64, start + BigInt(offset));
  for (const step of steps) {
    const pointer = memory.read(address, 8);
    if (pointer === undefined) return `${place}: the pointer at 0x${address.toString(16)} is not mapped`;
    address = BigInt.asUintN(64, readU64(pointer, 0) + BigInt(step));
  }
  return address;
}

import { lastUsedOffset } from '../../../../app/wire/abi/index.ts';
import type { GuestMemory } from '../../../../app/x86/memory.ts';
import { registryIn } from './registry-place.ts';
import { type Look, queueKey, type SeenDevice } from './seen.ts';

/**
 * Where each queue's driver keeps its own index into the used ring, by `queueKey`, guest-physical: to be read beside the rings, since of
 * a queue in motion an older one makes chains look returned that the driver has long taken back.
 */
export function lastUsedPlaces(memory: GuestMemory, look: Look): ReadonlyMap<string, bigint> {
  const { paging, registryAt } = look;
  const registry = paging === null || registryAt === null ? null : registryIn(memory, paging, registryAt);
  const places = new Map<string, bigint>();
  for (const device of look.devices)
    for (const { index } of device.queues) {
      const key = queueKey(device.device.path, index);
      const named = look.named.get(key);
      const place =
        named === undefined ? placeOfLastUsed(registry, device, index, look.slots) : named.lastUsedAt(memory);
      if (place !== null) places.set(key, place);
    }
  return places;
}

/** @param registry guest-physical address of our kernel's driver registry */
export function placeOfLastUsed(
  registry: bigint | null,
  { entry }: SeenDevice,
  queue: number,
  slots: Look['slots'],
): bigint | null {
  const slot = slots.get(`${entry} ${queue}`);
  return registry === null || entry === null || slot === undefined
    ? null
    : registry + BigInt(lastUsedOffset(entry, slot));
}

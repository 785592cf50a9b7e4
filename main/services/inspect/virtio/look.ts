import { ok, type Result } from '../../../../app/base/result.ts';
import type { DriverRegistry } from '../../../../app/contract/index.ts';
import type { DriverHints, VirtioQuestion, VirtioReport } from '../../../../app/contract/inspect/virtio.ts';
import { typeName } from '../../../../app/virtio/device-types.ts';
import { featureList } from '../../../../app/virtio/features.ts';
import { isRam } from '../../../../app/virtio/memory.ts';
import { statusNames } from '../../../../app/virtio/status.ts';
import { judge } from '../../../../app/virtio/verdict/index.ts';
import { RECORDS } from '../../../../app/wire/abi/index.ts';
import type { Elf } from '../../../../app/wire/elf.ts';
import { type GuestMemory, linearMemory } from '../../../../app/x86/memory.ts';
import { type PagingRegisters, translate } from '../../../../app/x86/paging.ts';
import { readDrivers } from '../records.ts';
import { findSymbol } from '../resolve.ts';
import { type InspectTarget, pagingOf } from '../target.ts';
import { addressOfPlace, type DeviceName, entryOf, hintedSide, isNumber, registrySide } from './driver-side.ts';
import { type GatheredDevice, Gatherer } from './gather.ts';
import { lookAtProcessors } from './processors.ts';
import { ringsNow } from './rings-now.ts';
import { type Look, type NamedSide, queueKey, type SeenDevice, type WholeDevice } from './seen.ts';

/** Looks at the virtio devices of one target, now and again. */
export class VirtioLooker {
  readonly #target: InspectTarget;
  readonly #gatherer: Gatherer;

  constructor(target: InspectTarget) {
    this.#target = target;
    this.#gatherer = new Gatherer(target);
  }

  async look(hints: readonly DriverHints[], withPci: boolean): Promise<Result<Look>> {
    const [gathered, drivers, paging, processors, image] = await Promise.all([
      this.#gatherer.gather(withPci),
      readDrivers(this.#target),
      pagingOf(this.#target),
      withPci ? lookAtProcessors(this.#target) : [],
      this.#target.image(),
    ]);
    const registry = drivers.ok ? drivers.value : null;
    if (!gathered.ok && registry === null) return gathered;
    const problems = [
      ...(gathered.ok ? gathered.value.problems : [`${gathered.error.what} ${gathered.error.why}`.trim()]),
      // Of a kernel without a registry, or not there yet, nothing is missed.
      ...(!drivers.ok && drivers.error.code === 'bad-record' ? [`${drivers.error.what} ${drivers.error.why}`] : []),
    ];
    const common = {
      at: Date.now(),
      atMs: performance.now(),
      processors,
      paging: paging.ok ? paging.value : null,
      registryAt: (image.ok ? image.value.elf.symbol(RECORDS.drivers.symbol)?.address : undefined) ?? null,
      slots: slotsOf(registry),
    };
    if (!gathered.ok && registry !== null)
      return ok({
        ...common,
        named: new Map(),
        source: 'registry',
        running: false,
        devices: registry.devices.map(ofRegistry),
        problems,
      });
    const devices = gathered.ok ? gathered.value.devices : [];
    const named = await this.#named(hints, devices, common.paging, problems);
    return ok({
      ...common,
      named,
      source: 'qemu',
      running: this.#target.kind === 'live' && devices.every((it) => it.status.running),
      devices: devices.map((it): SeenDevice => {
        const { status, seat } = it;
        const name: DeviceName = { id: it.id, name: status.name, type: status.type, location: seat?.location ?? '' };
        const entry = entryOf(registry, name);
        return {
          device: {
            path: it.path,
            ...name,
            typeName: typeName(status.type),
            transport: seat?.transport ?? 'unknown',
            status: { value: status.status, names: statusNames(status.status) },
            offered: `0x${status.offered.toString(16)}`,
            accepted: `0x${status.accepted.toString(16)}`,
            features: featureList(status.type, status.offered, status.accepted),
            isr: status.isr,
            broken: status.broken,
            started: status.started,
            pci: it.pci,
          },
          accepted: status.accepted,
          queues: it.queues.map((queue) => ({
            ...queue,
            driver:
              named.get(queueKey(it.path, queue.index))?.side ??
              (entry === undefined ? null : registrySide(entry.entry, queue.index)),
          })),
          entry: entry?.number ?? null,
        };
      }),
      problems: [...problems, ...(registry?.problems ?? [])],
    });
  }

  /** What the variables that a person has named say of their queues, by `queueKey`. */
  async #named(
    hints: readonly DriverHints[],
    devices: readonly GatheredDevice[],
    paging: PagingRegisters | null,
    problems: string[],
  ): Promise<ReadonlyMap<string, NamedSide>> {
    const meant = hints.flatMap((hint) => {
      const device = devices.find((it) => [it.id, it.path, it.status.name].includes(hint.device ?? it.id));
      if (device?.queues.some(({ index }) => index === hint.queue))
        return [{ key: queueKey(device.path, hint.queue), hint }];
      if (device !== undefined) problems.push(`${device.id} has no queue ${hint.queue}`);
      else if (hint.device !== undefined) problems.push(`there is no device ${hint.device}`);
      return [];
    });
    if (paging === null || meant.length === 0) return new Map();
    const image = await this.#target.image();
    const symbol = (name: string) => {
      if (!image.ok) return image.error.what;
      return addressOf(image.value.elf, name);
    };
    const sides = await this.#target.look((memory) => {
      const linear = linearMemory(memory, paging);
      return meant.map(({ key, hint }) => {
        // Where memory must be asked for, this runs again: only the last run's problems count.
        const why: string[] = [];
        return { key, hint, side: hintedSide(hint, linear, symbol, why), why };
      });
    });
    if (!sides.ok) return new Map();
    problems.push(...new Set(sides.value.flatMap(({ why }) => why)));
    const lastUsedAt =
      ({ lastUsed }: DriverHints) =>
      (memory: GuestMemory) => {
        if (lastUsed === undefined || isNumber(lastUsed)) return null;
        const at = addressOfPlace(lastUsed, linearMemory(memory, paging), symbol);
        // The last byte of a page: the second one is elsewhere.
        if (typeof at === 'string' || (at & 0xfffn) === 0xfffn) return null;
        return physicalOf(memory, paging, at) ?? null;
      };
    return new Map(sides.value.map(({ key, hint, side }) => [key, { side, lastUsedAt: lastUsedAt(hint) }]));
  }

  /** Verdicts on a look, and on the one before it. */
  async judge(
    now: { readonly look: Look; readonly devices: readonly WholeDevice[] },
    before: { readonly look: Look; readonly devices: readonly WholeDevice[] } | null,
  ): Promise<Result<VirtioReport>> {
    const { look } = now;
    const apartMs = before === null ? 0 : look.atMs - before.look.atMs;
    const processors = look.processors.map((it) => ({
      ...it,
      ripBefore: before?.look.processors.find((other) => other.index === it.index)?.rip ?? null,
    }));
    const judged = await this.#target.look((memory) =>
      now.devices.map((device) => ({
        ...device,
        verdicts: judge({
          device,
          before: before?.devices.find((it) => it.path === device.path) ?? null,
          apartMs,
          processors,
          running: look.running,
          toPhysical: (address) => physicalOf(memory, look.paging, address),
          isRam: (address, size) => isRam(memory, address, size),
        }),
      })),
    );
    if (!judged.ok) return judged;
    return ok({
      at: look.at,
      apartMs,
      source: look.source,
      devices: judged.value,
      problems: [...look.problems],
    });
  }
}

const MAX_NAMES = 64;
const addresses = new WeakMap<Elf, Map<string, bigint | string>>();

/** A symbol's address, or why it is not known. Kept, since a pane asks once a second and a path is compared with every symbol's. */
function addressOf(elf: Elf, name: string): bigint | string {
  const known = addresses.get(elf) ?? new Map<string, bigint | string>();
  const kept = known.get(name);
  if (kept !== undefined) return kept;
  const found = findSymbol(elf, name);
  const address = found.ok ? found.value.address : `${found.error.what} ${found.error.why}`;
  if (known.size >= MAX_NAMES) known.clear();
  addresses.set(elf, known.set(name, address));
  return address;
}

function slotsOf(registry: DriverRegistry | null): Map<string, number> {
  const slots = new Map<string, number>();
  for (const [entry, { queues }] of (registry?.devices ?? []).entries())
    for (const [slot, { index, size }] of queues.entries()) if (size > 0) slots.set(`${entry} ${index}`, slot);
  return slots;
}

function physicalOf(memory: GuestMemory, paging: PagingRegisters | null, address: bigint): bigint | undefined {
  if (paging === null) return undefined;
  const walked = translate(paging, (at, size) => memory.read(at, size), address);
  return walked.kind === 'mapped' ? walked.physical : undefined;
}

/** A device of a dump of which nothing was recorded but memory: its driver's word is all there is. */
function ofRegistry(entry: DriverRegistry['devices'][number], number: number): SeenDevice {
  const type = entry.deviceClass === 'network' ? 1 : entry.deviceClass === 'block' ? 2 : 0;
  const transport = { 'pci-modern': 'pci-modern', 'pci-legacy': 'pci-legacy', mmio: 'mmio' } as const;
  const accepted = BigInt(entry.featuresAccepted);
  return {
    device: {
      path: `registry/${entry.name}`,
      id: entry.name,
      name: type === 1 ? 'virtio-net' : type === 2 ? 'virtio-blk' : 'virtio',
      type,
      typeName: typeName(type),
      transport: transport[entry.transport as keyof typeof transport] ?? 'unknown',
      location: entry.location,
      status: { value: entry.status & 0xff, names: statusNames(entry.status & 0xff) },
      offered: entry.featuresOffered,
      accepted: entry.featuresAccepted,
      features: featureList(type, BigInt(entry.featuresOffered), accepted),
      isr: null,
      broken: false,
      started: (entry.status & 4) !== 0,
      pci: null,
    },
    accepted,
    queues: entry.queues
      .filter((it) => it.size > 0)
      .map((queue) => ({
        index: queue.index,
        size: queue.deviceSize || queue.size,
        descriptorsAt: BigInt(queue.descGpa),
        availAt: BigInt(queue.availGpa),
        usedAt: BigInt(queue.usedGpa),
        device: null,
        driver: registrySide(entry, queue.index),
      })),
    entry: number,
  };
}

/** The whole answer to `inspect.virtio`: one look, or two with a time between them. */
export async function readVirtio(
  target: InspectTarget,
  { apartMs, hints }: VirtioQuestion,
): Promise<Result<VirtioReport>> {
  const looker = new VirtioLooker(target);
  const once = async () => {
    const look = await looker.look(hints, true);
    if (!look.ok) return look;
    const devices = await ringsNow(target, look.value);
    return devices.ok ? ok({ look: look.value, devices: devices.value }) : devices;
  };
  const first = await once();
  if (!first.ok) return first;
  if (apartMs === 0 || target.still) return looker.judge(first.value, null);
  await new Promise((resolve) => setTimeout(resolve, apartMs));
  const second = await once();
  return second.ok ? looker.judge(second.value, first.value) : second;
}

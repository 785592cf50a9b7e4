import { fail, ok, type Result } from '../../../../app/base/result.ts';
import type { VirtioPci } from '../../../../app/contract/inspect/virtio.ts';
import { busOf, placeText } from '../../../../app/pci/bridges.ts';
import { COMMON_FIELDS, type CommonFields, decodePci, pciPlaces, VIRTIO_VENDOR } from '../../../../app/virtio/pci.ts';
import {
  deviceId,
  parseDevices,
  parseQueue,
  parseStatus,
  type QemuDevice,
  type QemuQueue,
  type QemuStatus,
} from '../../../../app/virtio/qemu.ts';
import { parseSeats, type Seat } from '../../../../app/virtio/topology.ts';
import { type PciFunction, parseHalf, parsePci } from '../../../../app/wire/qemu-irq.ts';
import { readBytes, readConfiguration } from '../pci-config.ts';
import type { InspectTarget } from '../target.ts';
import { type PciMap, pciOfMap, placeOf, readPciMap } from './pci-map.ts';

/** A device by QEMU's word. */
export interface GatheredDevice {
  readonly path: string;
  readonly id: string;
  readonly status: QemuStatus;
  readonly seat: Seat | undefined;
  readonly pci: VirtioPci | null;
  readonly queues: readonly QemuQueue[];
}

export interface Gathered {
  readonly devices: readonly GatheredDevice[];
  readonly problems: readonly string[];
}

const NO_SEATS: ReadonlyMap<string, Seat> = new Map();

/** Asks QEMU about virtio devices. Their seats do not change while a machine runs, so they are asked for once. */
export class Gatherer {
  readonly #target: InspectTarget;
  #seats = NO_SEATS;
  #seatsOf = '';

  constructor(target: InspectTarget) {
    this.#target = target;
  }

  /** @param withPci asks for configuration spaces and MSI-X tables too, which is a handful of questions a device */
  async gather(withPci: boolean): Promise<Result<Gathered>> {
    const answer = await this.#target.query('x-query-virtio');
    if (!answer.ok) return answer;
    const list = parseDevices(answer.value);
    if (list === undefined)
      return fail(
        'no-virtio-answer',
        'QEMU does not tell of its virtio devices.',
        'its answer to x-query-virtio has another form than that of QEMU 7.2 to 10',
        'Use QEMU 7.2 or later; report this with its version.',
      );
    await this.#findSeats(list);
    const problems: string[] = [];
    // All questions at once: QEMU answers in order, and nobody waits in between.
    // Asked once for all, and only of a machine that does not show configuration space.
    let asked: Promise<PciMap> | undefined;
    const map = () => {
      asked ??= readPciMap(this.#target);
      return asked;
    };
    const functions = await this.#functions();
    const devices = await Promise.all(list.map((it) => this.#device(it, functions, withPci ? map : null, problems)));
    return ok({ devices: devices.filter((it): it is GatheredDevice => it !== undefined), problems });
  }

  async #findSeats(list: readonly QemuDevice[]): Promise<void> {
    const key = list.map((it) => it.path).join('\n');
    if (key === this.#seatsOf) return;
    const qtree = await this.#target.monitor('info qtree');
    if (!qtree.ok) return;
    this.#seats = parseSeats(qtree.value, list);
    this.#seatsOf = key;
  }

  /** Numbers of buses are the guest's, and may change: asked each time, where there is a device behind a bridge. */
  async #functions(): Promise<readonly PciFunction[]> {
    if ([...this.#seats.values()].every(({ way }) => way === null)) return [];
    const pci = await this.#target.monitor('info pci');
    return pci.ok ? parsePci(pci.value) : [];
  }

  async #device(
    device: QemuDevice,
    functions: readonly PciFunction[],
    map: (() => Promise<PciMap>) | null,
    problems: string[],
  ): Promise<GatheredDevice | undefined> {
    const { path } = device;
    const answer = await this.#target.query('x-query-virtio-status', { path });
    const status = answer.ok ? parseStatus(answer.value) : undefined;
    if (status === undefined) {
      problems.push(
        `${deviceId(device)}: ${answer.ok ? 'QEMU tells its status in a form that is not known' : answer.error.why}`,
      );
      return undefined;
    }
    if (status.strange.length > 0)
      problems.push(`${deviceId(device)}: features that this studio does not know: ${status.strange.join(', ')}`);
    const seat = seatBehindBridges(this.#seats.get(path), functions, deviceId(device), problems);
    const [queues, pci] = await Promise.all([
      Promise.all(Array.from({ length: status.queueCount }, (_, queue) => askQueue(this.#target, path, queue))),
      map !== null && seat !== undefined ? this.#pci(seat, map) : null,
    ]);
    const found = queues.filter((it): it is QemuQueue => it !== undefined);
    return { path, id: deviceId(device), status, seat, pci, queues: found };
  }

  async #pci({ location, type, ecam }: Seat, map: () => Promise<PciMap>): Promise<VirtioPci | null> {
    const place = placeOf(location);
    if (place === undefined) return null;
    const found = await readConfiguration(this.#target, place, ecam, VIRTIO_VENDOR);
    const common = (at: bigint) => this.#common(at);
    if (found === undefined) return pciOfMap(this.#target, await map(), location, type, common);
    const places = pciPlaces(found.bytes);
    if (places === undefined) return null;
    const { msixTable, commonAt } = places;
    const [table, pending, fields] = await Promise.all([
      msixTable === null ? undefined : this.#bytes(msixTable.at, msixTable.bytes),
      msixTable === null ? undefined : this.#bytes(msixTable.pendingAt, msixTable.pendingBytes),
      commonAt === null ? undefined : common(commonAt),
    ]);
    return decodePci(found.bytes, table, pending, fields, found.from);
  }

  async #common(at: bigint): Promise<CommonFields> {
    const field = async (offset: bigint) => {
      const answer = await this.#target.monitor(`xp /1xh 0x${(at + offset).toString(16)}`);
      return answer.ok ? parseHalf(answer.value) : null;
    };
    const [configVector, selectedQueue, selectedVector] = await Promise.all([
      field(COMMON_FIELDS.configVector),
      field(COMMON_FIELDS.selectedQueue),
      field(COMMON_FIELDS.selectedVector),
    ]);
    return { configVector, selectedQueue, selectedVector };
  }

  async #bytes(at: bigint, bytes: number): Promise<Uint8Array | undefined> {
    const read = await readBytes(this.#target, at, bytes);
    return read.length === bytes ? read : undefined;
  }
}

/** The seat with the location that the bridges before it give it now; if none, `problems` tells why. */
function seatBehindBridges(
  seat: Seat | undefined,
  functions: readonly PciFunction[],
  id: string,
  problems: string[],
): Seat | undefined {
  if (seat === undefined || seat.way === null) return seat;
  const { slot } = seat.way;
  const found = busOf(seat.way, functions);
  const why =
    'why' in found
      ? found.why
      : functions.some((it) => it.bus === found.bus && it.device === slot.device && it.function === slot.function)
        ? undefined
        : `nothing answers at ${placeText(found.bus, slot)}`;
  if (why !== undefined || 'why' in found) {
    problems.push(`${id} has no location: ${why}`);
    return seat;
  }
  return { ...seat, location: placeText(found.bus, slot) };
}

/** How far the device is in one queue. */
export async function askQueue(target: InspectTarget, path: string, queue: number): Promise<QemuQueue | undefined> {
  const answer = await target.query('x-query-virtio-queue-status', { path, queue });
  return answer.ok ? parseQueue(answer.value) : undefined;
}

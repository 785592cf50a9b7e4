/** Queues made by hand, for tests: a small guest memory, and a driver and a device that keep or break the rules in it. */
import type { DeviceSide, DriverSide, VirtioDevice, VirtioQueue } from '../contract/inspect/virtio.ts';
import { featureList } from './features.ts';
import type { Memory } from './memory.ts';
import { type QueueFacts, readQueue } from './queue-view.ts';
import { DESCRIPTOR_BYTES } from './split-ring.ts';
import { STATUS, statusNames } from './status.ts';
import type { Evidence } from './verdict/index.ts';

export const RAM_START = 0x10_0000n;
const RAM_BYTES = 0x8_0000;

/** Guest memory of 512 KiB at 1 MiB. */
export class SampleMemory implements Memory {
  readonly bytes = new Uint8Array(RAM_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  readonly regions = [{ start: RAM_START, bytes: BigInt(RAM_BYTES) }];
  reads = 0;

  read(address: bigint, size: number): Uint8Array | undefined {
    this.reads += 1;
    const at = Number(address - RAM_START);
    return address < RAM_START || at + size > RAM_BYTES ? undefined : this.bytes.slice(at, at + size);
  }

  u16(address: bigint, value: number): void {
    this.view.setUint16(Number(address - RAM_START), value, true);
  }
  u32(address: bigint, value: number): void {
    this.view.setUint32(Number(address - RAM_START), value, true);
  }
  u64(address: bigint, value: bigint): void {
    this.view.setBigUint64(Number(address - RAM_START), value, true);
  }
  put(address: bigint, bytes: Iterable<number>): void {
    this.bytes.set([...bytes], Number(address - RAM_START));
  }
}

export type SampleDescriptor = readonly [address: bigint, length: number, flags: number, next?: number];

/** A split queue in a guest's memory. */
export class SampleQueue {
  readonly memory: SampleMemory;
  readonly size: number;
  readonly descriptorsAt = RAM_START;
  readonly availAt: bigint;
  readonly usedAt: bigint;
  lastAvail = 0;
  lastUsed = 0;

  constructor(size = 8, memory = new SampleMemory()) {
    this.memory = memory;
    this.size = size;
    this.availAt = this.descriptorsAt + BigInt(DESCRIPTOR_BYTES * size);
    this.usedAt = (this.availAt + BigInt(6 + 2 * size) + 4095n) & ~4095n;
  }

  descriptor(index: number, [address, length, flags, next = 0]: SampleDescriptor, table = this.descriptorsAt): void {
    const at = table + BigInt(index * DESCRIPTOR_BYTES);
    this.memory.u64(at, address);
    this.memory.u32(at + 8n, length);
    this.memory.u16(at + 12n, flags);
    this.memory.u16(at + 14n, next);
  }

  get avail(): number {
    return this.memory.view.getUint16(Number(this.availAt + 2n - RAM_START), true);
  }
  set avail(value: number) {
    this.memory.u16(this.availAt + 2n, value & 0xffff);
  }
  get used(): number {
    return this.memory.view.getUint16(Number(this.usedAt + 2n - RAM_START), true);
  }
  set used(value: number) {
    this.memory.u16(this.usedAt + 2n, value & 0xffff);
  }
  set availFlags(value: number) {
    this.memory.u16(this.availAt, value);
  }
  set usedFlags(value: number) {
    this.memory.u16(this.usedAt, value);
  }
  set usedEvent(value: number) {
    this.memory.u16(this.availAt + BigInt(4 + 2 * this.size), value & 0xffff);
  }
  set availEvent(value: number) {
    this.memory.u16(this.usedAt + BigInt(4 + 8 * this.size), value & 0xffff);
  }

  /** The driver publishes a head. @param modulo the size that it assumes */
  publish(head: number, modulo = this.size): void {
    this.memory.u16(this.availAt + 4n + 2n * BigInt(this.avail % modulo), head);
    this.avail += 1;
  }

  /** The device takes so many chains. */
  take(count = 1): void {
    this.lastAvail = (this.lastAvail + count) & 0xffff;
  }

  /** The device gives a chain back. */
  use(id: number, length = 0): void {
    const at = this.usedAt + 4n + 8n * BigInt(this.used % this.size);
    this.memory.u32(at, id);
    this.memory.u32(at + 4n, length);
    this.used += 1;
  }

  facts(change: Partial<QueueFacts> = {}): QueueFacts {
    return {
      index: 0,
      size: this.size,
      descriptorsAt: this.descriptorsAt,
      availAt: this.availAt,
      usedAt: this.usedAt,
      device: this.deviceSide(),
      driver: this.driverSide(),
      ...change,
    };
  }

  deviceSide(): DeviceSide {
    return {
      lastAvail: this.lastAvail,
      shadowAvail: this.avail,
      used: this.used,
      signalledUsed: this.used,
      inFlight: (this.lastAvail - this.used) & 0xffff,
    };
  }

  driverSide(change: Partial<DriverSide> = {}): DriverSide {
    return {
      source: 'registry',
      size: this.size,
      descriptors: `0x${this.descriptorsAt.toString(16)}`,
      avail: `0x${this.availAt.toString(16)}`,
      used: `0x${this.usedAt.toString(16)}`,
      nextAvail: this.avail,
      lastUsed: this.lastUsed,
      free: null,
      vector: 0x40,
      notifications: 1,
      completed: this.lastUsed,
      ...change,
    };
  }

  /** As the studio sees it, for a device of this type (2: block). */
  look(change: Partial<QueueFacts> = {}, type = 2, features = VERSION_1): VirtioQueue {
    return readQueue(this.memory, { type, queueCount: 1, features }, this.facts(change));
  }
}

export const VERSION_1 = 1n << 32n;
export const EVENT_IDX = 1n << 29n;
export const INDIRECT_DESC = 1n << 28n;

/** A healthy block device with one queue. */
export function sampleDevice(
  queue: VirtioQueue,
  change: Partial<VirtioDevice> = {},
  features = VERSION_1,
): Omit<VirtioDevice, 'verdicts'> {
  const value = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK | STATUS.DRIVER_OK;
  const hex = `0x${features.toString(16)}`;
  return {
    path: '/machine/peripheral/model0/virtio-backend',
    id: 'model0',
    name: 'virtio-blk',
    type: 2,
    typeName: 'block device',
    transport: 'pci-modern',
    location: '00:01.0',
    status: { value, names: statusNames(value) },
    offered: hex,
    accepted: hex,
    features: featureList(2, features, features),
    isr: 0,
    broken: false,
    started: true,
    pci: {
      from: 'ecam',
      unknown: [],
      command: 0x507,
      memorySpace: true,
      busMaster: true,
      intxDisabled: true,
      msix: {
        enabled: true,
        functionMasked: false,
        entries: [
          {
            index: 0,
            masked: false,
            pending: false,
            address: '0xfee00000',
            data: 0x40,
            vector: 0x40,
            destination: 0,
            logical: false,
          },
        ],
      },
      configVector: 0xffff,
      selectedQueue: 0,
      selectedVector: 0,
    },
    queues: [queue],
    ...change,
  };
}

/** Two looks a second apart at a device that did not move, on a machine whose one processor is halted with interrupts on. */
export function sampleEvidence(device: Omit<VirtioDevice, 'verdicts'>, change: Partial<Evidence> = {}): Evidence {
  return {
    device,
    before: device,
    apartMs: 1000,
    processors: [
      {
        index: 0,
        interruptsEnabled: true,
        halted: true,
        rip: 0xffff_ffff_8020_1000n,
        ripBefore: 0xffff_ffff_8020_1000n,
        symbol: null,
        inService: [],
        requested: [],
      },
    ],
    running: true,
    toPhysical: (address) => (address >> 47n === 0x1ffffn ? address & 0xff_ffffn : undefined),
    isRam: (address, size) => address >= RAM_START && address + BigInt(size) <= RAM_START + BigInt(RAM_BYTES),
    ...change,
  };
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type BootReport,
  type BootTimeline,
  type CodePlaces,
  type DriverRegistry,
  type Epitaph,
  HostStampsSchema,
  type InspectService,
  type MachineInfo,
  type TraceSpans,
} from '../../../app/contract/index.ts';
import { bootTimeline } from '../../../app/machine/boot-timeline.ts';
import {
  BOOT_REPORT_BYTES,
  DRIVER_REGISTRY_BYTES,
  decodeBootReport,
  decodeDriverRegistry,
  decodeEpitaph,
  decodeTraceRing,
  EPITAPH_BYTES,
  type RecordKind,
  TRACE_HEADER_BYTES,
  traceRingBytes,
} from '../../../app/wire/abi/index.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import { codePlaces } from './code-places.ts';
import { GuestRam } from './guest-ram.ts';
import { KernelImages } from './images.ts';
import { locateKernel, processorPlace, readRecord } from './locate.ts';

/** Reads the kernel's records from guest RAM through the symbols of its ELF file. */
export class RamInspector implements InspectService {
  readonly #registers: (machine: MachineInfo) => Promise<Result<string>>;
  readonly #images = new KernelImages();

  /** @param registers QEMU's `info registers` of a machine; without an answer, memory is searched */
  constructor(registers: (machine: MachineInfo) => Promise<Result<string>>) {
    this.#registers = registers;
  }

  boot(machine: MachineInfo): Promise<Result<BootReport>> {
    return this.#decode(machine, 'boot', BOOT_REPORT_BYTES, undefined, decodeBootReport);
  }

  async timeline(machine: MachineInfo): Promise<Result<BootTimeline>> {
    const report = await this.boot(machine);
    if (!report.ok) return report;
    const path = join(machine.runDirectory, 'stamps.json');
    try {
      return ok(bootTimeline(report.value, HostStampsSchema.parse(JSON.parse(await readFile(path, 'utf8')))));
    } catch (error) {
      const fix = 'The machine was started by another version of the studio: start it again.';
      return fail('no-stamps', "What the host saw of the machine's start cannot be read.", messageOf(error), fix);
    }
  }

  trace(machine: MachineInfo): Promise<Result<TraceSpans>> {
    return this.#decode(machine, 'trace', TRACE_HEADER_BYTES, traceRingBytes, decodeTraceRing);
  }

  epitaph(machine: MachineInfo): Promise<Result<Epitaph>> {
    return this.#decode(machine, 'epitaph', EPITAPH_BYTES, undefined, (bytes, elf) =>
      decodeEpitaph(bytes, (address, isReturn) => elf.symbolise(address, isReturn)),
    );
  }

  drivers(machine: MachineInfo): Promise<Result<DriverRegistry>> {
    return this.#decode(machine, 'drivers', DRIVER_REGISTRY_BYTES, undefined, decodeDriverRegistry);
  }

  async places(
    machine: MachineInfo,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>> {
    const image = await this.#images.open(machine.elfPath);
    if (!image.ok) return image;
    const { elf, modifiedMs, lines } = image.value;
    const table = lines();
    return ok({
      places: codePlaces(elf, table.ok ? table.value : undefined, addresses, root, returns),
      rebuilt: modifiedMs > machine.startedAt,
      problem: table.ok ? '' : table.error.why,
    });
  }

  async #decode<T>(
    machine: MachineInfo,
    kind: RecordKind,
    size: number,
    sizeOf: ((header: Uint8Array) => Result<number>) | undefined,
    decode: (bytes: Uint8Array, elf: Elf) => Result<T>,
  ): Promise<Result<T>> {
    const image = await this.#images.open(machine.elfPath);
    if (!image.ok) return image;
    const { elf } = image.value;
    const ram = GuestRam.open(machine);
    if (!ram.ok) return ram;
    try {
      const registers = await this.#registers(machine);
      const processor = registers.ok ? processorPlace(registers.value) : undefined;
      const memory = await locateKernel(ram.value, elf, processor);
      if (!memory.ok) return memory;
      const bytes = readRecord(memory.value, elf, kind, size, sizeOf);
      return bytes.ok ? decode(bytes.value, elf) : bytes;
    } finally {
      ram.value.dispose();
    }
  }
}

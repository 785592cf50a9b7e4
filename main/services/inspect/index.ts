import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type BootReport,
  type BootTimeline,
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
import { type Elf, readElf } from '../../../app/wire/elf.ts';
import { GuestRam } from './guest-ram.ts';
import { locateKernel, processorPlace, readRecord } from './locate.ts';

const MAX_ELF_BYTES = 256 << 20;

/** Reads the kernel's records from guest RAM through the symbols of its ELF file. */
export class RamInspector implements InspectService {
  readonly #registers: (machine: MachineInfo) => Promise<Result<string>>;
  /** Parsed images by path, valid while the file is the same. */
  readonly #images = new Map<string, { readonly stamp: string; readonly elf: Elf }>();

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

  async #decode<T>(
    machine: MachineInfo,
    kind: RecordKind,
    size: number,
    sizeOf: ((header: Uint8Array) => Result<number>) | undefined,
    decode: (bytes: Uint8Array, elf: Elf) => Result<T>,
  ): Promise<Result<T>> {
    const elf = await this.#image(machine.elfPath);
    if (!elf.ok) return elf;
    const ram = GuestRam.open(machine);
    if (!ram.ok) return ram;
    try {
      const registers = await this.#registers(machine);
      const processor = registers.ok ? processorPlace(registers.value) : undefined;
      const memory = await locateKernel(ram.value, elf.value, processor);
      if (!memory.ok) return memory;
      const bytes = readRecord(memory.value, elf.value, kind, size, sizeOf);
      return bytes.ok ? decode(bytes.value, elf.value) : bytes;
    } finally {
      ram.value.dispose();
    }
  }

  async #image(path: string): Promise<Result<Elf>> {
    try {
      const { size, mtimeMs } = await stat(path);
      if (size > MAX_ELF_BYTES) throw new Error(`${path}: ${size} bytes, at most ${MAX_ELF_BYTES} are read`);
      const stamp = `${size}:${mtimeMs}`;
      const known = this.#images.get(path);
      if (known?.stamp === stamp) return ok(known.elf);
      const elf = readElf(new Uint8Array(await readFile(path)));
      if (elf.ok) this.#images.set(path, { stamp, elf: elf.value });
      return elf;
    } catch (error) {
      return fail(
        'no-kernel-image',
        'The image of the running kernel cannot be read.',
        messageOf(error),
        'Build it again: `ring0 build`.',
      );
    }
  }
}

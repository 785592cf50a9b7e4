import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAddress } from '../../../app/base/address.ts';
import { type AppError, err, fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import {
  type BootReport,
  type BootTimeline,
  type DriverRegistry,
  type Epitaph,
  HostStampsSchema,
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
  RECORDS,
  type RecordKind,
  TRACE_HEADER_BYTES,
  traceRingBytes,
} from '../../../app/wire/abi/index.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import { type KernelMemory, locateKernel, locateKnownKernel, processorPlace, readRecord } from './locate.ts';
import type { InspectTarget } from './target.ts';

/** The kernel's records, through the symbols of its image. */

export function readBootReport(target: InspectTarget): Promise<Result<BootReport>> {
  return decodeRecord(target, 'boot', BOOT_REPORT_BYTES, undefined, decodeBootReport);
}

export async function readTimeline(target: InspectTarget): Promise<Result<BootTimeline>> {
  const report = await readBootReport(target);
  if (!report.ok) return report;
  if (target.kind === 'dump' || target.info === null)
    return fail('no-stamps', 'How the machine was started is not known.', 'only its host saw that', '');
  const path = join(target.info.runDirectory, 'stamps.json');
  try {
    return ok(bootTimeline(report.value, HostStampsSchema.parse(JSON.parse(await readFile(path, 'utf8')))));
  } catch (error) {
    const fix = 'The machine was started by another version of the studio: start it again.';
    return fail('no-stamps', "What the host saw of the machine's start cannot be read.", messageOf(error), fix);
  }
}

export function readTrace(target: InspectTarget): Promise<Result<TraceSpans>> {
  return decodeRecord(target, 'trace', TRACE_HEADER_BYTES, traceRingBytes, decodeTraceRing);
}

export function readEpitaph(target: InspectTarget): Promise<Result<Epitaph>> {
  return decodeRecord(target, 'epitaph', EPITAPH_BYTES, undefined, (bytes, elf) =>
    decodeEpitaph(bytes, (address, isReturn) => elf.symbolise(address, isReturn)),
  );
}

export function readDrivers(target: InspectTarget): Promise<Result<DriverRegistry>> {
  return decodeRecord(target, 'drivers', DRIVER_REGISTRY_BYTES, undefined, decodeDriverRegistry);
}

/** What images of other kernels are refused for: a Linux is no ELF file, and a stripped one names nothing. */
const FOREIGN = new Set(['bad-elf', 'no-symbols']);
const NAMES: Readonly<Record<RecordKind, string>> = {
  boot: 'The boot report belongs',
  trace: 'The trace of tokens belongs',
  epitaph: 'The epitaph belongs',
  drivers: 'The driver registry belongs',
  msrs: 'The record of model-specific registers belongs',
};

function foreign(kind: RecordKind, why: string) {
  return fail(
    'foreign-kernel',
    `${NAMES[kind]} to the kernel of this project; this machine runs another.`,
    why,
    'Its processors, tables, pages, interrupts, virtqueues and memory can be looked at like ours.',
  );
}

/** What is broken in a record is there to be looked at. */
function placed(error: AppError, elf: Elf, kind: RecordKind) {
  const { symbol } = RECORDS[kind];
  const address = elf.symbol(symbol)?.address;
  if (error.code !== 'bad-record' || address === undefined) return err(error);
  const fix = `\`ring0 inspect memory ${symbol}\` shows what stands there. ${error.fix}`;
  return err({ ...error, why: `${error.why}; the record begins at ${formatAddress(address)}`, fix });
}

async function decodeRecord<T>(
  target: InspectTarget,
  kind: RecordKind,
  size: number,
  sizeOf: ((header: Uint8Array) => Result<number>) | undefined,
  decode: (bytes: Uint8Array, elf: Elf) => Result<T>,
): Promise<Result<T>> {
  const image = await target.image();
  if (!image.ok) return FOREIGN.has(image.error.code) ? foreign(kind, image.error.why) : image;
  const { elf } = image.value;
  if (elf.symbol(RECORDS.boot.symbol) === undefined)
    return foreign(kind, `its image has no symbol ${RECORDS.boot.symbol}`);
  // Without an answer, memory is searched.
  const registers = await target.processors();
  const processor = processorPlace(registers.ok ? registers.value[0] : undefined);
  const read = (memory: KernelMemory) => {
    const bytes = readRecord(memory, elf, kind, size, sizeOf);
    const decoded = bytes.ok ? decode(bytes.value, elf) : bytes;
    return decoded.ok ? decoded : placed(decoded.error, elf, kind);
  };
  if (target.scannable !== null) {
    const memory = await locateKernel(target.scannable, elf, processor);
    return memory.ok ? read(memory.value) : memory;
  }
  const looked = await target.look((memory) => {
    const kernel = locateKnownKernel(memory, elf, processor);
    return kernel.ok ? read(kernel.value) : kernel;
  });
  return looked.ok ? looked.value : looked;
}

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { z } from 'zod';
import { type Disposable, toDisposable } from '../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { HexSchema, type MachineInfo, MachineInfoSchema, type QueryArguments } from '../../../app/contract/index.ts';
import { ramLayout, ramRegions } from '../../../app/machine/ram-layout.ts';
import {
  CORE_HEADER_BYTES,
  type CoreSegment,
  coreProgramHeaders,
  readCoreHeader,
  readCoreNotes,
} from '../../../app/wire/core-file.ts';
import { type ProcessorRegisters, parseRegisters } from '../../../app/wire/qemu-registers.ts';
import { formatJsonWithBigints, parseJsonWithBigints } from '../../../app/wire/qmp.ts';
import type { GuestMemory, MemoryRegion } from '../../../app/x86/memory.ts';
import type { KernelImage, KernelImages } from './images.ts';
import type { InspectTarget, ScannableMemory } from './target.ts';

const CHUNK_BYTES = 4 << 20;
const PAGE_BYTES = 4096;
const MAX_SIDECAR_BYTES = 64 << 20;

const ProcessorRegistersSchema = z.object({
  index: z.number().int().min(0),
  values: z.record(z.string(), HexSchema),
  halted: z.boolean(),
  vectors: z.enum(['xmm', 'ymm', 'zmm']).optional(),
});

/** What lies beside a dump of ours: `FILE.json`. Answers are JSON texts with integers of any size, by `questionKey`. */
const SidecarSchema = z.object({
  version: z.literal(1),
  madeAt: z.number(),
  /** Null of a machine that others have started, which was read through its gdb stub. */
  machine: MachineInfoSchema.nullable(),
  /** Image of the kernel of such a machine, where its reader named it. */
  kernel: z.string().max(4096).nullable().default(null),
  /** SHA-256 of the kernel's image. */
  imageDigest: z.string().nullable(),
  answers: z.record(z.string(), z.string()),
  /** Registers, where more was known than one of the answers says. */
  processors: z.array(ProcessorRegistersSchema).max(1024).optional(),
  /** What could not be known when it was made, in words. */
  lacks: z.array(z.string()).default([]),
});
export type Sidecar = z.infer<typeof SidecarSchema>;

export function sidecarPath(dump: string): string {
  return `${dump}.json`;
}

export function questionKey(command: string, args: QueryArguments | undefined): string {
  const sorted = Object.fromEntries(Object.entries(args ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${command} ${formatJsonWithBigints(sorted)}`;
}

/** A saved dump, looked at as a machine is. */
export class DumpTarget implements InspectTarget {
  readonly kind = 'dump';
  readonly kept = null;
  readonly access = 'dump';
  readonly still = true;
  readonly path: string;
  readonly regions: readonly MemoryRegion[];
  readonly scannable: ScannableMemory;
  readonly sidecar: Sidecar | null;
  /** What cannot be known of it, in words. */
  readonly lacks: readonly string[];
  /** Why there is no `sidecar`; empty if there is. */
  readonly #missing: string;
  readonly #processors: readonly ProcessorRegisters[];
  readonly #images: KernelImages;
  readonly #end: Disposable;

  private constructor(
    path: string,
    memory: CoreMemory,
    processors: readonly ProcessorRegisters[],
    { sidecar, missing }: Beside,
    lacks: readonly string[],
    images: KernelImages,
    end: Disposable,
  ) {
    this.path = path;
    this.scannable = memory;
    this.regions = memory.regions;
    this.#processors = processors;
    this.sidecar = sidecar;
    this.#missing = missing;
    this.lacks = lacks;
    this.#images = images;
    this.#end = end;
  }

  static open(path: string, images: KernelImages): Result<DumpTarget> {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      return fail('no-dump', 'The dump cannot be opened.', messageOf(error), 'Check the path.');
    }
    const end = toDisposable(() => closeSync(file));
    const opened = ((): Result<DumpTarget> => {
      const size = fstatSync(file).size;
      const head = readAt(file, 0, Math.min(CORE_HEADER_BYTES, size));
      const place = coreProgramHeaders(head);
      if (!place.ok) return place;
      const header = readCoreHeader(head, readAt(file, place.value.offset, place.value.bytes), size);
      if (!header.ok) return header;
      const { bits, segments, notes } = header.value;
      const told = readCoreNotes(Buffer.concat(notes.map((it) => readAt(file, it.offset, it.bytes))), bits);
      const beside = readSidecar(path);
      if (!beside.ok) return beside;
      const { sidecar, missing } = beside.value;
      const recorded = recordedRegisters(sidecar);
      const processors = recorded ?? told.processors;
      const lacks =
        recorded === undefined
          ? [
              ...(missing === '' ? [] : [missing]),
              ...told.lacks,
              "QEMU's answers about devices and interrupt controllers are not recorded",
              'the kernel is not known: there are no symbols',
            ]
          : (sidecar?.lacks ?? []);
      const machine = sidecar?.machine ?? null;
      const memory = new CoreMemory(file, machine === null ? segments : ramOf(machine, segments));
      return ok(new DumpTarget(path, memory, processors, beside.value, lacks, images, end));
    })();
    if (!opened.ok) end.dispose();
    return opened;
  }

  get info(): MachineInfo | null {
    return this.sidecar?.machine ?? null;
  }

  /** Path of the kernel's image. */
  get kernel(): string | null {
    return this.sidecar?.machine?.elfPath ?? this.sidecar?.kernel ?? null;
  }

  async look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    return ok(decode(this.scannable));
  }

  async bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>> {
    return ok(this.scannable.read(address, size));
  }

  async processors(): Promise<Result<readonly ProcessorRegisters[]>> {
    return this.#processors.length > 0
      ? ok(this.#processors)
      : fail('not-recorded', 'This dump has no registers.', this.lacks.join('; '), 'Look at its physical memory.');
  }

  async query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    const answer = this.sidecar?.answers[questionKey(command, args)];
    if (answer !== undefined) return ok(parseJsonWithBigints(answer));
    const why =
      this.sidecar === null ? this.#missing : `${questionKey(command, args)} was not asked when the dump was made`;
    return fail(
      'not-recorded',
      "The dump does not hold QEMU's answer to this.",
      why,
      'Make a dump with `ring0 inspect dump FILE`.',
    );
  }

  async monitor(line: string, processor?: number): Promise<Result<string>> {
    const core = processor === undefined ? {} : { 'cpu-index': processor };
    const answer = await this.query('human-monitor-command', { 'command-line': line, ...core });
    return answer.ok ? ok(String(answer.value)) : answer;
  }

  async image(): Promise<Result<KernelImage>> {
    const { kernel } = this;
    if (kernel === null)
      return fail(
        'no-kernel-image',
        'Nobody knows which kernel this dump is of.',
        this.sidecar === null ? 'a plain core does not say' : 'nobody named its image when the dump was made',
        'Addresses are shown without names.',
      );
    const image = await this.#images.open(kernel);
    const digest = this.sidecar?.imageDigest ?? null;
    if (!image.ok || digest === null || image.value.digest() === digest) return image;
    return fail(
      'other-image',
      'The kernel was built again since this dump was made.',
      `${kernel} is another file now`,
      'Build the sources that it was made of, or look at addresses without names.',
    );
  }

  dispose(): void {
    this.#end.dispose();
  }
}

/** What registers were recorded as. */
export const REGISTERS = ['human-monitor-command', { 'command-line': 'info registers -a' }] as const;

function recordedRegisters(sidecar: Sidecar | null): readonly ProcessorRegisters[] | undefined {
  if (sidecar?.processors !== undefined)
    return sidecar.processors.map(({ vectors, ...it }) => (vectors === undefined ? it : { ...it, vectors }));
  const text = sidecar?.answers[questionKey(...REGISTERS)];
  return text === undefined ? undefined : parseRegisters(String(parseJsonWithBigints(text)));
}

/** What was recorded beside a dump; without it, `missing` says why. */
interface Beside {
  readonly sidecar: Sidecar | null;
  readonly missing: string;
}

function readSidecar(dump: string): Result<Beside> {
  const path = sidecarPath(dump);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined)
      return ok({ sidecar: null, missing: `there is no ${path}: a plain core has memory and registers only` });
    if (found.size > MAX_SIDECAR_BYTES) throw new Error(`${found.size} bytes, at most ${MAX_SIDECAR_BYTES} are read`);
    const parsed = SidecarSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    // A file of that name that is another's is no reason not to open the dump.
    if (parsed.success) return ok({ sidecar: parsed.data, missing: '' });
    const [issue] = parsed.error.issues;
    const why = `${issue?.path.join('.') || 'the whole'}: ${issue?.message}`;
    return ok({ sidecar: null, missing: `${path} is none of this studio's records of a dump (${why})` });
  } catch (error) {
    return fail(
      'bad-dump',
      'What lies beside the dump cannot be read.',
      `${path}: ${messageOf(error)}`,
      'Move it away to look at the dump without it.',
    );
  }
}

/** What of a core is RAM: QEMU writes the firmware's ROM into it too, which is none of the machine's memory elsewhere either. */
function ramOf({ profile }: MachineInfo, segments: readonly CoreSegment[]): CoreSegment[] {
  const ram = ramRegions(ramLayout(profile.machine, profile.memoryMiB));
  return segments.flatMap(({ start, bytes, offset }) =>
    ram.flatMap((region) => {
      const first = start > region.start ? start : region.start;
      const end = start + bytes < region.start + region.bytes ? start + bytes : region.start + region.bytes;
      return first < end ? [{ start: first, bytes: end - first, offset: offset + (first - start) }] : [];
    }),
  );
}

function readAt(file: number, offset: number, bytes: number): Uint8Array {
  const buffer = new Uint8Array(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset));
}

/** Physical memory in the segments of a core file. */
class CoreMemory implements ScannableMemory {
  readonly #file: number;
  readonly #segments: readonly CoreSegment[];
  readonly regions: readonly MemoryRegion[];

  constructor(file: number, segments: readonly CoreSegment[]) {
    this.#file = file;
    this.#segments = segments;
    const regions: { start: bigint; bytes: bigint }[] = [];
    for (const { start, bytes } of segments) {
      const last = regions.at(-1);
      if (last !== undefined && last.start + last.bytes === start) last.bytes += bytes;
      else regions.push({ start, bytes });
    }
    this.regions = regions;
  }

  read(address: bigint, size: number): Uint8Array | undefined {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const at = address + BigInt(done);
      const segment = this.#segmentAt(at);
      if (segment === undefined) return undefined;
      const inside = at - segment.start;
      const left = segment.bytes - inside;
      const part = left < BigInt(size - done) ? Number(left) : size - done;
      if (readSync(this.#file, bytes, done, part, Number(segment.offset + inside)) !== part) return undefined;
      done += part;
    }
    return bytes;
  }

  #segmentAt(address: bigint): CoreSegment | undefined {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.#segments[middle];
      if (segment !== undefined && segment.start + segment.bytes <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.#segments[low];
    return found !== undefined && address >= found.start ? found : undefined;
  }

  async *findInPages(pattern: Uint8Array, offset: number): AsyncGenerator<bigint> {
    const wanted = Buffer.from(pattern.subarray(0, 8));
    for (const { start, bytes } of this.regions) {
      for (let at = 0n; at < bytes; at += BigInt(CHUNK_BYTES)) {
        const left = bytes - at;
        const piece = this.read(start + at, Number(left < BigInt(CHUNK_BYTES) ? left : BigInt(CHUNK_BYTES)));
        if (piece === undefined) continue;
        const first = (offset - Number((start + at) & BigInt(PAGE_BYTES - 1)) + PAGE_BYTES) % PAGE_BYTES;
        for (let here = first; here + 8 <= piece.length; here += PAGE_BYTES)
          if (wanted.equals(piece.subarray(here, here + 8))) yield start + at + BigInt(here);
        await new Promise(setImmediate);
      }
    }
  }
}

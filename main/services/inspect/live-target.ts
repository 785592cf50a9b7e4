import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import { MAX_SAVE_BYTES } from '../../../app/machine/query.ts';
import { ramLayout, ramRegions } from '../../../app/machine/ram-layout.ts';
import { type ProcessorRegisters, parseRegisters } from '../../../app/wire/qemu-registers.ts';
import { type GuestMemory, isInRegion, type MemoryRegion, PagedMemory } from '../../../app/x86/memory.ts';
import { GuestRam } from './guest-ram.ts';
import type { KernelImage, KernelImages } from './images.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { InspectTarget, ScannableMemory } from './target.ts';

/** Asks QEMU; see `Machine.query`. */
export type Ask = (machine: MachineInfo, command: string, args?: QueryArguments) => Promise<Result<unknown>>;

/** Panes that look at the same moment share one answer. */
export const REGISTERS_FRESH_MS = 10;
/** A kernel that is built again meanwhile is noticed after this. */
const IMAGE_FRESH_MS = 250;
/** A decoder that still misses pages after so many rounds does without. */
const MAX_ROUNDS = 64;

let saves = 0;

/** A machine that is there: its RAM file, or QEMU's answers where RAM is QEMU's own. */
export class LiveTarget implements InspectTarget {
  readonly kind = 'live';
  readonly still = false;
  readonly info: MachineInfo;
  readonly kept: KeptAnswers | null;
  readonly regions: readonly MemoryRegion[];
  readonly #ram: GuestRam | null;
  readonly #ask: Ask;
  readonly #images: KernelImages;
  #image: { readonly at: number; readonly answer: Promise<Result<KernelImage>> } | undefined;
  #registers: { readonly at: number; readonly answer: Promise<Result<readonly ProcessorRegisters[]>> } | undefined;

  private constructor(info: MachineInfo, ram: GuestRam | null, ask: Ask, images: KernelImages) {
    this.info = info;
    this.#ram = ram;
    this.kept = ram === null ? null : new KeptAnswers();
    this.#ask = ask;
    this.#images = images;
    this.regions = ramRegions(ramLayout(info.profile.machine, info.profile.memoryMiB));
  }

  static open(info: MachineInfo, ask: Ask, images: KernelImages): Result<LiveTarget> {
    if (info.ramPath === '') return ok(new LiveTarget(info, null, ask, images));
    const ram = GuestRam.open(info);
    return ram.ok ? ok(new LiveTarget(info, ram.value, ask, images)) : ram;
  }

  get access(): 'ram-file' | 'qmp' {
    return this.#ram === null ? 'qmp' : 'ram-file';
  }

  get scannable(): ScannableMemory | null {
    return this.#ram;
  }

  async look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    if (this.#ram !== null) return ok(decode(this.#ram));
    const memory = new PagedMemory(this.regions);
    for (let round = 0; ; round++) {
      const value = decode(memory);
      const missing = memory.takeMissing();
      if (missing.length === 0 || round === MAX_ROUNDS) return ok(value);
      for (const { start, bytes } of missing) {
        const fetched = await this.#save(start, Math.min(bytes, MAX_SAVE_BYTES));
        if (!fetched.ok) return fetched;
        memory.put(start, fetched.value);
      }
    }
  }

  async bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>> {
    if (this.#ram !== null) return ok(this.#ram.read(address, size));
    return isInRegion(this.regions, address, size) ? this.#save(address, size) : ok(undefined);
  }

  processors(): Promise<Result<readonly ProcessorRegisters[]>> {
    const now = performance.now();
    if (this.#registers === undefined || now - this.#registers.at > REGISTERS_FRESH_MS)
      this.#registers = {
        at: now,
        answer: this.monitor('info registers -a').then((it) => (it.ok ? ok(parseRegisters(it.value)) : it)),
      };
    return this.#registers.answer;
  }

  query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    return this.#ask(this.info, command, args);
  }

  async monitor(line: string, processor?: number): Promise<Result<string>> {
    // The first is who is asked anyway, and QEMU reads its questions slowly.
    const core = processor === undefined || processor === 0 ? {} : { 'cpu-index': processor };
    const answer = await this.query('human-monitor-command', { 'command-line': line, ...core });
    return answer.ok ? ok(String(answer.value)) : answer;
  }

  image(): Promise<Result<KernelImage>> {
    const now = performance.now();
    if (this.#image === undefined || now - this.#image.at > IMAGE_FRESH_MS)
      this.#image = { at: now, answer: this.#images.open(this.info.elfPath) };
    return this.#image.answer;
  }

  dispose(): void {
    this.#ram?.dispose();
  }

  /** Has QEMU write memory into a file and reads that. */
  async #save(start: bigint, bytes: number): Promise<Result<Uint8Array>> {
    const path = join(this.info.runDirectory, `memory-${process.pid}-${++saves}.bin`);
    try {
      const saved = await this.query('pmemsave', { val: start, size: bytes, filename: path });
      return saved.ok ? ok(new Uint8Array(readFileSync(path))) : saved;
    } catch (error) {
      return fail('no-guest-ram', "QEMU's copy of memory cannot be read.", messageOf(error), 'Look again.');
    } finally {
      rmSync(path, { force: true });
    }
  }
}

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { type Disposable, toDisposable } from '../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo } from '../../../app/contract/index.ts';
import {
  type RamLayout,
  ramFileAddress,
  ramFileName,
  ramFileOffset,
  ramLayout,
  ramRegions,
} from '../../../app/machine/ram-layout.ts';
import type { MemoryRegion } from '../../../app/x86/memory.ts';
import type { ScannableMemory } from './target.ts';

const CHUNK_BYTES = 4 << 20;
const PAGE_BYTES = 4096;

/** Guest-physical memory of a running machine, read from its RAM file: the guest does not notice. */
export class GuestRam implements ScannableMemory, Disposable {
  readonly #file: number;
  readonly #layout: RamLayout;
  readonly #end: Disposable;
  readonly regions: readonly MemoryRegion[];

  private constructor(file: number, layout: RamLayout) {
    this.#file = file;
    this.#end = toDisposable(() => closeSync(file));
    this.regions = ramRegions(layout);
    this.#layout = layout;
  }

  static open(machine: MachineInfo): Result<GuestRam> {
    try {
      // The process id in a path of /proc may be another program's by now.
      if (machine.ramPath.startsWith('/proc/') && !readlinkSync(machine.ramPath).includes(ramFileName(machine.id)))
        throw new Error(`${machine.ramPath} is not the memory of ${machine.id}`);
      return ok(
        new GuestRam(openSync(machine.ramPath, 'r'), ramLayout(machine.profile.machine, machine.profile.memoryMiB)),
      );
    } catch (error) {
      return fail(
        'no-guest-ram',
        'The memory of the guest cannot be read.',
        messageOf(error),
        'The machine has ended: start it again.',
      );
    }
  }

  /** `size` bytes at a guest-physical address, or undefined if not all of them are RAM. */
  read(address: bigint, size: number): Uint8Array | undefined {
    const offset = ramFileOffset(this.#layout, address, size);
    if (offset === undefined) return undefined;
    const bytes = new Uint8Array(size);
    return readSync(this.#file, bytes, 0, size, Number(offset)) === size ? bytes : undefined;
  }

  readInto(address: bigint, bytes: Uint8Array): boolean {
    const offset = ramFileOffset(this.#layout, address, bytes.length);
    return offset !== undefined && readSync(this.#file, bytes, 0, bytes.length, Number(offset)) === bytes.length;
  }

  /**
   * Guest-physical addresses of the eight bytes of `pattern` where they lie at `offset` in a page. Reads all of the guest's memory, about
   * 60 ms for 512 MiB, and lets others run in between.
   */
  async *findInPages(pattern: Uint8Array, offset: number): AsyncGenerator<bigint> {
    const wanted = new DataView(pattern.buffer, pattern.byteOffset, 8);
    const [low, high] = [wanted.getUint32(0, true), wanted.getUint32(4, true)];
    const buffer = Buffer.alloc(CHUNK_BYTES);
    const total = Number(this.#layout.totalBytes);
    for (let start = 0; start < total; start += CHUNK_BYTES) {
      const read = readSync(this.#file, buffer, 0, Math.min(CHUNK_BYTES, total - start), start);
      for (let at = offset; at + 8 <= read; at += PAGE_BYTES) {
        if (buffer.readUInt32LE(at) === low && buffer.readUInt32LE(at + 4) === high)
          yield ramFileAddress(this.#layout, BigInt(start + at));
      }
      await new Promise(setImmediate);
    }
  }

  dispose(): void {
    this.#end.dispose();
  }
}

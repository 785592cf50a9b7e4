import { closeSync, openSync, readSync } from 'node:fs';
import type { Disposable } from '../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo } from '../../../app/contract/index.ts';
import { type RamLayout, ramFileAddress, ramFileOffset, ramLayout } from '../../../app/machine/ram-layout.ts';

const CHUNK_BYTES = 4 << 20;

/** Guest-physical memory of a running machine, read from its RAM file: the guest does not notice. */
export class GuestRam implements Disposable {
  readonly #file: number;
  readonly #layout: RamLayout;

  private constructor(file: number, layout: RamLayout) {
    this.#file = file;
    this.#layout = layout;
  }

  static open(machine: MachineInfo): Result<GuestRam> {
    try {
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

  /** Guest-physical addresses, divisible by `alignment`, where `pattern` lies; at most `limit`. Reads all of the guest's memory. */
  *find(pattern: Uint8Array, alignment: number, limit: number): Generator<bigint> {
    const buffer = Buffer.alloc(CHUNK_BYTES + pattern.length);
    const total = Number(this.#layout.totalBytes);
    let found = 0;
    for (let start = 0; start < total; start += CHUNK_BYTES) {
      const read = readSync(this.#file, buffer, 0, Math.min(buffer.length, total - start), start);
      const chunk = buffer.subarray(0, read);
      for (let at = chunk.indexOf(pattern); at >= 0 && at < CHUNK_BYTES; at = chunk.indexOf(pattern, at + 1)) {
        if ((start + at) % alignment !== 0) continue;
        yield ramFileAddress(this.#layout, BigInt(start + at));
        found++;
        if (found >= limit) return;
      }
    }
  }

  dispose(): void {
    closeSync(this.#file);
  }
}

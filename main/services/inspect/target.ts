import type { Disposable } from '../../../app/base/disposable.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import type { GuestMemory, MemoryRegion } from '../../../app/x86/memory.ts';
import { type PagingRegisters, pagingRegisters } from '../../../app/x86/paging.ts';
import type { KernelImage } from './images.ts';

/** What every subject looks at: a machine, or a dump of one. `InspectTargets` opens it and says when it ends. */
export interface InspectTarget extends Disposable {
  readonly kind: 'live' | 'dump';
  /** How memory is read. */
  readonly access: 'ram-file' | 'qmp' | 'gdb' | 'dump';
  /** Nothing changes while it is open: a dump, or a machine that a gdb stub holds. One look is enough. */
  readonly still: boolean;
  /** Guest-physical RAM. */
  readonly regions: readonly MemoryRegion[];
  /**
   * Runs a decoder on memory. Where the machine must be asked for its memory, the decoder runs again with more of it until it misses
   * nothing: it must be pure, and must go on where a read fails.
   */
  look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>>;
  /** A long piece of physical memory in one go; undefined if not all of it is RAM. */
  bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>>;
  /** Memory that may be read from end to end; null where each page is a question to QEMU. */
  readonly scannable: ScannableMemory | null;
  /** Every processor; one answer serves all who ask within a few milliseconds. */
  processors(): Promise<Result<readonly ProcessorRegisters[]>>;
  /** QMP; of a dump what was recorded with it, or an error that says that it was not. */
  query(command: string, args?: QueryArguments): Promise<Result<unknown>>;
  /** A line of the human monitor, such as `info pic`, as one processor answers it. */
  monitor(line: string, processor?: number): Promise<Result<string>>;
  /** The running kernel's image; an error where nobody knows it, as with a foreign kernel's dump. */
  image(): Promise<Result<KernelImage>>;
  readonly info: MachineInfo | null;
}

/** Guest memory whose every byte can be had at once. */
export interface ScannableMemory extends GuestMemory {
  /** Guest-physical addresses of the eight bytes of `pattern` where they lie at `offset` in a page; others run in between. */
  findInPages(pattern: Uint8Array, offset: number): AsyncGenerator<bigint>;
}

/** One processor of a target. */
export async function processorOf(target: InspectTarget, index = 0): Promise<Result<ProcessorRegisters>> {
  const all = await target.processors();
  if (!all.ok) return all;
  const found = all.value.find((it) => it.index === index);
  return found === undefined
    ? fail(
        'no-processor',
        `There is no processor ${index}.`,
        `this machine has ${all.value.length === 0 ? 'none that answers' : `processors ${all.value.map((it) => it.index).join(', ')}`}`,
        'Name one of them with --processor.',
      )
    : ok(found);
}

/** The registers that translate addresses, of one processor. */
export async function pagingOf(target: InspectTarget, index = 0): Promise<Result<PagingRegisters>> {
  const processor = await processorOf(target, index);
  if (!processor.ok) return processor;
  const registers = pagingRegisters(processor.value.values);
  return registers === undefined
    ? fail(
        'no-control-registers',
        'The processor does not say how it translates addresses.',
        'CR0, CR3, CR4 or EFER is missing',
        'Look at physical memory instead.',
      )
    : ok(registers);
}

/** Looks until two looks agree, so that no view mixes what was before and after a change of the guest; `torn` if it never stood still. */
export async function lookSettled<T>(
  target: InspectTarget,
  decode: (memory: GuestMemory) => T,
  same: (a: T, b: T) => boolean,
  attempts = 4,
): Promise<Result<{ readonly value: T; readonly torn: boolean }>> {
  let before = await target.look(decode);
  if (!before.ok) return before;
  if (target.still) return ok({ value: before.value, torn: false });
  for (let attempt = 0; attempt < attempts; attempt++) {
    const again = await target.look(decode);
    if (!again.ok) return again;
    if (same(before.value, again.value)) return ok({ value: again.value, torn: false });
    before = again;
  }
  return ok({ value: before.value, torn: true });
}

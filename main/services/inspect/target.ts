import type { Disposable } from '../../../app/base/disposable.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { MachineInfo, QueryArguments } from '../../../app/contract/index.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import type { GuestMemory, MemoryRegion } from '../../../app/x86/memory.ts';
import { type PagingRegisters, pagingRegisters } from '../../../app/x86/paging.ts';
import type { KernelImage } from './images.ts';
import { ATTEMPTS, type KeptAnswers, readOnce, type Settled } from './kept-answers.ts';

/** What every subject looks at: a machine, or a dump of one. `InspectTargets` opens it and says when it ends. */
export interface InspectTarget extends Disposable {
  readonly kind: 'live' | 'dump';
  /** How memory is read. */
  readonly access: 'ram-file' | 'qmp' | 'gdb' | 'dump';
  /** Nothing changes while it is open: a dump, or a machine that a gdb stub holds. One look is enough. */
  readonly still: boolean;
  /** When the machine was stopped for this look, by the monotonic clock; absent where looking stops nothing. */
  readonly heldSince?: number;
  /** Guest-physical RAM. */
  readonly regions: readonly MemoryRegion[];
  /**
   * Runs a decoder on memory. Where the machine must be asked for its memory, the decoder runs again with more of it until it misses
   * nothing: it must be pure, and must go on where a read fails.
   */
  look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>>;
  /** A long piece of physical memory in one go; undefined if not all of it is RAM. */
  bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>>;
  /** Changes guest-physical RAM; where a target has no such method, memory is changed in its RAM file or not at all. */
  store?(address: bigint, bytes: Uint8Array): Promise<Result<void>>;
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
  /** Answers that stand while memory does; null where comparing costs as much as reading. */
  readonly kept: KeptAnswers | null;
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

/**
 * Looks until what was read stands still, so that no view mixes what was before and after a change of the guest; `torn` if it never
 * did. Of a machine whose memory lies open the answer is kept, and given again while it stands.
 * @param name of the question: a target keeps one answer for each
 * @param key whatever the answer depends on beside memory
 */
export async function lookSettled<T>(
  target: InspectTarget,
  name: string,
  key: readonly unknown[],
  decode: (memory: GuestMemory) => T,
  attempts = ATTEMPTS,
): Promise<Result<Settled<T>>> {
  const { kept, scannable } = target;
  if (kept !== null && scannable !== null) return ok(kept.answer(scannable, name, key, decode, attempts));
  if (target.still) {
    const looked = await target.look(decode);
    return looked.ok ? ok({ value: looked.value, torn: false }) : looked;
  }
  for (let attempt = 1; ; attempt++) {
    const looked = await target.look((memory) => readOnce(memory, decode));
    if (!looked.ok) return looked;
    const { value, reads } = looked.value;
    const again = await target.look((memory) => reads.standsIn(memory));
    if (!again.ok) return again;
    if (again.value || attempt >= attempts) return ok({ value, torn: !again.value });
  }
}

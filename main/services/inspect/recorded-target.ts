import { ok, type Result } from '../../../app/base/result.ts';
import type { QueryArguments } from '../../../app/contract/index.ts';
import { type ProcessorRegisters, parseRegisters } from '../../../app/wire/qemu-registers.ts';
import { formatJsonWithBigints } from '../../../app/wire/qmp.ts';
import type { GuestMemory } from '../../../app/x86/memory.ts';
import { questionKey, REGISTERS } from './dump-target.ts';
import type { KernelImage } from './images.ts';
import type { InspectTarget } from './target.ts';

/** A machine that stands still, and whose answers are kept as a dump has them: by `questionKey`. */
export class RecordedTarget implements InspectTarget {
  readonly #target: InspectTarget;
  readonly #answers: Record<string, string>;

  constructor(target: InspectTarget, answers: Record<string, string>) {
    this.#target = target;
    this.#answers = answers;
  }

  readonly kind = 'live';
  readonly still = true;
  readonly kept = null;
  get access() {
    return this.#target.access;
  }
  get regions() {
    return this.#target.regions;
  }
  get scannable() {
    return this.#target.scannable;
  }
  get info() {
    return this.#target.info;
  }

  look<T>(decode: (memory: GuestMemory) => T): Promise<Result<T>> {
    return this.#target.look(decode);
  }

  bytes(address: bigint, size: number): Promise<Result<Uint8Array | undefined>> {
    return this.#target.bytes(address, size);
  }

  async processors(): Promise<Result<readonly ProcessorRegisters[]>> {
    const text = await this.query(...REGISTERS);
    return text.ok ? ok(parseRegisters(String(text.value))) : text;
  }

  async query(command: string, args?: QueryArguments): Promise<Result<unknown>> {
    const answer = await this.#target.query(command, args);
    if (answer.ok) this.#answers[questionKey(command, args)] = formatJsonWithBigints(answer.value ?? null);
    return answer;
  }

  async monitor(line: string, processor?: number): Promise<Result<string>> {
    const core = processor === undefined ? {} : { 'cpu-index': processor };
    const answer = await this.query('human-monitor-command', { 'command-line': line, ...core });
    return answer.ok ? ok(String(answer.value)) : answer;
  }

  image(): Promise<Result<KernelImage>> {
    return this.#target.image();
  }

  dispose(): void {}
}

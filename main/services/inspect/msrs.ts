import { createHash } from 'node:crypto';
import type { Result } from '../../../app/base/result.ts';
import type { MsrRecord } from '../../../app/contract/index.ts';
import { decodeMsrRecord, MSR_HEADER_BYTES, msrRecordBytes, RECORDS } from '../../../app/wire/abi/index.ts';
import type { Elf } from '../../../app/wire/elf.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import type { CpuMsrs } from '../../../app/x86/cpu-view.ts';
import type { CodeMap } from '../../../app/x86/machine-state.ts';
import type { GuestMemory } from '../../../app/x86/memory.ts';
import { msrsKey, msrsView, type Written } from '../../../app/x86/msrs-view.ts';
import { readLinear } from '../../../app/x86/paging.ts';
import { symbolText } from '../../../app/x86/tables-view.ts';
import { type ProcessorPlace, processorPlace, readRecord } from './locate.ts';
import { type InspectTarget, lookSettled } from './target.ts';

interface Kept {
  readonly record: MsrRecord;
  readonly torn: boolean;
  readonly processors: string;
  readonly code: CodeMap | null;
  readonly msrs: CpuMsrs;
}

const kept = new WeakMap<InspectTarget, Kept>();

/**
 * The model-specific registers of all processors. Panes look thirty times a second at what a core writes once: while the record's bytes
 * and what QEMU tells stand, so does the view.
 */
export async function readMsrs(
  target: InspectTarget,
  dumps: readonly ProcessorRegisters[],
  code: CodeMap | null,
): Promise<CpuMsrs> {
  const written = await readWritten(target, dumps);
  if ('why' in written) return written;
  const { record, torn } = written;
  const processors = msrsKey(dumps);
  const known = kept.get(target);
  if (known?.record === record && known.torn === torn && known.processors === processors && known.code === code)
    return known.msrs;
  const seen = msrsView(written, dumps, (address) => symbolText(address, code));
  const revision = createHash('sha256').update(JSON.stringify(seen.view)).digest('hex').slice(0, 16);
  const msrs = { ...seen, revision };
  kept.set(target, { record, torn, processors, code, msrs });
  return msrs;
}

async function readWritten(target: InspectTarget, dumps: readonly ProcessorRegisters[]): Promise<Written> {
  const { symbol } = RECORDS.msrs;
  const nothing = (why: string): Written => ({ why: `no kernel has written them down: ${why}` });
  const image = await target.image();
  if (!image.ok) return nothing(image.error.why);
  const { elf } = image.value;
  if (elf.symbol(symbol) === undefined) return nothing(`the image of this one has no symbol ${symbol}, as ours has`);
  const place = dumps.map(processorPlace).find((it) => it !== undefined && elf.physicalOf(it.rip) !== undefined);
  if (place === undefined) return nothing('the one of this project does not run, or not yet');
  const key = [elf, place.cr0, place.cr3, place.cr4, place.efer];
  const looked = await lookSettled(target, 'msrs', key, (memory) => recordIn(memory, elf, place));
  const record = looked.ok ? looked.value.value : looked;
  if (!record.ok) return { why: `what the kernel has written down of them is not to be read: ${record.error.why}` };
  return { record: record.value, torn: looked.ok && looked.value.torn };
}

/** By the page tables of a processor that runs the kernel; where these are broken, where QEMU loads the image. */
function recordIn(memory: GuestMemory, elf: Elf, place: ProcessorPlace): Result<MsrRecord> {
  const read = (address: bigint, size: number) => {
    const mapped = readLinear(place, (at, bytes) => memory.read(at, bytes), address, size);
    const physical = mapped === undefined ? elf.physicalOf(address) : undefined;
    return physical === undefined ? mapped : memory.read(physical, size);
  };
  const bytes = readRecord({ read }, elf, 'msrs', MSR_HEADER_BYTES, msrRecordBytes);
  return bytes.ok ? decodeMsrRecord(bytes.value) : bytes;
}

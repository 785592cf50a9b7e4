import { formatAddress } from '../../base/address.ts';
import { ByteView } from '../../base/bytes.ts';
import { ok, type Result } from '../../base/result.ts';
import type { BootReport } from '../../contract/records.ts';
import { countOf, frequencyOf, nameOf, readHeader, ticksToMs } from './header.ts';

/** Offsets in bytes: kernel/abi/src/boot.rs, `BootReport`. */
const FIELD = {
  tscHz: 16,
  entryTsc: 24,
  source: 32,
  coresFound: 36,
  coresOnline: 40,
  phaseCount: 44,
  memoryBytes: 48,
  firstTokenTsc: 56,
  engine: 64,
  model: 80,
  phasesDropped: 144,
  phases: 152,
} as const;
const ENGINE_BYTES = 16;
const MODEL_BYTES = 64;
const MAX_PHASES = 32;
/** `Phase`: name, start, end. */
const PHASE = { bytes: 40, nameBytes: 24, start: 24, end: 32 } as const;

/** Bytes that a reader needs of the record. */
export const BOOT_REPORT_BYTES = FIELD.phases + MAX_PHASES * PHASE.bytes;

/**
 * Decodes `RING0_BOOT_REPORT`. Torn reads: the kernel raises `phase_count` after a phase's name and start are in place, and one
 * read of the whole record is made by the caller, so a phase that is counted is whole; its end may be missing and it then "runs".
 */
export function decodeBootReport(bytes: Uint8Array): Result<BootReport> {
  const view = new ByteView(bytes);
  const header = readHeader(view, 'boot', BOOT_REPORT_BYTES);
  if (!header.ok) return header;
  const problems: string[] = [];
  const tscHz = frequencyOf(view.u64(FIELD.tscHz), problems);
  const entry = view.u64(FIELD.entryTsc);
  const firstToken = view.u64(FIELD.firstTokenTsc);
  const claimed = view.u32(FIELD.phaseCount);
  if (claimed > MAX_PHASES) problems.push(`phase_count is ${claimed}, the record holds ${MAX_PHASES}`);
  const phases = Array.from({ length: Math.min(claimed, MAX_PHASES) }, (_, n) => {
    const at = FIELD.phases + n * PHASE.bytes;
    const start = view.u64(at + PHASE.start);
    const end = view.u64(at + PHASE.end);
    const name = view.paddedText(at, PHASE.nameBytes);
    if (start < entry) problems.push(`phase ${n} (${name}) begins before the kernel's first instruction`);
    if (end !== 0n && end < start) problems.push(`phase ${n} (${name}) ends before it begins`);
    return {
      name,
      startTsc: formatAddress(start),
      endTsc: end === 0n ? null : formatAddress(end),
      startMs: ticksToMs(entry, start, tscHz),
      durationMs: end === 0n ? null : ticksToMs(start, end, tscHz),
    };
  });
  return ok({
    version: header.value.version,
    tscHz,
    entryTsc: formatAddress(entry),
    source: nameOf(['unknown', 'pvh', 'uefi'], view.u32(FIELD.source), 'source', problems),
    coresFound: view.u32(FIELD.coresFound),
    coresOnline: view.u32(FIELD.coresOnline),
    memoryBytes: countOf(view.u64(FIELD.memoryBytes), 'memory_bytes', problems),
    firstTokenMs: firstToken === 0n ? null : ticksToMs(entry, firstToken, tscHz),
    engine: view.paddedText(FIELD.engine, ENGINE_BYTES),
    model: view.paddedText(FIELD.model, MODEL_BYTES),
    phases,
    phasesDropped: view.u32(FIELD.phasesDropped),
    problems,
  });
}

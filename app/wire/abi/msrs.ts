import { formatAddress } from '../../base/address.ts';
import { ByteView } from '../../base/bytes.ts';
import { ok, type Result } from '../../base/result.ts';
import type { MsrRecord } from '../../contract/records.ts';
import { frequencyOf, readHeader, ticksToMs } from './header.ts';

/** Offsets in bytes: kernel/abi/src/msr.rs, `MsrRecord`, `MsrCore`, `MsrEntry`. */
const FIELD = { tscHz: 16, coreCount: 24, cores: 32 } as const;
const ENTRY = { bytes: 24, number: 0, changes: 4, value: 8, tsc: 16 } as const;
const MAX_CORES = 64;
const MAX_MSRS = 56;
const CORE = {
  ...{ bytes: 32 + MAX_MSRS * ENTRY.bytes, sequence: 0, apicId: 4, count: 8 },
  ...{ dropped: 12, tsc: 16, xcr0: 24, entries: 32 },
} as const;

export const MSR_HEADER_BYTES = FIELD.cores;

/** Bytes of the blocks in use, for a caller who reads the header first. */
export function msrRecordBytes(headerBytes: Uint8Array): Result<number> {
  const view = new ByteView(headerBytes);
  const header = readHeader(view, 'msrs', MSR_HEADER_BYTES);
  return header.ok ? ok(FIELD.cores + Math.min(view.u32(FIELD.coreCount), MAX_CORES) * CORE.bytes) : header;
}

/**
 * Decodes `RING0_MSRS`. Torn reads: the `sequence` of a core's block is odd while the core writes; its registers are shown as they stand
 * and a problem says so. Cores that have not come up are left out. `bytes` may end early.
 */
export function decodeMsrRecord(bytes: Uint8Array): Result<MsrRecord> {
  const view = new ByteView(bytes);
  const header = readHeader(view, 'msrs', MSR_HEADER_BYTES);
  if (!header.ok) return header;
  const problems: string[] = [];
  const tscHz = frequencyOf(view.u64(FIELD.tscHz), problems);
  const claimed = view.u32(FIELD.coreCount);
  if (claimed > MAX_CORES) problems.push(`core_count is ${claimed}, the record holds ${MAX_CORES}`);
  const wanted = Math.min(claimed, MAX_CORES);
  const there = Math.min(wanted, Math.floor((view.length - FIELD.cores) / CORE.bytes));
  if (there < wanted) problems.push(`the record is cut off: ${wanted} cores are said to be in it, ${there} are there`);
  const cores = Array.from({ length: there }, (_, core) =>
    decodeCore(view, FIELD.cores + core * CORE.bytes, core, tscHz, problems),
  ).filter(({ registers }) => registers.length > 0);
  return ok({ version: header.value.version, tscHz, cores, problems });
}

function decodeCore(view: ByteView, at: number, core: number, hz: number | null, problems: string[]) {
  const problem = (text: string) => problems.push(`core ${core}: ${text}`);
  if ((view.u32(at + CORE.sequence) & 1) === 1)
    problem('it was being written while it was read: values may be half old');
  const claimed = view.u32(at + CORE.count);
  if (claimed > MAX_MSRS) problem(`count is ${claimed}, a core has room for ${MAX_MSRS}`);
  const [seen, twice] = [new Set<number>(), new Set<number>()];
  const registers = Array.from({ length: Math.min(claimed, MAX_MSRS) }, (_, n) => {
    const here = at + CORE.entries + n * ENTRY.bytes;
    const [number, tsc] = [view.u32(here + ENTRY.number), view.u64(here + ENTRY.tsc)];
    return { here, number, tsc };
  }).filter(({ number }) => {
    const isNew = !seen.has(number);
    (isNew ? seen : twice).add(number);
    return isNew;
  });
  for (const number of twice) problem(`register 0x${number.toString(16)} is there more than once; the first counts`);
  const [tsc, xcr0] = [view.u64(at + CORE.tsc), view.u64(at + CORE.xcr0)];
  return {
    core,
    apicId: view.u32(at + CORE.apicId),
    tsc: formatAddress(tsc),
    readMs: ticksToMs(0n, tsc, hz),
    xcr0: xcr0 === 0n ? null : formatAddress(xcr0),
    dropped: view.u32(at + CORE.dropped),
    registers: registers.map((it) => ({
      number: formatAddress(BigInt(it.number)),
      value: formatAddress(view.u64(it.here + ENTRY.value)),
      tsc: formatAddress(it.tsc),
      readMs: ticksToMs(0n, it.tsc, hz),
      changes: view.u32(it.here + ENTRY.changes),
    })),
  };
}

import { formatAddress } from '../../../app/base/address.ts';
import { isCancelled, type LongOperation } from '../../../app/base/cancel.ts';
import { type AppError, fail, ok, type Result } from '../../../app/base/result.ts';
import type { MemorySearchEvent, MemorySpace } from '../../../app/contract/index.ts';
import { scanSpace } from '../../../app/x86/address-space.ts';
import { pagingShape, toLinear } from '../../../app/x86/paging.ts';
import { type InspectTarget, pagingOf } from './target.ts';

/** Read in one go; less through a gdb stub, where each piece takes a while: who waits sees it go on, and can end it. */
const CHUNK_BYTES = 4 << 20;
const GDB_CHUNK_BYTES = 1 << 20;
/** What is shown of a match beside the pattern. */
const CONTEXT_BYTES = 32;
/** Mapped memory that is gone through: tables can map one page everywhere. */
const MAX_BYTES = 1n << 40n;
/** Through a gdb stub, which holds the machine meanwhile: some ten minutes. */
const GDB_MAX_BYTES = 1n << 34n;

export interface SearchQuestion {
  readonly space: MemorySpace;
  readonly processor: number;
  readonly pattern: Uint8Array;
  readonly limit: number;
}

/** A stretch of the space that is searched, and where its bytes lie. */
interface Stretch {
  readonly address: bigint;
  readonly physical: bigint;
  readonly bytes: bigint;
}

/** Looks for bytes from end to end; others run in between, and leaving it ends it. */
export async function* searchMemory(
  target: InspectTarget,
  { space, processor, pattern, limit }: SearchQuestion,
  { signal }: LongOperation = {},
): AsyncGenerator<MemorySearchEvent> {
  const stretches =
    space === 'physical'
      ? ok(target.regions.map(({ start, bytes }) => ({ address: start, physical: start, bytes })))
      : await mapped(target, processor);
  if (!stretches.ok) return yield failed(stretches.error);
  const total = stretches.value.reduce((sum, { bytes }) => sum + bytes, 0n);
  const most = target.access === 'gdb' ? GDB_MAX_BYTES : MAX_BYTES;
  if (total > most) return yield failed(tooMuch(total, most, space).error);
  const wanted = Buffer.from(pattern);
  let tail = Buffer.alloc(0);
  let end: bigint | undefined;
  let [done, matches] = [0n, 0];
  const chunk = BigInt(target.access === 'gdb' ? GDB_CHUNK_BYTES : CHUNK_BYTES);
  for (const { address, physical, bytes } of stretches.value) {
    for (let at = 0n; at < bytes; at += chunk) {
      if (isCancelled(signal)) return yield failed(CANCELLED);
      const size = Number(bytes - at < chunk ? bytes - at : chunk);
      const read = await target.bytes(physical + at, size);
      if (!read.ok) return yield failed(read.error);
      const here = address + at;
      // What began at the end of the last piece goes on here, if this is where it goes on.
      if (end !== here) tail = Buffer.alloc(0);
      const piece = read.value === undefined ? Buffer.alloc(0) : Buffer.concat([tail, read.value]);
      const start = here - BigInt(tail.length);
      for (let found = piece.indexOf(wanted); found >= 0; found = piece.indexOf(wanted, found + 1)) {
        matches += 1;
        const context = piece.subarray(found, found + wanted.length + CONTEXT_BYTES).toString('hex');
        yield { kind: 'match', address: formatAddress(start + BigInt(found)), context };
        if (matches >= limit) return yield { kind: 'finished', matches, more: true };
      }
      tail = Buffer.from(piece.subarray(Math.max(0, piece.length - wanted.length + 1)));
      end = read.value === undefined ? undefined : here + BigInt(size);
      done += BigInt(size);
      yield { kind: 'progress', done: Number(done), total: Number(total) };
      await new Promise(setImmediate);
    }
  }
  yield { kind: 'finished', matches, more: false };
}

/** RAM in the order of the linear addresses that it is mapped at. */
async function mapped(target: InspectTarget, processor: number): Promise<Result<Stretch[]>> {
  const registers = await pagingOf(target, processor);
  if (!registers.ok) return registers;
  const shape = pagingShape(registers.value);
  if (shape === undefined)
    return ok(target.regions.map(({ start, bytes }) => ({ address: start, physical: start, bytes })));
  const space = await target.look((memory) => scanSpace(shape, memory));
  if (!space.ok) return space;
  const found: Stretch[] = [];
  for (const run of space.value.runs) {
    const address = toLinear(shape, BigInt(run.at) << 12n);
    const physical = BigInt(run.frame) << 12n;
    // The one page that is mapped again and again is looked through once.
    const bytes = run.repeat ? 1n << BigInt(run.shift) : BigInt(run.pages) << 12n;
    for (const region of target.regions) {
      const from = physical > region.start ? physical : region.start;
      const to = physical + bytes < region.start + region.bytes ? physical + bytes : region.start + region.bytes;
      if (from < to) found.push({ address: address + (from - physical), physical: from, bytes: to - from });
    }
  }
  return ok(found);
}

const CANCELLED: AppError = { code: 'cancelled', what: 'The search was cancelled.', why: '', fix: '' };

function failed(error: AppError): MemorySearchEvent {
  return { kind: 'failed', error };
}

function tooMuch(total: bigint, most: bigint, space: MemorySpace) {
  return fail(
    'too-much',
    space === 'virtual'
      ? 'The tables map too much to be searched.'
      : 'This machine has too much memory to be searched.',
    `${total} bytes, at most ${most}`,
    space === 'virtual' ? 'Search physical memory.' : "Make a dump with QEMU's dump-guest-memory, and search that.",
  );
}

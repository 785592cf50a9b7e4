import { closeSync, openSync, readlinkSync, writeSync } from 'node:fs';
import { formatAddress } from '../../../app/base/address.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { MemoryPlace, MemoryView, MemoryWrite } from '../../../app/contract/index.ts';
import { ramFileName, ramFileOffset, ramLayout } from '../../../app/machine/ram-layout.ts';
import { type GuestMemory, isInRegion } from '../../../app/x86/memory.ts';
import { type PagingRegisters, translate } from '../../../app/x86/paging.ts';
import { objectAt } from './paging.ts';
import { type InspectTarget, pagingOf } from './target.ts';

const PAGE = 4096;
const MASK = 0xffff_ffff_ffff_ffffn;

/** Bytes at an address, with the holes between them named. */
export async function readMemory(target: InspectTarget, place: MemoryPlace, size: number): Promise<Result<MemoryView>> {
  const registers = await registersFor(target, place);
  if (!registers.ok) return registers;
  const looked = await target.look((memory) => collect(memory, registers.value, place.address, size));
  if (!looked.ok) return looked;
  const { data, present, physical } = looked.value;
  const image = place.space === 'virtual' ? await target.image() : undefined;
  const elf = image?.ok === true ? image.value.elf : undefined;
  return ok({
    space: place.space,
    address: formatAddress(place.address),
    size,
    data: Buffer.from(data).toString('base64'),
    present,
    physical: physical === undefined ? null : formatAddress(physical),
    symbol: elf === undefined ? null : (objectAt(elf, place.address) ?? elf.symbolise(place.address) ?? null),
  });
}

/** Null means that addresses are physical. */
async function registersFor(
  target: InspectTarget,
  { space, processor }: Pick<MemoryPlace, 'space' | 'processor'>,
): Promise<Result<PagingRegisters | null>> {
  return space === 'physical' ? ok(null) : await pagingOf(target, processor);
}

function collect(memory: GuestMemory, registers: PagingRegisters | null, address: bigint, size: number) {
  const data = new Uint8Array(size);
  const present: { offset: number; bytes: number }[] = [];
  for (let done = 0; done < size; ) {
    const at = address + BigInt(done);
    // Behind the last address is nothing, not the first.
    if (at > MASK) break;
    const part = Math.min(size - done, PAGE - Number(at & 0xfffn));
    const physical = physicalOf(memory, registers, at);
    const bytes = physical === undefined ? undefined : memory.read(physical, part);
    if (bytes !== undefined) {
      data.set(bytes, done);
      const last = present.at(-1);
      if (last !== undefined && last.offset + last.bytes === done) last.bytes += part;
      else present.push({ offset: done, bytes: part });
    }
    done += part;
  }
  return { data, present, physical: physicalOf(memory, registers, address) };
}

function physicalOf(memory: GuestMemory, registers: PagingRegisters | null, address: bigint): bigint | undefined {
  if (registers === null) return address;
  const page = translate(registers, (at, size) => memory.read(at, size), address);
  return page.kind === 'mapped' ? page.physical : undefined;
}

/**
 * Changes a machine's memory, if it is what its reader takes it for. Through its RAM file only while it stands still: a running processor
 * may have the bytes half read, and what it has translated of changed code it does not look at again. A gdb stub holds the machine for
 * this moment, and QEMU itself writes.
 */
export async function writeMemory(
  target: InspectTarget,
  place: MemoryPlace,
  bytes: Uint8Array,
  expected: Uint8Array,
): Promise<Result<MemoryWrite>> {
  const write = await writerOf(target);
  if (!write.ok) return write;
  const registers = await registersFor(target, place);
  if (!registers.ok) return registers;
  const looked = await target.look((memory) => pieces(memory, registers.value, place.address, bytes.length));
  if (!looked.ok) return looked;
  const found = looked.value;
  if (found === undefined)
    return fail(
      'not-ram',
      'Nothing can be written there.',
      `not all ${bytes.length} bytes at ${formatAddress(place.address)} are RAM`,
      'Choose another address.',
    );
  const before = Buffer.concat(found.map(({ bytes: piece }) => piece));
  if (!before.equals(expected))
    return fail(
      'changed-meanwhile',
      'Something else stands there now.',
      `${before.toString('hex')} instead of ${Buffer.from(expected).toString('hex')}`,
      'Look again, then change it.',
    );
  const written = await write.value(found, bytes);
  if (!written.ok) return written;
  const { space, address } = place;
  return ok({
    space,
    address: formatAddress(address),
    before: before.toString('hex'),
    after: Buffer.from(bytes).toString('hex'),
  });
}

type Writer = (found: readonly Piece[], bytes: Uint8Array) => Result<void> | Promise<Result<void>>;

/** How memory of a target is changed, or why it is not. */
async function writerOf(target: InspectTarget): Promise<Result<Writer>> {
  const { info } = target;
  if (target.store !== undefined) return ok((found, bytes) => storePieces(target, found, bytes));
  if (target.kind === 'dump' || info === null)
    return fail(
      'read-only',
      'A dump is not changed.',
      'it shows what was',
      'Change the memory of a machine that stands still.',
    );
  if (info.ramPath === '')
    return fail(
      'read-only',
      "This machine's memory cannot be changed.",
      "its RAM is QEMU's own (profile: ram = private)",
      'Start it with shared RAM.',
    );
  const status = await target.query('query-status');
  if (!status.ok) return status;
  return isRunning(status.value)
    ? fail('wrong-state', 'Memory is changed only while the machine stands still.', 'it runs', 'Pause it first.')
    : ok((found, bytes) => writePieces(info, found, bytes));
}

function isRunning(status: unknown): boolean {
  return typeof status !== 'object' || status === null || !('running' in status) || status.running !== false;
}

interface Piece {
  readonly physical: bigint;
  readonly bytes: Uint8Array;
}

function pieces(
  memory: GuestMemory,
  registers: PagingRegisters | null,
  address: bigint,
  size: number,
): Piece[] | undefined {
  const found: Piece[] = [];
  for (let done = 0; done < size; ) {
    const at = address + BigInt(done);
    const part = Math.min(size - done, PAGE - Number(at & 0xfffn));
    const physical = physicalOf(memory, registers, at);
    const bytes = physical === undefined ? undefined : memory.read(physical, part);
    if (physical === undefined || bytes === undefined || !isInRegion(memory.regions, physical, part)) return undefined;
    found.push({ physical, bytes });
    done += part;
  }
  return found;
}

async function storePieces(target: InspectTarget, found: readonly Piece[], bytes: Uint8Array): Promise<Result<void>> {
  let done = 0;
  for (const { physical, bytes: piece } of found) {
    const written = await target.store?.(physical, bytes.subarray(done, done + piece.length));
    if (written?.ok !== true) return written ?? ok();
    done += piece.length;
  }
  return ok();
}

function writePieces(
  info: NonNullable<InspectTarget['info']>,
  found: readonly Piece[],
  bytes: Uint8Array,
): Result<void> {
  let file: number | undefined;
  try {
    // The process id in a path of /proc may be another program's by now.
    if (info.ramPath.startsWith('/proc/') && !readlinkSync(info.ramPath).includes(ramFileName(info.id)))
      throw new Error(`${info.ramPath} is not the memory of ${info.id}`);
    file = openSync(info.ramPath, 'r+');
    const layout = ramLayout(info.profile.machine, info.profile.memoryMiB);
    let done = 0;
    for (const { physical, bytes: piece } of found) {
      const offset = ramFileOffset(layout, physical, piece.length);
      if (offset === undefined) throw new Error(`${formatAddress(physical)} is not in the file`);
      writeSync(file, bytes, done, piece.length, Number(offset));
      done += piece.length;
    }
    return ok();
  } catch (error) {
    return fail('not-written', 'Memory was not changed.', messageOf(error), 'The machine may have ended: look again.');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

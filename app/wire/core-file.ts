import { formatAddress } from '../base/address.ts';
import { ByteView, OutOfBounds } from '../base/bytes.ts';
import { fail, ok, type Result } from '../base/result.ts';
import {
  align4,
  NT_PRSTATUS,
  PRSTATUS,
  PRSTATUS_AT,
  QEMU_GENERAL,
  QEMU_SEGMENTS,
  SEGMENT_BYTES,
} from './core-notes.ts';
import type { ProcessorRegisters } from './qemu-registers.ts';

/**
 * ELF core files of whole machines: QEMU's `dump-guest-memory` and what is made with it (`virsh dump --memory-only`). Memory are the
 * PT_LOAD segments by their physical addresses; each processor has a note `CORE` NT_PRSTATUS and a note `QEMU` with what the first one
 * has no room for (QEMUCPUState, target/i386/arch_dump.c). Anybody may have made such a file: every length is checked.
 */

/** A piece of physical memory in the file. */
export interface CoreSegment {
  readonly start: bigint;
  readonly bytes: bigint;
  /** Offset in the file. */
  readonly offset: bigint;
}

export interface CoreHeader {
  readonly bits: 32 | 64;
  /** Segments of memory, in order of their addresses, none over another. */
  readonly segments: readonly CoreSegment[];
  /** Where the notes are in the file. */
  readonly notes: readonly { readonly offset: number; readonly bytes: number }[];
}

const ET_CORE = 4;
const EM_386 = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** Bytes of a file from its beginning that hold its header. */
export const CORE_HEADER_BYTES = 64;
export const MAX_NOTE_BYTES = 16 << 20;
const MAX_SEGMENTS = 65_536;
/** Offsets: gABI figures 4-3 and 5-1, for both classes. */
const EHDR = {
  64: { phoff: 32, phentsize: 54, phnum: 56, minimum: 56 },
  32: { phoff: 28, phentsize: 42, phnum: 44, minimum: 32 },
} as const;

/** Where the program headers are; from the first bytes of a file. */
export function coreProgramHeaders(head: Uint8Array): Result<{ readonly offset: number; readonly bytes: number }> {
  return guarded(() => {
    const view = new ByteView(head);
    if (view.u32(0) !== 0x464c457f) return refuse('it does not begin as an ELF file does');
    const bits = bitsOf(view);
    if (bits === null) return refuse('it is neither a 32-bit nor a 64-bit little-endian ELF file');
    if (view.u16(16) !== ET_CORE) return refuse(`it is an ELF file of type ${view.u16(16)}, not a core (4)`);
    const machine = view.u16(18);
    if (machine !== EM_X86_64 && machine !== EM_386) return refuse(`it is of machine ${machine}, not of an x86`);
    const at = EHDR[bits];
    const offset = bits === 64 ? view.u64(at.phoff) : BigInt(view.u32(at.phoff));
    const [size, count] = [view.u16(at.phentsize), view.u16(at.phnum)];
    if (size < at.minimum || count === 0) return refuse('it has no program headers');
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return refuse('its program headers lie outside of the file');
    return ok({ offset: Number(offset), bytes: size * count });
  });
}

/** Reads the header and the program headers, which `coreProgramHeaders` has found. */
export function readCoreHeader(head: Uint8Array, programHeaders: Uint8Array, fileBytes: number): Result<CoreHeader> {
  return guarded(() => {
    const view = new ByteView(head);
    const bits = bitsOf(view);
    if (bits === null) return refuse('it is no ELF file');
    const stride = view.u16(EHDR[bits].phentsize);
    const table = new ByteView(programHeaders);
    const count = Math.min(Math.floor(programHeaders.length / stride), MAX_SEGMENTS);
    const segments: CoreSegment[] = [];
    const notes: { offset: number; bytes: number }[] = [];
    for (let n = 0; n < count; n++) {
      const at = n * stride;
      const type = table.u32(at);
      if (type !== PT_LOAD && type !== PT_NOTE) continue;
      const [offset, start, bytes] =
        bits === 64
          ? [table.u64(at + 8), table.u64(at + 24), table.u64(at + 32)]
          : [table.u32(at + 4), table.u32(at + 12), table.u32(at + 16)].map(BigInt);
      if (offset === undefined || start === undefined || bytes === undefined || bytes === 0n) continue;
      if (offset + bytes > BigInt(fileBytes))
        return refuse(`a segment ends at ${offset + bytes}, and the file at ${fileBytes}: it is cut off`);
      if (type === PT_LOAD) segments.push({ start, bytes, offset });
      else notes.push({ offset: Number(offset), bytes: Math.min(Number(bytes), MAX_NOTE_BYTES) });
    }
    if (segments.length === 0) return refuse('it holds no memory');
    return ok({ bits, segments: withoutOverlaps(segments), notes });
  });
}

function bitsOf(view: ByteView): 32 | 64 | null {
  const [sort, order] = [view.u8(4), view.u8(5)];
  return order !== 1 ? null : sort === 2 ? 64 : sort === 1 ? 32 : null;
}

function withoutOverlaps(segments: CoreSegment[]): CoreSegment[] {
  const sorted = segments.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const kept: CoreSegment[] = [];
  let end = 0n;
  for (const segment of sorted) {
    if (segment.start < end || segment.start + segment.bytes > 1n << 64n) continue;
    kept.push(segment);
    end = segment.start + segment.bytes;
  }
  return kept;
}

/** What the notes tell of the processors. */
export interface CoreProcessors {
  readonly processors: readonly ProcessorRegisters[];
  /** What such notes do not tell, in words. */
  readonly lacks: readonly string[];
}

const MAX_PROCESSORS = 1024;

/** Reads notes: the processors in their order. */
export function readCoreNotes(notes: Uint8Array, bits: 32 | 64): CoreProcessors {
  const qemu: ProcessorRegisters[] = [];
  const plain: ProcessorRegisters[] = [];
  const view = new ByteView(notes);
  try {
    for (let at = 0; at + 12 <= notes.length && qemu.length < MAX_PROCESSORS && plain.length < MAX_PROCESSORS; ) {
      const [nameBytes, descBytes, type] = [view.u32(at), view.u32(at + 4), view.u32(at + 8)];
      const descAt = at + 12 + align4(nameBytes);
      const name = view.paddedText(at + 12, Math.min(nameBytes, 16));
      const desc = new ByteView(view.slice(descAt, descBytes));
      if (name === 'QEMU') qemu.push(qemuState(desc, qemu.length));
      else if (name === 'CORE' && type === NT_PRSTATUS && bits === 64) plain.push(prstatus(desc, plain.length));
      at = descAt + align4(descBytes);
    }
  } catch (error) {
    if (!(error instanceof OutOfBounds)) throw error;
  }
  if (qemu.length > 0) {
    return {
      processors: qemu,
      lacks: [
        'EFER is not recorded: long mode is taken from CS and the addresses in use, no-execute is taken to be on',
        'debug registers, MSRs, the floating-point state and whether a processor was halted are not recorded',
      ],
    };
  }
  return {
    processors: plain,
    lacks: [
      plain.length === 0
        ? 'registers are not recorded: only physical memory can be looked at'
        : 'control registers and tables are not recorded: only physical memory can be looked at',
    ],
  };
}

function qemuState(view: ByteView, index: number): ProcessorRegisters {
  const values: Record<string, string> = {};
  let at = 8;
  for (const name of QEMU_GENERAL) {
    values[name] = formatAddress(view.u64(at));
    at += 8;
  }
  for (const name of QEMU_SEGMENTS) {
    if (name !== 'gdt' && name !== 'idt') {
      values[name] = formatAddress(BigInt(view.u32(at)));
      values[`${name}.flags`] = formatAddress(BigInt(view.u32(at + 8)));
    }
    values[`${name}.limit`] = formatAddress(BigInt(view.u32(at + 4)));
    values[`${name}.base`] = formatAddress(view.u64(at + 16));
    at += SEGMENT_BYTES;
  }
  for (const name of ['cr0', '', 'cr2', 'cr3', 'cr4']) {
    if (name !== '') values[name] = formatAddress(view.u64(at));
    at += 8;
  }
  const efer = guessEfer(values);
  values.efer = formatAddress(efer);
  return { index, values, halted: false };
}

/** Long mode leaves its traces: CS.L (bit 21 of the flags), or an instruction pointer that 32 bits cannot hold. */
function guessEfer(values: Readonly<Record<string, string>>): bigint {
  const value = (name: string) => BigInt(values[name] ?? '0x0');
  const paging = (value('cr0') & (1n << 31n)) !== 0n && (value('cr4') & (1n << 5n)) !== 0n;
  const long = paging && ((value('cs.flags') & (1n << 21n)) !== 0n || value('rip') > 0xffff_ffffn);
  return long ? 0xd00n : 0n;
}

function prstatus(view: ByteView, index: number): ProcessorRegisters {
  const values: Record<string, string> = {};
  for (const [n, name] of PRSTATUS.entries())
    if (name !== '') values[name] = formatAddress(view.u64(PRSTATUS_AT + 8 * n));
  return { index, values, halted: false };
}

function guarded<T>(read: () => Result<T>): Result<T> {
  try {
    return read();
  } catch (error) {
    if (error instanceof OutOfBounds) return refuse(`offset ${error.offset}: ${error.message}`);
    throw error;
  }
}

function refuse(why: string) {
  return fail(
    'bad-dump',
    'This file is no dump of a machine.',
    why,
    "Make one with `ring0 inspect dump FILE`, or with QEMU's dump-guest-memory in its ELF format.",
  );
}

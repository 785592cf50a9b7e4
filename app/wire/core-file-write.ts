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
 * Writes ELF cores of whole machines as QEMU's `dump-guest-memory` does (dump/dump.c, target/i386/arch_dump.c): for where QEMU itself
 * cannot be told to. Always of class 64 and x86-64, which holds the registers of every mode.
 */

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
/** Memory begins at a page, so that the file can be mapped. */
const ALIGNMENT = 4096;
const PRSTATUS_BYTES = 336;
const PID_AT = 32;
const QEMU_BYTES = 440;
const CONTROL = ['cr0', '', 'cr2', 'cr3', 'cr4'];
/** Program headers beyond this need another format. */
const MAX_REGIONS = 0xfff0;

export interface CoreRegion {
  readonly start: bigint;
  readonly bytes: bigint;
}

/** All of a core that comes before its memory, which follows region by region; undefined if there are too many regions. */
export function coreHead(
  processors: readonly ProcessorRegisters[],
  regions: readonly CoreRegion[],
): Uint8Array | undefined {
  if (regions.length > MAX_REGIONS) return undefined;
  const notes = [
    ...processors.map((it) => note('CORE', NT_PRSTATUS, prstatus(it))),
    ...processors.map((it) => note('QEMU', 0, qemuState(it))),
  ];
  const notesAt = EHDR_BYTES + PHDR_BYTES * (regions.length + 1);
  const notesBytes = notes.reduce((sum, { length }) => sum + length, 0);
  const head = new Uint8Array(Math.ceil((notesAt + notesBytes) / ALIGNMENT) * ALIGNMENT);
  const view = new DataView(head.buffer);
  // gABI figure 4-3: magic, class 64, little-endian, version 1; a core of x86-64.
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 4, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(EHDR_BYTES), true);
  view.setUint16(52, EHDR_BYTES, true);
  view.setUint16(54, PHDR_BYTES, true);
  view.setUint16(56, regions.length + 1, true);
  programHeader(view, 0, 4, notesAt, 0n, BigInt(notesBytes));
  let offset = BigInt(head.length);
  for (const [n, { start, bytes }] of regions.entries()) {
    programHeader(view, n + 1, 1, offset, start, bytes);
    offset += bytes;
  }
  let at = notesAt;
  for (const it of notes) {
    head.set(it, at);
    at += it.length;
  }
  return head;
}

function programHeader(view: DataView, n: number, type: number, offset: number | bigint, start: bigint, bytes: bigint) {
  const at = EHDR_BYTES + PHDR_BYTES * n;
  view.setUint32(at, type, true);
  view.setBigUint64(at + 8, BigInt(offset), true);
  view.setBigUint64(at + 24, start, true);
  view.setBigUint64(at + 32, bytes, true);
  view.setBigUint64(at + 40, bytes, true);
}

function note(name: string, type: number, desc: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + align4(name.length + 1) + align4(desc.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, true);
  view.setUint32(4, desc.length, true);
  view.setUint32(8, type, true);
  for (let n = 0; n < name.length; n++) bytes[12 + n] = name.charCodeAt(n);
  bytes.set(desc, 12 + align4(name.length + 1));
  return bytes;
}

/** A register by the name of 64-bit mode; QEMU's monitor has those of 32 bits in the other modes. */
function registerOf({ values }: ProcessorRegisters, name: string): bigint {
  const short = name === 'rfl' ? 'efl' : /^r[a-z]/.test(name) ? `e${name.slice(1)}` : name;
  return BigInt.asUintN(64, BigInt(values[name] ?? values[short] ?? '0x0'));
}

function prstatus(processor: ProcessorRegisters): Uint8Array {
  const bytes = new Uint8Array(PRSTATUS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(PID_AT, processor.index + 1, true);
  for (const [n, name] of PRSTATUS.entries())
    if (name !== '') view.setBigUint64(PRSTATUS_AT + 8 * n, registerOf(processor, name), true);
  return bytes;
}

function qemuState(processor: ProcessorRegisters): Uint8Array {
  const bytes = new Uint8Array(QEMU_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(4, QEMU_BYTES, true);
  let at = 8;
  for (const name of QEMU_GENERAL) {
    view.setBigUint64(at, registerOf(processor, name), true);
    at += 8;
  }
  const short = (name: string) => Number(BigInt.asUintN(32, registerOf(processor, name)));
  for (const name of QEMU_SEGMENTS) {
    view.setUint32(at, short(name), true);
    view.setUint32(at + 4, short(`${name}.limit`), true);
    view.setUint32(at + 8, short(`${name}.flags`), true);
    view.setBigUint64(at + 16, registerOf(processor, `${name}.base`), true);
    at += SEGMENT_BYTES;
  }
  for (const name of CONTROL) {
    if (name !== '') view.setBigUint64(at, registerOf(processor, name), true);
    at += 8;
  }
  view.setBigUint64(at, registerOf(processor, 'kernel_gs.base'), true);
  return bytes;
}

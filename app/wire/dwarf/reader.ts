import { ByteReader, decodeUtf8, OutOfBounds } from '../../base/bytes.ts';
import type { Elf, ElfSection } from '../elf.ts';

/** A construct that the standard allows and this reader does not know; its border names the offset. */
export class Unsupported extends Error {
  readonly offset: number;

  constructor(offset: number, what: string) {
    super(what);
    this.name = 'Unsupported';
    this.offset = offset;
  }
}

/** Longest name that is read: paths of generated code are long, hostile ones longer. */
const MAX_TEXT = 4096;

/** The variable-length encodings of DWARF (version 5, §7.4 and §7.6) on top of a bounded cursor. */
export class DwarfReader extends ByteReader {
  /** Unsigned LEB128. Values above 2^53 lose their low bits: nothing that is counted or indexed is that large. */
  uleb(): number {
    const at = this.offset;
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 10; n++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Unsupported(at, 'a LEB128 number of more than ten bytes');
  }

  /** Signed LEB128. */
  sleb(): number {
    const at = this.offset;
    let value = 0;
    let scale = 1;
    for (let n = 0; n < 10; n++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale : value;
    }
    throw new Unsupported(at, 'a LEB128 number of more than ten bytes');
  }

  /** Text up to a zero byte. */
  text(): string {
    const at = this.offset;
    const text = this.view.bytes.subarray(at, at + MAX_TEXT);
    const end = text.indexOf(0);
    if (end < 0) throw new OutOfBounds(at, MAX_TEXT, text.length);
    this.offset = at + end + 1;
    return decodeUtf8(text.subarray(0, end));
  }

  /** The length of a unit, and with it whether offsets in the unit have four bytes or eight (§7.4). */
  unitLength(): { readonly bytes: number; readonly offsetSize: 4 | 8 } {
    const at = this.offset;
    const short = this.u32();
    if (short < 0xffff_fff0) return { bytes: short, offsetSize: 4 };
    if (short !== 0xffff_ffff) throw new Unsupported(at, `a unit length of ${short.toString(16)}`);
    return { bytes: this.wide(), offsetSize: 8 };
  }

  /** An offset into another section. */
  sectionOffset(size: 4 | 8): number {
    return size === 4 ? this.u32() : this.wide();
  }

  /** A 64-bit number that must be a count or an offset. */
  wide(): number {
    const at = this.offset;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new OutOfBounds(at, Number.MAX_SAFE_INTEGER, 0);
    return Number(value);
  }
}

/** The sections of DWARF that are needed to find places in source. */
export interface DwarfSections {
  readonly line: Uint8Array;
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
  readonly info: Uint8Array;
  readonly abbreviations: Uint8Array;
}

const NONE = new Uint8Array(0);

/** A section whose content is packed (gABI 4-11, `SHF_COMPRESSED`). */
export const SHF_COMPRESSED = 0x800n;

/** The debug sections of an image; absent ones and packed ones are empty. */
export function dwarfSections(bytes: Uint8Array, elf: Elf): DwarfSections {
  const take = (name: string) =>
    sectionBytes(
      bytes,
      elf.sections.find((it) => it.name === name),
    );
  return {
    line: take('.debug_line'),
    lineStrings: take('.debug_line_str'),
    strings: take('.debug_str'),
    info: take('.debug_info'),
    abbreviations: take('.debug_abbrev'),
  };
}

function sectionBytes(bytes: Uint8Array, section: ElfSection | undefined): Uint8Array {
  if (section === undefined || (section.flags & SHF_COMPRESSED) !== 0n) return NONE;
  return bytes.subarray(section.offset, Math.min(bytes.length, section.offset + section.size));
}

/** Text in a section of strings; empty if `at` lies outside. */
export function stringAt(section: Uint8Array, at: number): string {
  const text = section.subarray(at, at + MAX_TEXT);
  const end = text.indexOf(0);
  return decodeUtf8(end < 0 ? text : text.subarray(0, end));
}

import { type DwarfReader, type DwarfSections, stringAt, Unsupported } from './reader.ts';

/** How a value is written (DWARF 5, §7.5.6, table 7.6), as far as line tables and the heads of units need it. */
export const FORM = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  refUdata: 0x15,
  secOffset: 0x17,
  exprloc: 0x18,
  flagPresent: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  data16: 0x1e,
  lineStrp: 0x1f,
  implicitConst: 0x21,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
} as const;

/** What reading a value depends on. */
export interface FormContext {
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly sections: DwarfSections;
}

/** Reads one value past; its number or text, or null for what is neither (blocks, addresses, indexed text). */
export function readForm(reader: DwarfReader, form: number, context: FormContext): number | string | null {
  const { offsetSize, addressSize, sections } = context;
  switch (form) {
    case FORM.data1:
    case FORM.flag:
    case FORM.ref1:
      return reader.u8();
    case FORM.data2:
    case FORM.ref2:
      return reader.u16();
    case FORM.data4:
    case FORM.ref4:
      return reader.u32();
    case FORM.udata:
    case FORM.refUdata:
      return reader.uleb();
    case FORM.sdata:
      return reader.sleb();
    case FORM.secOffset:
      return reader.sectionOffset(offsetSize);
    case FORM.string:
      return reader.text();
    case FORM.strp:
      return stringAt(sections.strings, reader.sectionOffset(offsetSize));
    case FORM.lineStrp:
      return stringAt(sections.lineStrings, reader.sectionOffset(offsetSize));
    case FORM.flagPresent:
      return 1;
    case FORM.implicitConst:
      return null;
    default:
      reader.skip(opaqueBytes(reader, form, offsetSize, addressSize));
      return null;
  }
}

/** Bytes of a value that is not looked into. */
function opaqueBytes(reader: DwarfReader, form: number, offsetSize: number, addressSize: number): number {
  switch (form) {
    case FORM.addr:
      return addressSize;
    case FORM.data8:
    case FORM.ref8:
      return 8;
    case FORM.data16:
      return 16;
    case FORM.refAddr:
      return offsetSize;
    case FORM.block1:
      return reader.u8();
    case FORM.block2:
      return reader.u16();
    case FORM.block4:
      return reader.u32();
    case FORM.block:
    case FORM.exprloc:
      return reader.uleb();
    case FORM.strx:
    case FORM.addrx:
      reader.uleb();
      return 0;
    case FORM.strx1:
    case FORM.addrx1:
      return 1;
    case FORM.strx2:
    case FORM.addrx2:
      return 2;
    case FORM.strx3:
    case FORM.addrx3:
      return 3;
    case FORM.strx4:
    case FORM.addrx4:
      return 4;
    default:
      throw new Unsupported(reader.offset, `form 0x${form.toString(16)} is not known`);
  }
}
